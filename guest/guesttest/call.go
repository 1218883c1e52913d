//go:build !wasip1

package guesttest

import (
	"encoding/json"
	"testing"

	"github.com/tenantedge/tenantedge/guest"
	"github.com/tenantedge/tenantedge/guest/abi"
	"github.com/tenantedge/tenantedge/guest/internal/native"
)

// ErrNoAnswer is the error of [Call] where the export of a Wasm guest would
// return 0.
var ErrNoAnswer = native.ErrNoAnswer

// Call calls an export that takes a message, such as abi.ExportCacheKey, with
// msg. The next call overwrites the reply. The guest must be configured first.
func Call(export string, msg []byte) ([]byte, error) { return native.Exports.Call(export, msg) }

// SelfTest calls the export abi.ExportSelfTest, which returns 0 if the guest's
// Handlers.SelfTest succeeds.
func SelfTest() int32 { return native.Exports.SelfTest() }

// Configure makes h answer the host functions until the test ends, and
// configures the guest with config, the JSON of an abi.Config, in which the
// version of the ABI may be missing. It fails the test if the guest rejects the
// configuration.
func Configure(t testing.TB, h Host, config string) abi.Configured {
	t.Helper()
	Replace(t, h)
	var c abi.Config
	if err := json.Unmarshal([]byte(config), &c); err != nil {
		t.Fatalf("guesttest: configuration: %v", err)
	}
	c.ABI = abi.Version
	msg, err := json.Marshal(c)
	if err != nil {
		t.Fatalf("guesttest: configuration: %v", err)
	}
	reply, err := Call(abi.ExportConfigure, msg)
	if err != nil {
		t.Fatal(err)
	}
	var configured abi.Configured
	if err := json.Unmarshal(reply, &configured); err != nil {
		t.Fatalf("guesttest: the reply to %s is %.200q: %v", abi.ExportConfigure, reply, err)
	}
	if configured.Error != "" {
		t.Fatalf("guesttest: the guest rejects the configuration: %s", configured.Error)
	}
	return configured
}

// Authorize returns the guest's verdict on a request for a private file. The
// headers are those of abi.Configured.AuthorizeHeaders, in that order.
func Authorize(t testing.TB, a *guest.Access, headers ...guest.Header) guest.Verdict {
	t.Helper()
	m := call(t, abi.ExportAuthorize, func(buf []byte) abi.Builder {
		b := abi.Begin(buf, 0, abi.AuthHeader0+len(headers))
		b.Put(abi.AuthSchema, a.Schema)
		putNonEmpty(&b, abi.AuthTenantID, a.TenantID)
		b.Put(abi.AuthMethod, a.Method)
		b.Put(abi.AuthPath, a.Path)
		if a.HasName {
			b.Put(abi.AuthName, a.Name)
		}
		b.Put(abi.AuthHost, a.Host)
		b.Put(abi.AuthFolder, a.Folder)
		b.Put(abi.AuthURLConf, a.URLConf)
		putHeaders(&b, abi.AuthHeader0, headers)
		return b
	})
	return guest.Verdict(m.Word())
}

// call calls an export with the message that write builds.
func call(t testing.TB, export string, write func([]byte) abi.Builder) abi.Message {
	t.Helper()
	b := write(nil)
	b = write(make([]byte, b.Size()))
	reply, err := Call(export, b.Bytes())
	if err != nil {
		t.Fatal(err)
	}
	m, err := abi.Parse(reply)
	if err != nil {
		t.Fatalf("guesttest: the reply to %s is %.200q: %v", export, reply, err)
	}
	return m
}

func putNonEmpty(b *abi.Builder, i int, s string) {
	if s != "" {
		b.Put(i, s)
	}
}

func putHeaders(b *abi.Builder, first int, headers []guest.Header) {
	for i, h := range headers {
		if h.Present {
			b.Put(first+i, h.Value)
		}
	}
}
