package smoke

import (
	"fmt"
	"os"
	"runtime/debug"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

const hasBackground = true

// confine limits the memory and the processor time of the child. Compiling takes
// about sixty times the size of a guest. A process that exceeds its limits dies,
// and the guest is rejected.
func confine(t *Trial) error {
	if t.Background {
		runIdle()
	}
	used, err := dataSize()
	if err != nil {
		return err
	}
	memory := uint64(1<<30) + 64*uint64(len(t.Wasm)) + 2*uint64(max(t.Memory, 64<<20))
	debug.SetMemoryLimit(int64(memory / 2))
	// If the machine or the container runs out of memory, the kernel must kill
	// this process and not the server. The trial continues if this cannot be set.
	_ = os.WriteFile("/proc/self/oom_score_adj", []byte("1000"), 0)
	seconds := uint64(2 * timeout.Seconds())
	for _, l := range []struct {
		resource int
		limit    uint64
	}{
		{unix.RLIMIT_DATA, used + memory},
		{unix.RLIMIT_CPU, seconds}, // in case the parent dies
		{unix.RLIMIT_CORE, 0},
	} {
		if err := unix.Setrlimit(l.resource, &unix.Rlimit{Cur: l.limit, Max: l.limit}); err != nil {
			return fmt.Errorf("resource limit %d of %d: %w", l.resource, l.limit, err)
		}
	}
	return nil
}

// runIdle makes the kernel run the threads of this process only when a processor
// has nothing else to do. Threads inherit this from the thread that starts them.
// The trial continues if it cannot be set.
func runIdle() {
	for again := true; again; {
		again = false // unless a thread may have started another one meanwhile
		threads, _ := os.ReadDir("/proc/self/task")
		for _, d := range threads {
			id, err := strconv.Atoi(d.Name())
			if err != nil {
				continue
			}
			if is, err := unix.SchedGetAttr(id, 0); err == nil && is.Policy != unix.SCHED_IDLE {
				again = unix.SchedSetAttr(id, &unix.SchedAttr{Policy: unix.SCHED_IDLE}, 0) == nil || again
			}
		}
	}
}

// dataSize returns the number of bytes that already count towards RLIMIT_DATA. The runtime of a
// race-detector build starts with terabytes.
func dataSize() (uint64, error) {
	status, err := os.ReadFile("/proc/self/status")
	if err != nil {
		return 0, err
	}
	_, rest, _ := strings.Cut(string(status), "\nVmData:")
	line, _, _ := strings.Cut(rest, " kB\n")
	kilobytes, err := strconv.ParseUint(strings.TrimSpace(line), 10, 64)
	if err != nil {
		return 0, fmt.Errorf("VmData in /proc/self/status: %w", err)
	}
	return kilobytes << 10, nil
}
