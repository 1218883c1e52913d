package instance

import (
	"bytes"
	"context"
	"errors"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/tenantedge/tenantedge/edge/internal/wasm"
	"github.com/tenantedge/tenantedge/edge/internal/wasm/wasmtest"
	"github.com/tenantedge/tenantedge/edge/stats"
	"github.com/tenantedge/tenantedge/guest/abi"
)

// G1: whatever a guest does, its call ends with a reason, the next call is served,
// and the instance has no trace of it.
func TestG1AHostileGuestFailsOnlyItsOwnCall(t *testing.T) {
	zero := wasmtest.I64(0)
	then := func(code ...byte) []byte { return append(code, zero...) }
	for _, c := range []struct {
		name   string
		body   []byte
		limits Limits
		want   stats.Trap
	}{
		{"an endless loop, stopped by fuel", then(0x03, 0x40, 0x0c, 0, 0x0b), Limits{Deadline: time.Minute}, stats.TrapFuel},
		{"an endless loop, stopped by time", then(0x03, 0x40, 0x0c, 0, 0x0b), Limits{Fuel: 1 << 60, Deadline: time.Millisecond}, stats.TrapDeadline},
		{"a recursion", []byte{0x20, 0, 0x10, 4}, Limits{}, stats.TrapDepth},
		{"a memory bomb", then(0x03, 0x40, 0x41, 1, 0x40, 0, 0x1a, 0x0c, 0, 0x0b), Limits{Memory: 8 << 20}, stats.TrapFuel},
		{"memory, then a trap", append(append(wasmtest.I32(100), 0x40, 0), 0x1a, 0x00), Limits{Memory: 8 << 20}, stats.TrapMemory},
		{"a fill of 2 GiB", then(append(append(wasmtest.I32(0), wasmtest.I32(1)...), append(wasmtest.I32(1<<31), 0xfc, 0x0b, 0)...)...), Limits{}, stats.TrapFuel},
		{"a trap", []byte{0x00}, Limits{}, stats.TrapCrash},
	} {
		t.Run(c.name, func(t *testing.T) {
			c.limits.Instances, c.limits.Audit = 1, 1
			p := mustLoad(t, sound().With(abi.ExportCacheKey, c.body...), Options{Limits: c.limits})
			var fuel uint64
			for round := range 3 {
				i, err := p.Borrow(context.Background())
				if err != nil {
					t.Fatal(err)
				}
				_, err = call(context.Background(), i, CacheKey)
				var trap *Trap
				if !errors.As(err, &trap) || trap.Reason != c.want {
					t.Errorf("the call returned %v, want %s", err, c.want)
				}
				if round > 0 && c.want != stats.TrapDeadline && i.Fuel() != fuel {
					t.Errorf("it used %d units of fuel, and %d in the round before", i.Fuel(), fuel)
				}
				fuel = i.Fuel()
				if i.retire == "" { // memory at its maximum cannot be shrunk
					if err := i.Audit(); err != nil {
						t.Error(err)
					}
				}
				p.Return(i)
				if i, err = p.Borrow(context.Background()); err != nil {
					t.Fatal(err)
				}
				if _, err := call(context.Background(), i, Route); err != nil {
					t.Errorf("the next call failed: %v", err)
				}
				p.Return(i)
			}
			if s := p.Stats(); s.Traps[c.want] != 3 || s.Retired[stats.RetiredAudit] > 0 {
				t.Errorf("the statistics are %+v", s)
			}
		})
	}
}

// H7: nothing of request N can be read in request N+1.
func TestH7NothingOfARequestIsLeftForTheNext(t *testing.T) {
	p := mustLoad(t, sound().With(abi.ExportCacheKey, 0x00), Options{Limits: Limits{Instances: 1}})
	secret := bytes.Repeat([]byte("secret"), 5000)
	for n := range 4000 {
		i, err := p.Borrow(context.Background())
		if err != nil {
			t.Fatal(err)
		}
		e := Route
		if n%5 == 0 {
			e = CacheKey // traps
		}
		err = i.Call(context.Background(), e, func(buf []byte) int {
			if bytes.Contains(i.memory.Bytes(), secret[:12]) {
				t.Error("the previous request can be read")
			}
			return copy(buf, secret)
		}, func(abi.Message) error { return nil })
		if (err != nil) != (e == CacheKey) {
			t.Fatal(err)
		}
		if err := i.Audit(); err != nil {
			t.Fatal(err)
		}
		p.Return(i)
	}
}

