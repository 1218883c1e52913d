//go:build unix

package main

import (
	"os"
	"strings"
	"syscall"
	"testing"

	"github.com/tenantedge/tenantedge/edge/internal/wasm/wasmtest"
)

// An edge in its own process follows signed guests, and verifies again at the next
// start.
func TestServeFollowsSignedGuests(t *testing.T) {
	s := signGuestFile(t)
	config := s.config(", last_good: '" + s.folder + "/last-good'")
	p := serveProcess(t, config)
	numbered := func(n byte) []byte { return append(wasmtest.Sound().Wasm(), 0, 3, 1, 'n', n) }
	first := p.line("the guest is loaded")["digest"]
	p.line("serving")

	next := s
	next.guest = s.folder + "/next.wasm"
	if err := os.WriteFile(next.guest, numbered(1), 0o600); err != nil {
		t.Fatal(err)
	}
	next.sign()
	for _, suffix := range []string{".minisig", ""} {
		if err := os.Rename(next.guest+suffix, s.guest+suffix); err != nil {
			t.Fatal(err)
		}
	}
	if l := p.line("the guest file has changed; its guest is now running"); l["previous"] != first {
		t.Errorf("the previous guest is %v", l["previous"])
	}
	if l := p.line("audit"); l["who"] != "file" || l["signed_by"] == nil || l["before"] != first {
		t.Errorf("the record is %v", l)
	}
	replaceFile(t, s.guest, numbered(2))
	if l := p.line("the guest file is missing or refused; the current guest keeps running"); !strings.Contains(l["error"].(string), "expected the guest that the key") {
		t.Errorf("the error is %v", l["error"])
	}
	p.signal(syscall.SIGHUP)
	p.line("cannot reload the guest file: it is missing or refused; the current guest keeps running")
	if l := p.line("audit"); l["who"] != "signal" || l["outcome"] != "refused" || l["offered"] == nil {
		t.Errorf("the record is %v", l)
	}
	p.stop()

	p = serveProcess(t, config) // with the last good guest
	p.line("the guest file is missing or refused; the last good guest is used")
	if l := p.line("audit"); l["who"] != "start" || l["signed_by"] == nil || l["error"] == nil {
		t.Errorf("the record is %v", l)
	}
	p.line("serving")
	p.stop()

	if err := os.Remove(s.private); err != nil {
		t.Fatal(err)
	}
	if err := os.Remove(s.folder + "/release.pub"); err != nil {
		t.Fatal(err)
	}
	s.key = strings.TrimSpace(strings.SplitAfter(s.succeed("guest", "keygen", s.folder+"/release", "--no-password"), "trusted_keys: [")[1])
	s.key, _, _ = strings.Cut(s.key, "]")
	s.config(", last_good: '" + s.folder + "/last-good'") // without the key that signed the guests
	if code, _, stderr := command("", "serve", "-c", config); code != exitFailed || !strings.Contains(stderr, "the last good guest: expected a signature by a trusted key") {
		t.Errorf("exit %d, %s", code, stderr)
	}
}
