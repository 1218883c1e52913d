//go:build unix

package main

import (
	"bytes"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/tenantedge/tenantedge/edge/internal/wasm/wasmtest"
)

// edgeProcess is a tenantedge serve in its own process.
type edgeProcess struct {
	t     *testing.T
	c     *exec.Cmd
	lines chan map[string]any
}

func serveProcess(t *testing.T, path string) *edgeProcess {
	t.Helper()
	p := &edgeProcess{t: t, c: exec.Command(os.Args[0], "serve", "-c", path), lines: make(chan map[string]any, 1000)}
	p.c.Env = append(os.Environ(), asProgram+"=1")
	logs, err := p.c.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := p.c.Start(); err != nil {
		t.Fatal(err)
	}
	go func() {
		defer close(p.lines)
		for d := json.NewDecoder(logs); ; {
			var line map[string]any
			if d.Decode(&line) != nil {
				return
			}
			p.lines <- line
		}
	}()
	t.Cleanup(func() { _ = p.c.Process.Kill() }) // it has ended
	return p
}

// line waits for a log line with a message and returns it.
func (p *edgeProcess) line(message string) map[string]any {
	p.t.Helper()
	late := time.After(2 * time.Minute)
	for {
		select {
		case l, ok := <-p.lines:
			if !ok {
				p.t.Fatalf("the edge ended before it logged %q", message)
			}
			if l["msg"] == message {
				return l
			}
		case <-late:
			p.t.Fatalf("the edge does not log %q", message)
		}
	}
}

func (p *edgeProcess) signal(s os.Signal) {
	p.t.Helper()
	if err := p.c.Process.Signal(s); err != nil {
		p.t.Fatal(err)
	}
}

// serve watches the guest's file and reads it again on SIGHUP. Neither ends the
// process, and a guest that is refused changes nothing.
func TestServeReloadsTheGuestFile(t *testing.T) {
	guest := filepath.Join(t.TempDir(), "guest.wasm")
	numbered := func(n byte) []byte { return append(wasmtest.Sound().Wasm(), 0, 3, 1, 'n', n) }
	replaceFile(t, guest, numbered(0))
	p := serveProcess(t, writeFile(t, "edge.yaml", "admin: '127.0.0.1:0'\nlisteners: ['127.0.0.1:0']\nlogs: {format: json}\nguest: {path: '"+guest+"'}\n"))
	loaded := p.line("the guest is loaded")
	for _, key := range []string{"digest", "compile_cache", "fuel_version", "instances", "image_bytes"} {
		if _, ok := loaded[key]; !ok {
			t.Errorf("the log line about the guest has no %s: %v", key, loaded)
		}
	}
	p.line("serving")

	p.signal(syscall.SIGHUP)
	if l := p.line("the guest file was reloaded; its guest was already running"); l["digest"] != loaded["digest"] {
		t.Errorf("the guest is %v, and was %v before", l["digest"], loaded["digest"])
	}
	replaceFile(t, guest, numbered(1))
	if l := p.line("the guest file has changed; its guest is now running"); l["previous"] != loaded["digest"] {
		t.Errorf("the guest before is %v, expected %v", l["previous"], loaded["digest"])
	}
	replaceFile(t, guest, bytes.Repeat([]byte("no guest"), 100))
	if l := p.line("the guest file is missing or refused; the current guest keeps running"); !strings.Contains(l["error"].(string), "edge: smoke run: expected the guest to load") {
		t.Errorf("the error is %v", l["error"])
	}
	p.signal(syscall.SIGHUP)
	p.line("cannot reload the guest file: it is missing or refused; the current guest keeps running")
	replaceFile(t, guest, numbered(0))
	p.line("the guest file has changed; its guest is now running")

	p.signal(syscall.SIGTERM)
	p.line("shut down")
	for range p.lines { // until it has ended
	}
	if err := p.c.Wait(); err != nil {
		t.Errorf("it ended with %v", err)
	}
}

func TestServeWithoutAGuestFileLogsThatOnSIGHUP(t *testing.T) {
	p := serveProcess(t, writeFile(t, "edge.yaml", "admin: off\nlisteners: ['127.0.0.1:0']\nlogs: {format: json}\n"))
	p.line("serving")
	p.signal(syscall.SIGHUP)
	p.line("cannot reload the guest file: the configuration has no guest.path; nothing changes")
	p.signal(syscall.SIGTERM)
	p.line("shut down")
}

// serve and eval try a configured guest first. If it is refused, they fail and say
// why.
func TestAUsersGuestIsTriedFirst(t *testing.T) {
	guest := writeFile(t, "guest.wasm", string(wasmtest.Sound().With("te_route", 0x00).Wasm()))
	config := writeFile(t, "edge.yaml", "admin: off\nlisteners: ['127.0.0.1:0']\nguest: {path: '"+guest+"'}\n")
	for _, args := range [][]string{{"serve", "-c", config}, {"eval", "-c", config, "-r", "GET http://a.example.com/"}} {
		code, _, stderr := command("", args...)
		if code != exitFailed || !strings.Contains(stderr, "smoke run: expected the guest to load and to answer in a child process, found no decision on GET") {
			t.Errorf("%s: exit %d, %s", args[0], code, stderr)
		}
	}
}
