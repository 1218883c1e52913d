//go:build unix

package main

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
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

// serve follows its configuration. Whatever happens to the file, it keeps what it has
// until the file is valid.
func TestServeReloadsItsConfiguration(t *testing.T) {
	text := func(body, more string) []byte {
		return []byte("tenants:\n  www: {DOMAINS: [www.example.com], URLCONF: site}\nurlconfs:\n  site: {reply: {body: " + body + "}}\n" +
			"admin: off\nlisteners: ['127.0.0.1:0']\nlogs: {format: json}\n" + more)
	}
	path := writeFile(t, "edge.yaml", string(text("first", "")))
	p := serveProcess(t, path)
	address, _ := p.line("serving")["listeners"].(string)
	serves := func(want string) {
		t.Helper()
		r, err := http.NewRequest(http.MethodGet, address, nil)
		if err != nil {
			t.Fatal(err)
		}
		r.Host = "www.example.com"
		resp, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		if got, err := io.ReadAll(resp.Body); string(got) != want || err != nil {
			t.Errorf("the page is %q, %v; expected %q", got, err, want)
		}
	}
	serves("first")
	replaceFile(t, path, text("second", "")) // by rename
	p.line("the configuration was reloaded")
	serves("second")
	for _, c := range []struct {
		change func()
		want   string
	}{
		{func() { p.write(path, text("third", "")[:60]) }, "edge.yaml:"},
		{func() { replaceFile(t, path, text("third", "unknown: 1\n")) }, "edge.yaml:8:1: unknown"},
		{func() { p.remove(path) }, "no such file"},
		{func() { p.mkdir(path) }, "regular file"},
	} {
		c.change()
		if got, _ := p.line("the configuration is refused; the previous one keeps serving")["error"].(string); !strings.Contains(got, c.want) {
			t.Errorf("the error is %q, expected %q", got, c.want)
		}
		serves("second")
	}
	p.remove(path)
	replaceFile(t, path, text("third", "logs: {level: debug}\n"))
	p.line("the configuration is refused; the previous one keeps serving") // the key is there twice
	p.write(path, text("third", ""))
	p.line("the configuration was reloaded")
	serves("third")
	p.signal(syscall.SIGHUP)
	p.line("the configuration was read again; it has not changed")
	p.signal(syscall.SIGTERM)
	p.line("shut down")
}

func (p *edgeProcess) write(path string, data []byte) {
	p.t.Helper()
	if err := os.WriteFile(path, data, 0o600); err != nil {
		p.t.Fatal(err)
	}
}

func (p *edgeProcess) remove(path string) {
	p.t.Helper()
	if err := os.Remove(path); err != nil {
		p.t.Fatal(err)
	}
}

func (p *edgeProcess) mkdir(path string) {
	p.t.Helper()
	if err := os.Mkdir(path, 0o700); err != nil {
		p.t.Fatal(err)
	}
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
