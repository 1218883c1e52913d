package edge

import (
	"fmt"
	"os"
	"runtime/debug"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// confine bounds what the smoke run's process may take. Compiling takes some
// sixty times a guest's size; what goes beyond the bound ends the process, and
// the guest is refused.
func confine(t *Trial) error {
	used, err := dataSize()
	if err != nil {
		return err
	}
	most := uint64(1<<30) + 64*uint64(len(t.Wasm)) + 2*uint64(max(t.Limits.Memory, 64<<20))
	debug.SetMemoryLimit(int64(most / 2))
	// Should the machine, or the container, run out of memory before: this
	// process is to go, and not the one that serves. That it cannot be asked for is no reason to refuse a guest.
	_ = os.WriteFile("/proc/self/oom_score_adj", []byte("1000"), 0)
	seconds := uint64(2 * smokeBound.Seconds())
	for _, l := range []struct {
		resource int
		most     uint64
	}{
		{unix.RLIMIT_DATA, used + most},
		{unix.RLIMIT_CPU, seconds}, // should nobody be left to kill it
		{unix.RLIMIT_CORE, 0},
	} {
		if err := unix.Setrlimit(l.resource, &unix.Rlimit{Cur: l.most, Max: l.most}); err != nil {
			return fmt.Errorf("resource limit %d of %d: %w", l.resource, l.most, err)
		}
	}
	return nil
}

// dataSize is what of the process RLIMIT_DATA counts already, in bytes: a
// runtime with a race detector begins with terabytes.
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
