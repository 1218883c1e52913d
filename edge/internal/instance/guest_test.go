package instance

import (
	"context"
	"log/slog"

	"github.com/tenantedge/tenantedge/edge/internal/wasm/wasmtest"
	"github.com/tenantedge/tenantedge/guest/abi"
	"github.com/tenantedge/tenantedge/hostfuncs"
)

// sound returns a guest that replies "no tenant" to each request.
func sound() *wasmtest.Handmade { return wasmtest.Sound() }

// consuming returns a guest that accepts every websocket and does nothing.
func consuming() *wasmtest.Handmade {
	const at = 5120
	g := sound().Replies(abi.ExportConfigure, `{"consumer":true,"consumer_headers":["cookie"]}`).WithData(at, string(make([]byte, 8)))
	for _, e := range []string{abi.ExportOpen, abi.ExportMessage} {
		g.With(e, wasmtest.I64(abi.PackReply(at, 8))...)
	}
	return g
}

// exiting returns a sound guest that can exit, by function 0.
func exiting() *wasmtest.Handmade {
	g := sound()
	g.Import = wasmtest.ProcExit
	return g
}

// noTenants are services that have no tenants.
type noTenants struct{}

func (noTenants) ByDomain(string, string, []byte) (int, bool) { return 0, false }
func (noTenants) ByReference(string, []byte) (int, bool)      { return 0, false }
func (noTenants) Primary(string, []byte) (int, bool)          { return 0, false }
func (noTenants) Query(context.Context, string, string, []byte) ([]byte, error) {
	return nil, abi.NotFound
}
func (noTenants) Files(context.Context, hostfuncs.Files) (hostfuncs.Files, error) {
	return nil, abi.Denied
}
func (noTenants) FileLimits() hostfuncs.FileLimits                      { return hostfuncs.FileLimits{} }
func (noTenants) Log(context.Context, slog.Level, string, ...slog.Attr) {}

func bindNoTenants() hostfuncs.Services { return noTenants{} }
