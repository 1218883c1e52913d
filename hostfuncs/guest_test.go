package hostfuncs

import (
	"context"
	"errors"
	"log/slog"
	"testing"
	"time"

	"github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/api"

	"github.com/tenantedge/tenantedge/guest/abi"
)

// forwarder returns a guest that exports a memory of one page and, for every host
// function, a function of the same name and signature that calls it. Tests pass
// any arguments through it.
func forwarder(functions []forwarded) []byte {
	section := func(id byte, items [][]byte) []byte {
		body := leb(uint32(len(items)))
		for _, item := range items {
			body = append(body, item...)
		}
		return append(append([]byte{id}, leb(uint32(len(body)))...), body...)
	}
	name := func(s string) []byte { return append(leb(uint32(len(s))), s...) }
	n := uint32(len(functions))
	var signatures, imports, indices, exports, bodies [][]byte
	for i, f := range functions {
		i := uint32(i)
		signature := append([]byte{0x60}, leb(uint32(len(f.params)))...)
		signature = append(append(signature, f.params...), leb(uint32(len(f.results)))...)
		signatures = append(signatures, append(signature, f.results...))
		imports = append(imports, append(append(append(name(f.module), name(f.name)...), 0x00), leb(i)...))
		indices = append(indices, leb(i))
		exports = append(exports, append(append(name(f.name), 0x00), leb(n+i)...))
		body := []byte{0x00} // no locals
		for p := range f.params {
			body = append(body, 0x20, byte(p)) // local.get
		}
		body = append(append(append(body, 0x10), leb(i)...), 0x0b) // call, end
		bodies = append(bodies, append(leb(uint32(len(body))), body...))
	}
	exports = append(exports, append(name(abi.ExportMemory), 0x02, 0x00))
	module := []byte{0, 'a', 's', 'm', 1, 0, 0, 0}
	module = append(module, section(1, signatures)...)
	module = append(module, section(2, imports)...)
	module = append(module, section(3, indices)...)
	module = append(module, section(5, [][]byte{{0x00, 0x01}})...)
	module = append(module, section(7, exports)...)
	return append(module, section(10, bodies)...)
}

type forwarded struct {
	module, name    string
	params, results []api.ValueType
}

func leb(v uint32) []byte {
	var out []byte
	for v >= 0x80 {
		out = append(out, byte(v)|0x80)
		v >>= 7
	}
	return append(out, byte(v))
}

// everything lists all host functions, proc_exit, and two WASI functions that
// return ENOSYS.
func everything() []forwarded {
	var all []forwarded
	for _, f := range functions {
		all = append(all, forwarded{abi.ImportModule, f.name, f.params, f.results})
	}
	for _, f := range wasiFunctions {
		all = append(all, forwarded{wasiModule, f.name, f.params, f.results})
	}
	return append(all,
		forwarded{wasiModule, "proc_exit", types(i32), nil},
		forwarded{wasiModule, "path_open", types(i32, i32, i32, i32, i32, i64, i64, i32, i32), types(i32)},
		forwarded{wasiModule, "sock_accept", types(i32, i32, i32), types(i32)})
}

// world is a test's Services.
type world struct {
	lines   []string
	level   slog.Level // of the last line
	queries []string
	err     error

	tenant string                       // tenant whose files are available; empty: none
	files  map[string]map[string]string // contents by tenant and name
	opened int                          // readers and Files not yet closed
}

func (w *world) ByDomain(domain, folder string, out []byte) (int, bool) {
	if domain != "a.io" {
		return 0, false
	}
	b := abi.Begin(out, 0, abi.RecAttr0)
	b.Put(abi.RecSchema, "t1")
	b.Put(abi.RecFolder, folder)
	return b.Size(), true
}

func (w *world) ByReference(ref string, out []byte) (int, bool) { return w.ByDomain(ref, "", out) }

func (w *world) Primary(id string, out []byte) (int, bool) {
	if id == "panic" {
		panic("a bug in the host")
	}
	return w.ByDomain(id, "", out)
}

func (w *world) Query(_ context.Context, schema, name string, args []byte) ([]byte, error) {
	w.queries = append(w.queries, schema+"/"+name+string(args))
	return []byte(`[{"n":1}]`), w.err
}

func (w *world) Log(_ context.Context, level slog.Level, text string, attrs ...slog.Attr) {
	w.lines, w.level = append(w.lines, attrLine{level, text, attrs}.String()), level
}

// guest is an instance of the forwarder.
type guest struct {
	tb    testing.TB
	call  *Call
	world *world
	mod   api.Module
}

func newGuest(tb testing.TB) *guest {
	tb.Helper()
	ctx := context.Background()
	r := wazero.NewRuntime(ctx)
	tb.Cleanup(func() { _ = r.Close(ctx) })
	compiled, err := r.CompileModule(ctx, forwarder(everything()))
	if err != nil {
		tb.Fatal(err)
	}
	if err := Check(compiled); err != nil {
		tb.Fatal(err)
	}
	if err := Instantiate(ctx, r, compiled); err != nil {
		tb.Fatal(err)
	}
	g := &guest{tb: tb, world: &world{}}
	g.call = &Call{Services: g.world}
	if g.mod, err = r.InstantiateModule(g.call, compiled, wazero.NewModuleConfig().WithStartFunctions()); err != nil {
		tb.Fatal(err)
	}
	return g
}

// briefWatch is a Watch that lets host functions wait for at most a microsecond.
type briefWatch struct{}

func (briefWatch) Worked()               {}
func (briefWatch) Writes(uint32, uint32) {}
func (briefWatch) Charge(uint64) bool    { return true }
func (briefWatch) Bound(ctx context.Context) (context.Context, context.CancelFunc) {
	return context.WithTimeout(ctx, time.Microsecond)
}

// run calls a host function through the guest.
func (g *guest) run(name string, args ...uint64) (uint64, error) {
	results, err := g.mod.ExportedFunction(name).Call(g.call, args...)
	if err != nil || len(results) == 0 {
		return 0, err
	}
	return results[0], nil
}

// mustRun is run, and fails the test on a trap.
func (g *guest) mustRun(name string, args ...uint64) uint64 {
	g.tb.Helper()
	result, err := g.run(name, args...)
	if err != nil {
		g.tb.Fatalf("%s%v trapped: %v", name, args, err)
	}
	return result
}

// put writes s to the guest's memory and returns address and length.
func (g *guest) put(addr uint32, s string) (uint64, uint64) {
	g.tb.Helper()
	if !g.mod.Memory().Write(addr, []byte(s)) {
		g.tb.Fatalf("%d bytes at %d do not fit", len(s), addr)
	}
	return uint64(addr), uint64(len(s))
}

func (g *guest) get(addr, length uint64) string {
	g.tb.Helper()
	b, ok := g.mod.Memory().Read(uint32(addr), uint32(length))
	if !ok {
		g.tb.Fatalf("%d bytes at %d are outside the memory", length, addr)
	}
	return string(b)
}

func errno(result uint64) abi.Errno {
	if n := int64(result); n < 0 {
		return abi.Errno(-n)
	}
	return abi.OK
}

var errBroken = errors.New("broken")
