package instance

import (
	"context"
	"errors"
	"log/slog"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/tenantedge/tenantedge/assets"
	"github.com/tenantedge/tenantedge/edge/internal/meter"
	"github.com/tenantedge/tenantedge/edge/internal/meter/metertest"
	"github.com/tenantedge/tenantedge/edge/internal/soak"
	"github.com/tenantedge/tenantedge/edge/internal/wasm"
	"github.com/tenantedge/tenantedge/edge/internal/wasm/wasmtest"
	"github.com/tenantedge/tenantedge/edge/stats"
	"github.com/tenantedge/tenantedge/guest/abi"
	"github.com/tenantedge/tenantedge/guest/tck"
	"github.com/tenantedge/tenantedge/hostfuncs"
)

// testCall is a call of a guest.
type testCall struct {
	export Export
	host   string // of the request; empty: the message is empty
	fuel   uint64 // 0: the default
}

// run makes the call, with a secret in the request.
func (d testCall) run(i *Instance) error {
	i.program.limits.Fuel = 20_000_000
	if d.fuel > 0 {
		i.program.limits.Fuel = d.fuel
	}
	return i.Call(context.Background(), d.export, func(buf []byte) int {
		if d.host == "" {
			return copy(buf, secret)
		}
		return routeRequest(buf, d.host, secret)
	}, func(abi.Message) error { return nil })
}

// routeRequest writes a request to buf and returns its size.
func routeRequest(buf []byte, host, target string) int {
	b := abi.Begin(buf, 0, abi.ReqHeader0)
	b.Put(abi.ReqMethod, "GET")
	b.Put(abi.ReqScheme, "http")
	b.Put(abi.ReqHost, host)
	b.Put(abi.ReqTarget, target)
	return b.Size()
}

var secret = "/" + strings.Repeat("confidential", 40)

// domains are the tenants of the tests, routing is the configuration of the default guest.
var (
	domains = &tck.World{
		Tenants: []tck.Tenant{{ID: "0", Schema: "t0"}, {ID: "1", Schema: "t1", Attributes: map[string]string{"plan": "gold"}}},
		Domains: []tck.Domain{{Tenant: "1", Domain: "t1.example.com", IsPrimary: true}, {Tenant: "0", Domain: "t0.example.com", Folder: "confidential"}},
	}
	routing = []byte(`{"abi":1,"compat":"hardened","routers":["domain"],"tenants":[{"schema":"www","domains":["www.example.com"]}],"default":{"urlconf":"app"}}`)
)

