package instance

import (
	"context"
	"encoding/binary"
	"log/slog"

	"github.com/tetratelabs/wazero/api"

	"github.com/tenantedge/tenantedge/guest/abi"
	"github.com/tenantedge/tenantedge/hostfuncs"
)

// handmade is a guest put together by hand, of constant functions: small
// enough to break in every way that a host must survive.
type handmade struct {
	bodies   map[string][]byte // by export: instructions without the final end
	types    map[string][2][]api.ValueType
	data     map[uint32][]byte
	noMemory bool
	exit     bool // import proc_exit, as function 0
}

const (
	configuredAt = 1024
	decisionAt   = 2048
	bufferAt     = 65536
)

// sound is a guest that answers "no tenant" to everything.
func sound() *handmade {
	configured := []byte(`{"name":"handmade","headers":["x-one"]}`)
	decision := make([]byte, 8)
	binary.LittleEndian.PutUint32(decision, uint32(abi.Missing)|404<<abi.DecStatusShift)
	return &handmade{
		bodies: map[string][]byte{
			abi.ExportVersion:   i32Const(abi.Version),
			abi.ExportBuffer:    i32Const(bufferAt),
			abi.ExportConfigure: i64Const(abi.PackReply(configuredAt, uint32(len(configured)))),
			abi.ExportRoute:     i64Const(abi.PackReply(decisionAt, uint32(len(decision)))),
		},
		types: map[string][2][]api.ValueType{},
		data:  map[uint32][]byte{configuredAt: configured, decisionAt: decision},
	}
}

func (g *handmade) with(export string, body ...byte) *handmade {
	g.bodies[export] = body
	return g
}

func (g *handmade) without(export string) *handmade {
	delete(g.bodies, export)
	return g
}

func (g *handmade) withData(addr uint32, s string) *handmade {
	g.data[addr] = []byte(s)
	return g
}

// replies makes an export reply with s.
func (g *handmade) replies(export, s string) *handmade {
	return g.with(export, i64Const(abi.PackReply(4096, uint32(len(s))))...).withData(4096, s)
}

// wasm encodes the guest.
func (g *handmade) wasm() []byte {
	var types, imports, functions, exports, bodies, data [][]byte
	first := uint32(0)
	if g.exit {
		types = append(types, []byte{0x60, 1, api.ValueTypeI32, 0})
		imports = append(imports, append(append(name("wasi_snapshot_preview1"), name("proc_exit")...), 0, 0))
		first = 1
	}
	for e, spec := range exportSpecs {
		body, ok := g.bodies[spec.name]
		if !ok {
			continue
		}
		params, results := spec.params, spec.results
		if t, ok := g.types[spec.name]; ok {
			params, results = t[0], t[1]
		}
		signature := append([]byte{0x60, byte(len(params))}, params...)
		signature = append(append(signature, byte(len(results))), results...)
		exports = append(exports, append(append(name(exportSpecs[e].name), 0), leb(first+uint32(len(functions)))...))
		functions = append(functions, leb(uint32(len(types))))
		types = append(types, signature)
		code := append(append([]byte{0}, body...), 0x0b)
		bodies = append(bodies, append(leb(uint32(len(code))), code...))
	}
	memories := [][]byte{{0, 4}}
	if g.noMemory {
		memories = nil
	} else {
		exports = append(exports, append(name(abi.ExportMemory), 2, 0))
		for addr, b := range g.data {
			segment := append(append([]byte{0}, i32Const(addr)...), 0x0b)
			data = append(data, append(append(segment, leb(uint32(len(b)))...), b...))
		}
	}
	module := []byte{0, 'a', 's', 'm', 1, 0, 0, 0}
	for _, s := range []struct {
		id    byte
		items [][]byte
	}{{1, types}, {2, imports}, {3, functions}, {5, memories}, {7, exports}, {10, bodies}, {11, data}} {
		if len(s.items) == 0 {
			continue
		}
		body := leb(uint32(len(s.items)))
		for _, item := range s.items {
			body = append(body, item...)
		}
		module = append(append(append(module, s.id), leb(uint32(len(body)))...), body...)
	}
	return module
}

func name(s string) []byte { return append(leb(uint32(len(s))), s...) }

func leb(v uint32) []byte { return binary.AppendUvarint(nil, uint64(v)) }

func signed(v int64) []byte {
	var out []byte
	for {
		b := byte(v & 0x7f)
		v >>= 7
		if v == 0 && b&0x40 == 0 || v == -1 && b&0x40 != 0 {
			return append(out, b)
		}
		out = append(out, b|0x80)
	}
}

func i32Const(v uint32) []byte { return append([]byte{0x41}, signed(int64(int32(v)))...) }
func i64Const(v uint64) []byte { return append([]byte{0x42}, signed(int64(v))...) }

// nobody is a test's Services: there are no tenants.
type nobody struct{}

func (nobody) ByDomain(string, string, []byte) (int, bool) { return 0, false }
func (nobody) ByReference(string, []byte) (int, bool)      { return 0, false }
func (nobody) Primary(string, []byte) (int, bool)          { return 0, false }
func (nobody) Files(context.Context, hostfuncs.Files) (hostfuncs.Files, error) {
	return nil, abi.Unavailable
}
func (nobody) FileLimits() hostfuncs.FileLimits { return hostfuncs.FileLimits{} }
func (nobody) Query(context.Context, string, string, []byte) ([]byte, error) {
	return nil, abi.NotFound
}
func (nobody) Log(context.Context, slog.Level, string) {}

func bindNobody() hostfuncs.Services { return nobody{} }
