package instance

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/tenantedge/tenantedge/edge/internal/wasm/wasmtest"
)

func TestTheErrorOfEachExportHasWhatTheGuestPrintedAndWasDenied_D5(t *testing.T) {
	const said, at = "panic: no plan", longAt
	log := slices.Concat(wasmtest.I32(8), wasmtest.I32(at), wasmtest.I32(uint32(len(said))), []byte{0x10, 0, 0x00})
	socket := wasmtest.Import{Module: "wasi_snapshot_preview1", Name: "sock_shutdown", Params: i32, Results: i32}
	denied := slices.Concat(wasmtest.I32(3), []byte{0x10, 0, 0x00})
	fails := func(imported wasmtest.Import, body []byte) *wasmtest.Handmade {
		g := sound().WithData(at, said)
		g.Import = imported
		for e := Route; e < exportCount; e++ {
			if e != SelfTest {
				g.With(exportSpecs[e].name, body...)
			}
		}
		return g
	}
	for _, c := range []struct {
		name            string
		guest           *wasmtest.Handmade
		printed, denied string
	}{
		{"printed", fails(wasmtest.Log, log), said, ""},
		{"denied", fails(socket, denied), "", "the guest called sock_shutdown of WASI, which returned an errno: guests have no sockets"},
	} {
		t.Run(c.name, func(t *testing.T) {
			p := mustLoad(t, c.guest, Options{Limits: Limits{Instances: 1}})
			i, err := p.Borrow(context.Background())
			if err != nil {
				t.Fatal(err)
			}
			defer p.Return(i)
			for e := Route; e < exportCount; e++ {
				if e == SelfTest {
					continue
				}
				_, err := call(context.Background(), i, e)
				var trap *Trap
				if !errors.As(err, &trap) || trap.Export != exportSpecs[e].name || trap.Printed != c.printed || !strings.Contains(err.Error(), c.denied) {
					t.Errorf("%s: %v with %q: expected %q and %q", exportSpecs[e].name, err, trap.Printed, c.printed, c.denied)
				}
			}
		})
	}
}
