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
