package process

import (
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"
)

// ErrNoCPUTime is returned where the processor time or the memory of another
// process cannot be read.
var ErrNoCPUTime = errors.New("process: processor time and memory can be read on Linux only, from /proc")

// tick is the unit of /proc/PID/stat: USER_HZ, which is 100 wherever Go runs.
const tick = 10 * time.Millisecond

// CPUTime returns the user and system time that the server and its child
// processes have used so far.
func (s *Server) CPUTime() (total time.Duration, err error) {
	pids, err := s.pids()
	for i, pid := range pids {
		used, err := cpuTime(pid)
		if err != nil {
			if i > 0 {
				continue // the child has ended
			}
			return 0, err
		}
		total += used
	}
	return total, err
}

// pids returns the process of the server and the child processes that its main
// thread has started.
func (s *Server) pids() ([]int, error) {
	pids := []int{s.PID()}
	children, err := os.ReadFile(fmt.Sprintf("/proc/%d/task/%[1]d/children", s.PID()))
	if err != nil {
		return pids, nil // the kernel was built without that list
	}
	for _, field := range strings.Fields(string(children)) {
		pid, err := strconv.Atoi(field)
		if err != nil {
			return nil, err
		}
		pids = append(pids, pid)
	}
	return pids, nil
}

func cpuTime(pid int) (time.Duration, error) {
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return 0, errors.Join(ErrNoCPUTime, err)
	}
	// The name in parentheses may contain spaces. Fields 14 and 15 of the line
	// have the indexes 11 and 12 after it.
	_, rest, _ := strings.Cut(string(b), ") ")
	fields := strings.Fields(rest)
	if len(fields) < 13 {
		return 0, ErrNoCPUTime
	}
	user, err1 := strconv.ParseInt(fields[11], 10, 64)
	system, err2 := strconv.ParseInt(fields[12], 10, 64)
	return time.Duration(user+system) * tick, errors.Join(err1, err2)
}

// Usage describes the resources that a process holds.
type Usage struct {
	Resident int // bytes of anonymous memory, without mapped files
	Files    int // open descriptors
}

// Usage returns the resources that the server holds.
func (s *Server) Usage() (u Usage, err error) {
	folder := fmt.Sprintf("/proc/%d/", s.PID())
	status, err := os.ReadFile(folder + "status")
	if err != nil {
		return u, errors.Join(ErrNoCPUTime, err)
	}
	if u.Resident, err = kilobytes(status, "RssAnon:"); err != nil {
		return u, fmt.Errorf("process: in %sstatus: %w", folder, err)
	}
	files, err := os.ReadDir(folder + "fd")
	u.Files = len(files)
	return u, err
}
