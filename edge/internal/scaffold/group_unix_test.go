//go:build unix

package scaffold

import (
	"bufio"
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"syscall"
	"testing"
)

// make starts a shell, and this a compiler: both must end with the build, also if
// they ignore the signal. Both hold a FIFO open, so that its end is theirs.
func TestACanceledBuildLeavesNoProcess(t *testing.T) {
	for name, before := range map[string]string{"they end at the signal": "true", "they ignore the signal": "trap '' TERM"} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			fifo := filepath.Join(dir, "fifo")
			if err := syscall.Mkfifo(fifo, 0o600); err != nil {
				t.Skip(err)
			}
			rule := "guest.wasm:\n\t@sh -c \"" + before + "; exec 3>fifo; echo started >&3; sleep 20; echo survived >&3\"\n"
			if err := os.WriteFile(filepath.Join(dir, "Makefile"), []byte(rule), 0o600); err != nil {
				t.Fatal(err)
			}
			project, err := Open(dir)
			if err != nil {
				t.Fatal(err)
			}
			if missing := project.Missing(); missing != nil {
				t.Skip(missing)
			}
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			built := make(chan error, 1)
			go func() {
				_, err := project.Build(ctx, io.Discard)
				built <- err
			}()
			f, err := os.Open(fifo)
			if err != nil {
				t.Fatal(err)
			}
			defer f.Close()
			written := bufio.NewReader(f)
			if line, err := written.ReadString('\n'); line != "started\n" {
				t.Fatalf("%q, %v", line, err)
			}
			cancel()
			if err := <-built; !errors.Is(err, context.Canceled) {
				t.Errorf("the build ended with %v", err)
			}
			if rest, err := io.ReadAll(written); len(rest) > 0 || err != nil {
				t.Errorf("a process continued after the build: %q, %v", rest, err)
			}
		})
	}
}
