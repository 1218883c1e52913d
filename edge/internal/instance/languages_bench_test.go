//go:build unix

package instance

import (
	"context"
	"syscall"
	"testing"
	"time"

	"github.com/tenantedge/tenantedge/edge/internal/wasm/wasmtest"
	"github.com/tenantedge/tenantedge/guest/abi"
	"github.com/tenantedge/tenantedge/guest/tck"
)

// BenchmarkLanguages measures a routed request and a message of a websocket with the
// same guests in each language. The benchmark's suite "languages" runs it.
func BenchmarkLanguages(b *testing.B) {
	for _, c := range []struct{ example, export string }{{"minimal", abi.ExportRoute}, {"chatroom", abi.ExportMessage}} {
		for _, language := range append([]string{"go"}, wasmtest.Languages...) {
			b.Run("example="+c.example+"/language="+language, func(b *testing.B) {
				var wasm []byte
				if language == "go" {
					wasm = wasmtest.Guest(b, "guest/examples/"+c.example)
				} else {
					wasm = wasmtest.Example(b, c.example, language)
				}
				g := &conforming{t: b, wasm: wasm, world: &tck.World{Tenants: []tck.Tenant{{ID: "1", Schema: "acme"}}}}
				if _, err := g.Call(abi.ExportConfigure, []byte(`{"abi":1,"default":{}}`)); err != nil {
					b.Fatal(err)
				}
				i, err := g.program.Borrow(context.Background())
				if err != nil {
					b.Fatal(err)
				}
				defer g.program.Return(i)
				var msg []byte
				for _, m := range tck.Contract() {
					if m.Name == c.export+": ordinary" {
						msg = m.Bytes
					}
				}
				write, read := func(buf []byte) int { return copy(buf, msg) }, func(abi.Message) error { return nil }
				began := processorTime(b)
				for b.Loop() {
					if err := i.Call(context.Background(), exportNames[c.export], write, read); err != nil {
						b.Fatal(err)
					}
				}
				b.ReportMetric(float64(processorTime(b)-began)/float64(b.N), "cpu-ns/op")
				b.ReportMetric(float64(i.Fuel()), "fuel/op")
				b.ReportMetric(float64(len(wasm)), "bytes")
			})
		}
	}
}

// processorTime returns the processor time of this process.
func processorTime(b *testing.B) time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
