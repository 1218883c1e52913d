//go:build unix

package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/tenantedge/tenantedge/edge/internal/wasm/wasmtest"
)

// A guest has any name, but systemd gets no orders from it.
func TestTheNameOfAGuestIsNoNotification(t *testing.T) {
	u, _ := newUnit(t, "http")
	guest := wasmtest.Sound()
	for at, data := range guest.Data {
		if strings.Contains(string(data), `"handmade"`) {
			guest.Data[at] = fmt.Appendf(nil, "%-*s", len(data), `{"name":"a\nWATCHDOG=b"}`)
		}
	}
	path := filepath.Join(t.TempDir(), "guest.wasm")
	if err := os.WriteFile(path, guest.Wasm(), 0o600); err != nil {
		t.Fatal(err)
	}
	u.config = writeFile(t, "te.yaml", `
listeners: ["systemd:http"]
admin: off
tenants: {acme: {DOMAINS: [acme.example.com], URLCONF: app}}
urlconfs: {app: {reply: {}}}
guest: {path: `+path+`}
`)
	u.start()
	if got := u.notified("READY=1"); !strings.Contains(got, "STATUS=Serving") || strings.Contains(got, "\nWATCHDOG=b") || !strings.Contains(got, "WATCHDOG=b") {
		t.Errorf("systemd got %q", got)
	}
	u.stop()
}
