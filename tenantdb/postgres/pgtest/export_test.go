//go:build unix

package pgtest

import (
	"errors"
	"io/fs"
	"os"
	"syscall"
	"testing"
	"time"
)

// WaitGone waits until a process that is not ours and a folder are gone.
func WaitGone(tb testing.TB, pid int, folder string) {
	tb.Helper()
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for late := time.After(patience); ; {
		_, err := os.Stat(folder)
		if errors.Is(syscall.Kill(pid, 0), syscall.ESRCH) && errors.Is(err, fs.ErrNotExist) {
			return
		}
		select {
		case <-tick.C:
		case <-late:
			tb.Fatalf("after %v process %d or folder %s is still there", patience, pid, folder)
		}
	}
}
