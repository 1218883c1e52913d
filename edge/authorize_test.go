package edge

import (
	"bytes"
	"context"
	"errors"
	"net/http"
	"testing"

	"github.com/tenantedge/tenantedge/assets"
	"github.com/tenantedge/tenantedge/edge/internal/wasm/wasmtest"
	"github.com/tenantedge/tenantedge/edge/tenant"
	"github.com/tenantedge/tenantedge/guest/abi"
)

func withAuthorizer(t *testing.T) func(*Config) {
	t.Helper()
	wasm := wasmtest.Guest(t, "edge/testdata/authorizer")
	return func(c *Config) { c.Guest = wasm }
}

var www = &tenant.Tenant{Schema: "www", Path: "/media/www/a"}

func TestTheGuestDecidesAboutPrivateFiles(t *testing.T) {
	h := newHost(t, withAuthorizer(t))
	if !h.Authorizes() {
		t.Fatal("expected Authorizes to report the guest's export")
	}
	header := http.Header{"X-User": {"ann"}}
	for _, c := range []struct {
		name string
		FileRequest
		want Verdict
	}{
		{"allowed", FileRequest{Tenant: www, Name: "allow"}, Allow},
		{"hidden", FileRequest{Tenant: www, Name: "hide"}, Hide},
		{"denied", FileRequest{Tenant: www, Name: "deny"}, Deny},
		{"no name", FileRequest{Tenant: www, Name: "allow", NoName: true}, Deny},
		{"no tenant", FileRequest{Name: "allow"}, Deny},
		{"by a header", FileRequest{Tenant: www, Name: "of-ann", Method: "GET", Header: header}, Allow},
		{"by another's header", FileRequest{Tenant: www, Name: "of-bob", Method: "GET", Header: header}, Deny},
		{"without the header", FileRequest{Tenant: www, Name: "of-ann", Method: "GET"}, Deny},
		{"by another method", FileRequest{Tenant: www, Name: "of-ann", Method: "PUT", Header: header}, Deny},
		{"for another tenant", FileRequest{Tenant: &tenant.Tenant{Schema: "t1"}, Name: "of-ann", Method: "GET", Header: header}, Deny},
		{"of a user whose header was sent twice", FileRequest{Tenant: www, Name: "of-ann\nbob", Method: "GET", Header: http.Header{"X-User": {"ann", "bob"}}}, Allow},
	} {
		if got, err := h.Authorize(context.Background(), c.FileRequest); got != c.want || err != nil {
			t.Errorf("%s: %d, %v, expected %d", c.name, got, err, c.want)
		}
	}
}

// A failure does not affect the request after it.
func TestAHostileReplyDeniesTheFile(t *testing.T) {
	h := newHost(t, withAuthorizer(t))
	for _, name := range []string{
		"no reply", "verdict 0", "verdict 4", "verdict 257", "outside", "short", "malformed", "long", "trap", "loop",
	} {
		if got, err := h.Authorize(context.Background(), FileRequest{Tenant: www, Name: name}); got != Deny || !errors.Is(err, ErrGuest) {
			t.Errorf("%s: %d, %v, expected Deny with ErrGuest", name, got, err)
		}
		if got, err := h.Authorize(context.Background(), FileRequest{Tenant: www, Name: "allow"}); got != Allow || err != nil {
			t.Errorf("after %s: %d, %v", name, got, err)
		}
	}
	for range 3 {
		if got, err := h.Authorize(context.Background(), FileRequest{Tenant: www, Name: "remember"}); got != Allow || err != nil {
			t.Errorf("%d, %v: expected the guest to keep no state", got, err)
		}
	}
	huge := http.Header{"Cookie": {string(make([]byte, 100<<10))}}
	if got, err := h.Authorize(context.Background(), FileRequest{Tenant: www, Name: "allow", Header: huge}); got != Deny || !errors.Is(err, ErrTooLarge) {
		t.Errorf("a header larger than the buffer: %d, %v", got, err)
	}
}

func TestWithoutAGuestThatAuthorizesPrivateFilesAreDenied(t *testing.T) {
	h := newHost(t, nil)
	if got, err := h.Authorize(context.Background(), FileRequest{Tenant: www, Name: "a.txt"}); got != Deny || err != nil {
		t.Errorf("the default guest: %d, %v", got, err)
	}
	h = newHost(t, func(c *Config) { c.Guest = withoutAuthorize(t) })
	if h.Authorizes() {
		t.Error("expected Authorizes to report no export")
	}
	if got, err := h.Authorize(context.Background(), FileRequest{Tenant: www, Name: "a.txt"}); got != Deny || err != nil {
		t.Errorf("a guest without the export: %d, %v", got, err)
	}
}

// withoutAuthorize returns the default guest with te_authorize renamed.
func withoutAuthorize(t *testing.T) []byte {
	t.Helper()
	if bytes.Count(assets.Router, []byte(abi.ExportAuthorize)) == 0 {
		t.Fatal("the default guest does not export te_authorize")
	}
	return bytes.ReplaceAll(assets.Router, []byte(abi.ExportAuthorize), []byte("no_authorize"))
}
