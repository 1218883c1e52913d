//go:build unix

package testserver_test

import (
	"bufio"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/tenantedge/tenantedge/tenantdb/testserver"
)

// shell is a server that runs script.
func shell(script string) testserver.Config {
	return testserver.Config{
		Name:    "shell",
		Prepare: func(s *testserver.Server) error { return s.Command("touch", "starts").Run() },
		Command: func(s *testserver.Server) *exec.Cmd { return s.Command("/bin/sh", "-c", script) },
		Ready:   func(_ *testserver.Server, log string) bool { return strings.Contains(log, "ready") },
	}
}

const counting = `echo start >>starts; echo ready; exec sleep 1000`

func TestAServerComesBackInItsFolderAfterStopAndKill(t *testing.T) {
	s, err := testserver.Start(shell(counting))
	if err != nil {
		t.Fatal(err)
	}
	port := s.Port()
	for i, end := range []func(testing.TB){s.Stop, s.Kill} {
		pid := s.PID()
		end(t)
		if s.Runs() || !errors.Is(syscall.Kill(pid, 0), syscall.ESRCH) {
			t.Fatal("the server still runs")
		}
		s.Restart(t)
		if starts, err := os.ReadFile(s.Dir() + "/starts"); len(starts) != (i+2)*len("start\n") || err != nil {
			t.Errorf("its folder holds %q, %v: expected %d starts", starts, err, i+2)
		}
		if !s.Runs() || s.PID() == pid || s.Port() != port {
			t.Errorf("runs: %v, process %d after %d, port %d after %d", s.Runs(), s.PID(), pid, s.Port(), port)
		}
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
	if _, err := os.Stat(s.Dir()); s.Runs() || !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("after Close it runs: %v, its folder: %v", s.Runs(), err)
	}
}

func TestTheProcessesOfAServerEndWithIt(t *testing.T) {
	c := shell(`sleep 1000 & echo $! >child; echo ready; wait`)
	c.Group = true
	s, err := testserver.Start(c)
	if err != nil {
		t.Fatal(err)
	}
	var child int
	text, err := os.ReadFile(s.Dir() + "/child")
	if _, scanErr := fmt.Sscan(string(text), &child); err != nil || scanErr != nil {
		t.Fatal(err, scanErr)
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
	for deadline := time.After(30 * time.Second); !errors.Is(syscall.Kill(child, 0), syscall.ESRCH); {
		select {
		case <-time.After(5 * time.Millisecond):
		case <-deadline:
			t.Fatal("a process of the server still runs")
		}
	}
}

func TestTheErrorOfAServerThatDoesNotStartHasItsLog(t *testing.T) {
	for what, script := range map[string]string{
		"one that ends":            `echo no such thing; exit 3`,
		"one that cannot be found": `exec /none; echo no such thing`,
	} {
		s, err := testserver.Start(shell(script))
		if err == nil || !strings.HasPrefix(err.Error(), "shell: ") || !strings.Contains(err.Error(), "no such thing") && !strings.Contains(err.Error(), "not found") {
			t.Errorf("%s: got %v, %v", what, s, err)
		}
	}
	c := shell(counting)
	broken := errors.New("broken")
	c.Prepare = func(*testserver.Server) error { return broken }
	if _, err := testserver.Start(c); !errors.Is(err, broken) {
		t.Errorf("got %v, expected the error of Prepare", err)
	}
}

// The test runs itself as a child process, kills it, and waits for the end of the
// child's server and folder.
func TestAServerAndItsFolderEndWithTheTestProcess(t *testing.T) {
	if os.Getenv("TESTSERVER_CHILD") != "" {
		s, err := testserver.Start(shell(counting))
		if err != nil {
			t.Fatal(err)
		}
		fmt.Fprintln(os.Stderr, s.PID(), s.Dir())
		select {}
	}
	c := exec.Command(os.Args[0], "-test.run", "^TestAServerAndItsFolderEndWithTheTestProcess$")
	c.Env = append(os.Environ(), "TESTSERVER_CHILD=1")
	stderr, err := c.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	line, err := bufio.NewReader(stderr).ReadString('\n')
	if err != nil {
		t.Fatal(err)
	}
	var pid int
	var dir string
	if _, err := fmt.Sscan(line, &pid, &dir); err != nil {
		t.Fatalf("%v: the child wrote %q", err, line)
	}
	if err := syscall.Kill(pid, 0); err != nil {
		t.Fatalf("process %d: %v, expected the server", pid, err)
	}
	if err := c.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = c.Wait() // it was killed
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for deadline := time.After(time.Minute); ; {
		found, err := os.Stat(dir)
		if errors.Is(syscall.Kill(pid, 0), syscall.ESRCH) && errors.Is(err, fs.ErrNotExist) {
			return
		}
		select {
		case <-tick.C:
		case <-deadline:
			t.Fatalf("after a minute process %d or folder %v is still there", pid, found)
		}
	}
}
