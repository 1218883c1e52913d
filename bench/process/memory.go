package process

import (
	"errors"
	"fmt"
	"os"
	"strings"
)

// Memory describes the memory of a server and its child processes, in bytes.
type Memory struct {
	Resident     int // pages in memory, shared ones counted once for each process
	Proportional int // the same, each shared page divided by its number of users
	Peak         int // sum of the largest resident sizes that each process has had
}

// Memory returns the memory of the server and its child processes.
func (s *Server) Memory() (total Memory, err error) {
	pids, err := s.pids()
	if err != nil {
		return Memory{}, err
	}
	for i, pid := range pids {
		m, err := memoryOf(pid)
		if err != nil {
			if i > 0 {
				continue // the child has ended
			}
			return Memory{}, err
		}
		total.Resident += m.Resident
		total.Proportional += m.Proportional
		total.Peak += m.Peak
	}
	return total, nil
}

func memoryOf(pid int) (m Memory, err error) {
	folder := fmt.Sprintf("/proc/%d/", pid)
	rollup, err := os.ReadFile(folder + "smaps_rollup")
	if err != nil {
		return m, errors.Join(ErrNoCPUTime, err)
	}
	status, err := os.ReadFile(folder + "status")
	if err != nil {
		return m, errors.Join(ErrNoCPUTime, err)
	}
	for _, v := range []struct {
		file []byte
		key  string
		into *int
	}{{rollup, "Rss:", &m.Resident}, {rollup, "Pss:", &m.Proportional}, {status, "VmHWM:", &m.Peak}} {
		if *v.into, err = kilobytes(v.file, v.key); err != nil {
			return m, fmt.Errorf("process: in %s: %w", folder, err)
		}
	}
	return m, nil
}

// kilobytes returns the value of a line such as "Rss: 12 kB", in bytes.
func kilobytes(file []byte, key string) (n int, err error) {
	_, rest, ok := strings.Cut("\n"+string(file), "\n"+key)
	if _, err := fmt.Sscan(rest, &n); !ok || err != nil {
		return 0, fmt.Errorf("expected a line %q with a number of kB, found none: %w", key, errors.Join(ErrNoCPUTime, err))
	}
	return n << 10, nil
}
