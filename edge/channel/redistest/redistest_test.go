//go:build unix

package redistest_test

import (
	"bufio"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/tenantedge/tenantedge/edge/channel/redistest"
)

func client(t *testing.T, s *redistest.Server) *redis.Client {
	t.Helper()
	options, err := redis.ParseURL(s.URL())
	if err != nil {
		t.Fatal(err)
	}
	options.MaxRetries = -1
	c := redis.NewClient(options)
	t.Cleanup(func() {
		if err := c.Close(); err != nil {
			t.Error(err)
		}
	})
	return c
}

func TestAServerComesBackEmptyAfterStopAndKill(t *testing.T) {
	s := redistest.StartOwn(t)
	if redistest.Start(t) == s || redistest.Start(t) != redistest.StartTwo(t)[0] {
		t.Error("which servers are shared and which are not is mixed up")
	}
	for _, end := range []func(testing.TB){s.Stop, s.Kill} {
		if err := client(t, s).Set(t.Context(), "key", "value", 0).Err(); err != nil {
			t.Fatal(err)
		}
		end(t)
		if err := client(t, s).Ping(t.Context()).Err(); err == nil {
			t.Fatal("the server is still there")
		}
		s.Restart(t)
		if err := client(t, s).Get(t.Context(), "key").Err(); !errors.Is(err, redis.Nil) {
			t.Errorf("got %v, expected an empty server", err)
		}
	}
}

// The test runs itself as a second process, kills it, and sees its server go.
func TestAServerEndsWithItsProcess(t *testing.T) {
	if os.Getenv("REDISTEST_CHILD") != "" {
		pid, err := redistest.StartOwn(t).PID()
		fmt.Fprintln(os.Stderr, "server", pid, err)
		select {}
	}
	c := exec.Command(os.Args[0], "-test.run", "^TestAServerEndsWithItsProcess$")
	c.Env = append(os.Environ(), "REDISTEST_CHILD=1")
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
	if _, err := fmt.Fscan(strings.NewReader(strings.TrimPrefix(line, "server ")), &pid); err != nil {
		t.Fatalf("%v: the child said %q", err, line)
	}
	if err := c.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = c.Wait() // it was killed
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for late := time.After(time.Minute); !errors.Is(syscall.Kill(pid, 0), syscall.ESRCH); {
		select {
		case <-tick.C:
		case <-late:
			t.Fatalf("server %d is still there", pid)
		}
	}
}