// H7: after each of many calls, a fifth of which fail in all possible ways, memory
// and variables equal the image.
func TestH7MemoryAndVariablesAreTheImageAfterEveryCall(t *testing.T) {
	calls := soak.Times(t, "TENANTEDGE_AUDITED", 2000)
	for _, c := range []struct {
		name    string
		wasm    func() []byte
		share   int // in hundredths of the calls
		good    []testCall
		failing []testCall
		want    []stats.Trap
	}{
		{
			"the default guest, out of fuel at any point",
			func() []byte { return assets.Router }, 40,
			[]testCall{{Route, "t1.example.com", 0}, {Route, "t0.example.com", 0}, {Route, "www.example.com", 0}, {Route, "unknown.example.com", 0}},
			[]testCall{{Route, "t1.example.com", 1}, {Pathname, "", 5000}, {Route, "t0.example.com", 2500}},
			[]stats.Trap{stats.TrapFuel},
		},
		{
			"a Go guest that misbehaves",
			func() []byte { return wasmtest.Unruly(t, 0) }, 30,
			[]testCall{{Route, "t1.example.com", 0}, {Route, "keep.example.com", 0}, {Route, "t0.example.com", 0}},
			[]testCall{
				{Route, "spin.example.com", 500_000}, {Route, "recurse.example.com", 3_000_000}, {Route, "recurse.example.com", 1 << 40},
				{Route, "bomb.example.com", 0}, {Route, "grow.example.com", 0}, {Route, "fill.example.com", 0}, {Route, "scribble.example.com", 0},
				{Route, "panic.example.com", 0}, {Route, "nil.example.com", 0}, {Route, "exit.example.com", 0},
				{Route, "pointers.example.com", 0}, {Route, "keep-and-panic.example.com", 0}, {Route, "shout.example.com", 500_000},
			},
			[]stats.Trap{stats.TrapFuel, stats.TrapDepth, stats.TrapCrash, stats.TrapExit},
		},
		{
			"a handmade guest",
			marking, 30,
			[]testCall{{Route, "", 0}, {Route, "t1.example.com", 0}},
			[]testCall{{CacheKey, "", 0}, {CacheKey, "", 1000}, {ReverseKey, "", 0}, {Pathname, "", 0}},
			[]stats.Trap{stats.TrapFuel, stats.TrapDepth, stats.TrapCrash, stats.TrapReply},
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			p, err := NewProgram(context.Background(), Options{
				Wasm: c.wasm(), Config: routing, CompileCache: compileCache,
				Bind:   func() hostfuncs.Services { return world{World: domains} },
				Limits: Limits{Instances: 1, Audit: 1 << 30, QueueTimeout: time.Minute, Deadline: time.Minute, Memory: 16 << 20},
			})
			if err != nil {
				t.Fatal(err)
			}
			defer func() {
				if err := p.Close(); err != nil {
					t.Error(err)
				}
			}()
			const seed = 11
			random := rand.New(rand.NewPCG(seed, seed))
			audited, failed, retired := 0, 0, 0
			for n := range calls * c.share / 100 {
				i, err := p.Borrow(context.Background())
				if err != nil {
					t.Fatal(err)
				}
				d := c.good[random.IntN(len(c.good))]
				if n%5 == 0 {
					d = c.failing[n/5%len(c.failing)]
				}
				err = d.run(i)
				var trap *Trap
				if errors.As(err, &trap) {
					failed++
				}
				if (err != nil) != (n%5 == 0) {
					t.Fatalf("call %d, %+v: %v", n, d, err)
				}
				if i.retire == stats.RetiredGrowth {
					retired++ // it serves no further request
				} else if err := i.Audit(); err != nil {
					t.Fatalf("after call %d, %+v: %v", n, d, err)
				} else {
					audited++
				}
				p.Return(i)
			}
			s := p.Stats()
			for _, r := range c.want {
				if s.Traps[r] == 0 {
					t.Errorf("no call failed for %q: %v", r, s.Traps)
				}
			}
			t.Logf("%d calls, %d failed (%v): memory and variables equalled the image %d times, %d instances were retired for growth (all retirements: %v)",
				s.Calls, failed, s.Traps, audited, retired, s.Retired)
		})
	}
}

// A rewriter that forgets a single mark is found by the audit of the first call that needs
// the mark, whichever it is.
func TestH7AuditFindsARewriterThatForgetsOneMark(t *testing.T) {
	const stores = 48
	guest := sound().With(abi.ExportCacheKey, code(manyStores(128<<10, stores), nothing)...).Wasm()
	noticed := 0
	for n := 0; ; n++ {
		marks := 0
		i := mustLoadWithoutMarks(t, guest, bindNoTenants, func() bool { marks++; return marks == n+1 })
		if n == marks {
			break // none was missing
		}
		if err := i.Audit(); err != nil {
			t.Fatal(err)
		}
		_, _ = call(t.Context(), i, CacheKey)
		if i.Audit() != nil {
			noticed++
		}
	}
	if noticed != stores {
		t.Errorf("noticed for %d of %d stores", noticed, stores)
	}
}