// Host functions cost fuel, and a guest whose code has no loop is stopped between
// two calls of the host.
func TestCallsOfTheHostAreStoppedByFuelAndTime_D2(t *testing.T) {
	var lookUp []byte
	for _, arg := range []uint32{0, abi.MaxName, 0, abi.MaxName, 0, 0} {
		lookUp = append(lookUp, wasmtest.I32(arg)...)
	}
	lookUp = append(lookUp, 0x10, 0, 0x1a) // call 0, drop
	zero := wasmtest.I64(0)
	loop := append(append(append([]byte{0x03, 0x40}, lookUp...), 0x0c, 0, 0x0b), zero...)
	for _, c := range []struct {
		name   string
		body   []byte
		limits Limits
		want   stats.Trap
	}{
		{"a loop, by fuel", loop, Limits{Deadline: time.Minute}, stats.TrapFuel},
		{"a loop, by time", loop, Limits{Fuel: 1 << 60, Deadline: time.Millisecond}, stats.TrapDeadline},
		{"straight code, by fuel", append(bytes.Repeat(lookUp, 3_000), zero...), Limits{Deadline: time.Minute}, stats.TrapFuel},
		{"straight code, by time", append(bytes.Repeat(lookUp, 100_000), zero...), Limits{Fuel: 1 << 60, Deadline: time.Microsecond}, stats.TrapDeadline},
	} {
		t.Run(c.name, func(t *testing.T) {
			g := sound()
			g.Import = wasmtest.TenantByDomain
			c.limits.Instances = 1
			p := mustLoad(t, g.With(abi.ExportCacheKey, c.body...), Options{Limits: c.limits})
			i, err := p.Borrow(context.Background())
			if err != nil {
				t.Fatal(err)
			}
			defer p.Return(i)
			_, err = call(context.Background(), i, CacheKey)
			var trap *Trap
			if !errors.As(err, &trap) || trap.Reason != c.want {
				t.Fatalf("the call returned %v, want %s", err, c.want)
			}
			if most := p.limits.Fuel + 100_000; c.want == stats.TrapFuel && i.Fuel() > most {
				t.Errorf("it used %d units of fuel: expected at most %d", i.Fuel(), most)
			}
			if _, err := call(context.Background(), i, Route); err != nil {
				t.Errorf("the next call failed: %v", err)
			}
		})
	}
}

// A full stack is reported as depth, even if the engine detects it first, and the
// grown stack is released.
func TestEveryFullStackIsReportedAsDepthAndReleased_D4(t *testing.T) {
	for name, limits := range map[string]Limits{
		"stopped by the count of frames": {},
		"stopped by the engine":          {Stack: 1 << 30, Fuel: 1 << 40, Deadline: time.Minute},
	} {
		t.Run(name, func(t *testing.T) {
			limits.Instances = 1
			p := mustLoad(t, sound().With(abi.ExportCacheKey, 0x20, 0, 0x10, 4), Options{Limits: limits})
			i, err := p.Borrow(context.Background())
			if err != nil {
				t.Fatal(err)
			}
			defer p.Return(i)
			stack := func() int { return reflect.ValueOf(i.functions[CacheKey]).Elem().FieldByName("stack").Len() }
			fresh := stack()
			_, err = call(context.Background(), i, CacheKey)
			var trap *Trap
			if !errors.As(err, &trap) || trap.Reason != stats.TrapDepth {
				t.Errorf("the call returned %v, want %s", err, stats.TrapDepth)
			}
			if got := stack(); got != fresh {
				t.Errorf("the handle keeps a stack of %d bytes, before the call it had %d", got, fresh)
			}
			if err := i.Audit(); err != nil {
				t.Error(err)
			}
			if _, err := call(context.Background(), i, Route); err != nil {
				t.Errorf("the next call failed: %v", err)
			}
		})
	}
}

// The text of a trap is bounded, although each line of the engine's stack trace has
// the types of up to 1,000 parameters and 1,000 results.
func TestTheTextOfATrapIsBounded_D5(t *testing.T) {
	m, err := wasm.Decode(sound().With(abi.ExportCacheKey, 0x00).Wasm())
	if err != nil {
		t.Fatal(err)
	}
	wide := wasm.Type{Params: slices.Repeat([]wasm.ValType{wasm.I64}, 1000), Results: slices.Repeat([]wasm.ValType{wasm.I64}, 1000)}
	m.Functions.Add(wasm.Func(m.Types.Add(wide)))
	m.Code.Add(wasm.Body{Bytes: []byte{0, 0x00, 0x0b}})               // unreachable
	body := append([]byte{0}, bytes.Repeat([]byte{0x42, 0}, 1000)...) // i64.const 0
	body = append(wasm.AppendU32(append(body, 0x10), uint32(m.Functions.Len()-1)), 0x00, 0x0b)
	for _, e := range m.Exports.All() {
		if e.Name == abi.ExportCacheKey {
			m.Code.Set(int(e.Index), wasm.Body{Bytes: body})
		}
	}
	p, err := NewProgram(context.Background(), Options{Wasm: m.Encode(), Config: []byte("{}"), Bind: bindNoTenants, Limits: Limits{Instances: 1}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = p.Close() })
	i, err := p.Borrow(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	defer p.Return(i)
	_, err = call(context.Background(), i, CacheKey)
	var trap *Trap
	if !errors.As(err, &trap) || trap.Reason != stats.TrapCrash || !strings.Contains(err.Error(), "wasm error: unreachable") || len(err.Error()) > maxTrace+100 {
		t.Errorf("the error has %d bytes: %.200v", len(err.Error()), err)
	}
}
