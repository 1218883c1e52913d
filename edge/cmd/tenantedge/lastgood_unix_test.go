//go:build unix

package main

import (
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/tenantedge/tenantedge/edge/internal/wasm/wasmtest"
	"github.com/tenantedge/tenantedge/edge/serve"
)

// Whatever is at guest.path, a restart serves with the last good guest, logs it, and
// loads the next good file.
func TestARestartWithABrokenGuestFileServes_G2_G12(t *testing.T) {
	folder := t.TempDir()
	guest, lastGood := filepath.Join(folder, "guest.wasm"), filepath.Join(folder, "last_good", "guest")
	path := writeFile(t, "edge.yaml", "admin: '127.0.0.1:18793'\nlisteners: ['127.0.0.1:0']\nlogs: {format: json}\nguest: {path: '"+guest+"', last_good: '"+lastGood+"'}\n")
	if code, _, stderr := command("", "serve", "-c", path); code != exitFailed || !strings.Contains(stderr, "guest.path:") || !strings.Contains(stderr, "no such file") {
		t.Errorf("a first start without a guest: exit %d, %s", code, stderr)
	}
	good := wasmtest.Sound().Wasm()
	replaceFile(t, guest, good)
	p := serveProcess(t, path)
	digest := p.line("the guest is loaded")["digest"]
	p.line("serving")
	p.stop()
	for name, breaks := range map[string]func() error{
		"garbage":  func() error { return os.WriteFile(guest, []byte("no guest"), 0o600) },
		"missing":  func() error { return nil },
		"refused":  func() error { return os.WriteFile(guest, wasmtest.Sound().With("te_route", 0x00).Wasm(), 0o600) },
		"a FIFO":   func() error { return syscall.Mkfifo(guest, 0o600) },
		"a folder": func() error { return os.Mkdir(guest, 0o700) },
	} {
		t.Run(name, func(t *testing.T) {
			if err := os.RemoveAll(guest); err != nil {
				t.Fatal(err)
			}
			if err := breaks(); err != nil {
				t.Fatal(err)
			}
			p := serveProcess(t, path)
			p.line("the guest file is missing or refused; the last good guest is used")
			if got := p.line("the guest is loaded")["digest"]; got != digest {
				t.Errorf("the guest is %v, expected %v", got, digest)
			}
			p.line("serving")
			resp, err := http.Get("http://127.0.0.1:18793/readyz")
			if err != nil {
				t.Fatal(err)
			}
			defer resp.Body.Close()
			var r serve.Readiness
			if err := json.NewDecoder(resp.Body).Decode(&r); err != nil || resp.StatusCode != http.StatusOK || r.Guest.Degraded == "" {
				t.Errorf("/readyz answers %d, %+v, %v", resp.StatusCode, r, err)
			}
			if err := os.RemoveAll(guest); err != nil {
				t.Fatal(err)
			}
			replaceFile(t, guest, append(good[:len(good):len(good)], 0, 3, 1, 'n', 1))
			p.line("the guest file has changed; its guest is now running")
			replaceFile(t, guest, good)
			p.line("the guest file has changed; its guest is now running")
			p.stop()
		})
	}
	if err := os.RemoveAll(guest); err != nil {
		t.Fatal(err)
	}
	data, err := os.ReadFile(lastGood)
	if err != nil {
		t.Fatal(err)
	}
	data[len(data)-1] ^= 1
	if err := os.WriteFile(lastGood, data, 0o600); err != nil {
		t.Fatal(err)
	}
	if code, _, stderr := command("", "serve", "-c", path); code != exitFailed || !strings.Contains(stderr, "to match its digest") {
		t.Errorf("a modified last good guest: exit %d, %s", code, stderr)
	}
}

// stop ends the process and waits for it.
func (p *edgeProcess) stop() {
	p.t.Helper()
	p.signal(syscall.SIGTERM)
	p.line("shut down")
	for range p.lines { // until it has ended
	}
	if err := p.c.Wait(); err != nil {
		p.t.Error(fmt.Errorf("it ended with %w", err))
	}
}
