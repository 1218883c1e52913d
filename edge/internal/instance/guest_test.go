package instance

import (
	"context"
	"log/slog"

	"github.com/tenantedge/tenantedge/edge/internal/wasm/wasmtest"
	"github.com/tenantedge/tenantedge/guest/abi"
	"github.com/tenantedge/tenantedge/hostfuncs"
)

// sound is a guest that answers "no tenant" to everything.
func sound() *wasmtest.Handmade { return wasmtest.Sound() }

// consuming is a guest that accepts every websocket and does nothing.
func consuming() *wasmtest.Handmade {
	const at = 5120
	g := sound().Replies(abi.ExportConfigure, `{"consumer":true,"consumer_headers":["cookie"]}`).WithData(at, string(make([]byte, 8)))
	for _, e := range []string{abi.ExportOpen, abi.ExportMessage} {
		g.With(e, wasmtest.I64(abi.PackReply(at, 8))...)
	}
	return g
}

// exiting is a sound guest that can exit, by function 0.
func exiting() *wasmtest.Handmade {
	g := sound()
	g.Exit = true
	return g
}

// nobody is a test's Services: there are no tenants.
type nobody struct{}

func (nobody) ByDomain(string, string, []byte) (int, bool) { return 0, false }
func (nobody) ByReference(string, []byte) (int, bool)      { return 0, false }
func (nobody) Primary(string, []byte) (int, bool)          { return 0, false }
func (nobody) Query(context.Context, string, string, []byte) ([]byte, error) {
	return nil, abi.NotFound
}
func (nobody) Files(context.Context, hostfuncs.Files) (hostfuncs.Files, error) {
	return nil, abi.Denied
}
func (nobody) FileLimits() hostfuncs.FileLimits        { return hostfuncs.FileLimits{} }
func (nobody) Log(context.Context, slog.Level, string) {}

func bindNobody() hostfuncs.Services { return nobody{} }