// A rewriter that forgets one store in a thousand, of any width, is found by the audit of
// each call that runs the store.
func TestH7AuditFindsARewriterThatForgetsOneMarkInAThousand(t *testing.T) {
	const stores, first, pages = 1000, 128 << 10, 52
	exports := []Export{CacheKey, ReverseKey, Pathname}
	g := sound()
	for n, name := range []string{abi.ExportCacheKey, abi.ExportReverseKey, abi.ExportPathname} {
		g.With(name, code(manyStores(first+uint32(n)*stores*1024, stores), nothing)...)
	}
	m, err := wasm.Decode(g.Wasm())
	if err != nil {
		t.Fatal(err)
	}
	m.Memories.Set(0, wasm.Memory{Limits: wasm.Limits{Min: pages}})
	const seed = 3
	random := rand.New(rand.NewPCG(seed, seed))
	for range 4 {
		marks, forgotten := 0, random.IntN(stores)
		skip := func() bool { marks++; return marks%stores == forgotten }
		for _, e := range exports {
			marks = 0
			i := mustLoadWithoutMarks(t, m.Encode(), bindNoTenants, skip)
			if want := len(exports) * stores; marks < want {
				t.Fatalf("found %d marks, want %d", marks, want)
			}
			_, _ = call(t.Context(), i, e)
			if i.Audit() == nil {
				t.Errorf("export %v without mark %d equals the image", e, forgotten)
			}
		}
	}
}

// manyStores stores to n different KiB from an address on, by each instruction in turn.
func manyStores(from, n uint32) (body []byte) {
	const none, toI64, toF32, toF64 = 0x01, 0xad, 0xbe, 0xb8
	conversions := []byte{none, toI64, toF32, toF64, none, none, toI64, toI64, toI64} // for i32.store to i64.store32
	for i := range n {
		op := i % uint32(len(conversions))
		body = code(body, at(from+i*1024), value(), []byte{conversions[op], 0x36 + byte(op), 0, 0})
	}
	return body
}

// mustLoadWithoutMarks loads a guest that a broken rewriter has metered, and borrows its
// instance.
func mustLoadWithoutMarks(t *testing.T, guest []byte, bind func() hostfuncs.Services, skip func() bool) *Instance {
	limits, err := Limits{Instances: 1, Audit: 1 << 30}.withDefaults()
	if err != nil {
		t.Fatal(err)
	}
	p := &Program{digest: Digest(guest), limits: limits, released: make(chan struct{}),
		options: Options{Wasm: guest, Config: []byte("{}"), Bind: bind, Logger: slog.Default()}}
	p.pool.init(p)
	t.Cleanup(func() { _ = p.Close() })
	if p.metered, err = meter.Instrument(guest, limits.meter()); err != nil {
		t.Fatal(err)
	}
	if p.metered.Wasm, err = metertest.WithoutMarks(p.metered.Wasm, skip); err != nil {
		t.Fatal(err)
	}
	if err := p.loadMetered(t.Context()); err != nil {
		t.Fatal(err)
	}
	i, err := p.Borrow(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { p.Return(i) })
	return i
}

// marking returns a guest whose calls change its variable and its memory. Some
// grow the memory, and all but route fail afterwards.
func marking() []byte {
	join := func(parts ...[]byte) (all []byte) {
		for _, p := range parts {
			all = append(all, p...)
		}
		return all
	}
	const far = 3*65536 + 77
	mark := join(
		[]byte{0x23, 0}, wasmtest.I64(7), []byte{0x7c, 0x24, 0}, // variable += 7
		wasmtest.I32(far), []byte{0x23, 0, 0x37, 3, 0}, // store it
	)
	grow := []byte{0x41, 1, 0x40, 0, 0x1a}
	g := wasmtest.Sound()
	g.Variable = true
	route := g.Bodies[abi.ExportRoute]
	return g.
		With(abi.ExportRoute, join(mark, grow, route)...).
		With(abi.ExportCacheKey, join(mark, []byte{0x20, 0, 0x10, 4})...). // calls itself until its stack is full or its fuel used up
		With(abi.ExportReverseKey, join(mark, grow, []byte{0x00})...).
		With(abi.ExportPathname, join(mark, wasmtest.I64(abi.PackReply(1<<31, 64)))...).
		Wasm()
}
