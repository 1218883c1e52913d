package tenantedge_test

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// binaries is where programs are built.
var binaries string

func TestMain(m *testing.M) {
	os.Exit(func() int {
		var err error
		if binaries, err = os.MkdirTemp("", "tenantedge-caddy"); err != nil {
			fmt.Fprintln(os.Stderr, err)
			return 1
		}
		defer os.RemoveAll(binaries)
		return m.Run()
	}())
}

// build builds a program in a module and returns its path.
func build(t testing.TB, module, target string) string {
	t.Helper()
	path := filepath.Join(binaries, filepath.Base(target))
	c := exec.Command("go", "build", "-o", path, target)
	c.Dir = module
	if out, err := c.CombinedOutput(); err != nil {
		t.Fatalf("go build %s: %v\n%s", target, err, out)
	}
	return path
}

// process is a program that runs.
type process struct {
	*exec.Cmd
	log lockedBuffer
}

// run starts a program and stops it at the end of the test.
func run(t testing.TB, c *exec.Cmd) *process {
	t.Helper()
	p := &process{Cmd: c}
	c.Stdout, c.Stderr = &p.log, &p.log
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = c.Process.Signal(syscall.SIGTERM)
		done := make(chan struct{})
		go func() { _ = c.Wait(); close(done) }()
		select {
		case <-done:
		case <-time.After(20 * time.Second):
			_ = c.Process.Kill()
			t.Errorf("%s did not stop", c.Path)
			<-done
		}
		if t.Failed() {
			t.Logf("the log of %s ends with\n%s", filepath.Base(c.Path), p.log.tail(4000))
		}
	})
	return p
}

// resident returns the resident memory of a process in MiB.
func (p *process) resident(t testing.TB) float64 {
	t.Helper()
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", p.Process.Pid))
	if err != nil {
		t.Skip(err)
	}
	_, rest, _ := strings.Cut(string(status), "VmRSS:")
	var kb float64
	if _, err := fmt.Sscan(rest, &kb); err != nil {
		t.Fatal(err)
	}
	return kb / 1024
}

// eventually calls try until it returns nil, for at most a minute.
func eventually(t testing.TB, what string, try func() error) {
	t.Helper()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for deadline := time.Now().Add(time.Minute); ; <-tick.C {
		err := try()
		if err == nil {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("%s: %v", what, err)
		}
	}
}

// runCaddy runs the Caddy of cmd/caddy with a Caddyfile, until its admin endpoint
// answers.
func (w *world) runCaddy(caddyfile string, files ...*os.File) *process {
	w.Helper()
	config := filepath.Join(w.dir, "Caddyfile")
	w.write(config, caddyfile)
	c := exec.Command(build(w.TB, ".", "./cmd/caddy"), "run", "--config", config)
	c.Env = append(os.Environ(), "XDG_DATA_HOME="+w.dir, "XDG_CONFIG_HOME="+w.dir)
	c.ExtraFiles = files
	p := run(w.TB, c)
	eventually(w.TB, "the admin endpoint of Caddy", func() error {
		if p.log.contains("Error:") {
			w.Fatalf("Caddy does not start:\n%s", p.log.tail(4000))
		}
		response, err := http.Get("http://" + w.admin + "/tenantedge/")
		if err != nil {
			return err
		}
		defer response.Body.Close()
		if response.StatusCode != http.StatusOK {
			return fmt.Errorf("status %d", response.StatusCode)
		}
		return nil
	})
	return p
}

// lockedBuffer is the output of a process.
type lockedBuffer struct {
	mu     sync.Mutex
	buffer bytes.Buffer
}

func (b *lockedBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buffer.Write(p)
}

func (b *lockedBuffer) contains(s string) bool { return b.count(s) > 0 }

func (b *lockedBuffer) count(s string) int {
	b.mu.Lock()
	defer b.mu.Unlock()
	return bytes.Count(b.buffer.Bytes(), []byte(s))
}

func (b *lockedBuffer) tail(n int) string {
	b.mu.Lock()
	defer b.mu.Unlock()
	all := b.buffer.Bytes()
	return string(all[max(len(all)-n, 0):])
}

var _ io.Writer = (*lockedBuffer)(nil)
