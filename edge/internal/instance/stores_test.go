package instance

import (
	"testing"

	"github.com/tenantedge/tenantedge/edge/internal/wasm"
	"github.com/tenantedge/tenantedge/edge/internal/wasm/wasmtest"
	"github.com/tenantedge/tenantedge/guest/abi"
	"github.com/tenantedge/tenantedge/hostfuncs"
)

// code joins instructions.
func code(parts ...[]byte) (all []byte) {
	for _, p := range parts {
		all = append(all, p...)
	}
	return all
}

// A value that differs from call to call: the argument, changed so that it is not 0.
func value() []byte { return code([]byte{0x20, 0}, wasmtest.I32(0x5a5a5a5a), []byte{0x73}) } // i32.xor

// storeAt stores the value at an address, which is code, plus an offset.
func storeAt(address []byte, offset uint32) []byte {
	return wasm.AppendU32(code(address, value(), []byte{0x36, 0}), offset)
}

func getGlobal(n byte) []byte { return []byte{0x23, n} }

func setGlobal(n byte, v ...[]byte) []byte { return append(code(v...), 0x24, n) }

func plus(a []byte, n uint32) []byte { return code(a, wasmtest.I32(n), []byte{0x6a}) }

var (
	at          = wasmtest.I32
	lookUp      = []byte{0x10, 0, 0x1a} // call the host function, drop
	unreachable = []byte{0x00}
	nothing     = wasmtest.I64(abi.PackReply(2048, 8)) // what the sound guest replies to te_route
	grow        = []byte{0x41, 1, 0x40, 0, 0x1a}
	newPage     = code([]byte{0x3f, 0}, at(1), []byte{0x6b}, at(16), []byte{0x74}) // (memory.size - 1) << 16
)

// hostileStores are calls that write to memory in ways that tracking could miss. The guest has
// two mutable i32 globals, like stack pointers, a memory of 4 pages, and the host function
// tenant_by_domain as function 0.
var hostileStores = map[string][]byte{
	"the last addresses":                   code(storeAt(at(4*65536-4), 0), storeAt(at(1<<32-1), 1<<32-1)),
	"an offset past 4 GiB":                 code(storeAt(at(70_000), 0), storeAt(at(1<<32-8), 70_008)),
	"a base below zero":                    code(storeAt(plus(at(1<<32-8), 70_000), 0), storeAt(plus(at(1<<32-8), 8), 16)),
	"a range that ends past 4 GiB":         code(storeAt(plus(getGlobal(0), 1<<32-70_000), 200), storeAt(plus(getGlobal(0), 1<<32-70_000), 1<<32-16)),
	"the grain of the empty window":        code(storeAt(at(70_000), 0), storeAt(at(1<<32-1024), 0)),
	"the end of the empty window":          storeAt(at(1<<32-4), 0),
	"across two grains":                    code(storeAt(at(71_678), 0), storeAt(at(80*1024-1), 0), storeAt(at(66_000), 6*1024)),
	"a walk through memory":                walk(1023),
	"a walk through memory, downwards":     walk(1<<32 - 1021),
	"a stack":                              code(setGlobal(0, plus(getGlobal(0), 1<<32-64)), storeAt(getGlobal(0), 0), storeAt(getGlobal(0), 60)),
	"a stack at the beginning":             code(setGlobal(0, at(8)), storeAt(getGlobal(0), 0), storeAt(plus(getGlobal(0), 1<<32-8), 0)),
	"a stack below zero":                   code(storeAt(getGlobal(0), 0), setGlobal(0, at(0)), storeAt(plus(getGlobal(0), 1<<32-8), 0)),
	"a store below zero that is skipped":   code(setGlobal(0, at(4)), getGlobal(0), []byte{0x21, 0, 0x02, 0x40}, storeAt([]byte{0x20, 0}, 0), at(1), []byte{0x0d, 0}, storeAt(plus([]byte{0x20, 0}, 1<<32-8), 0), []byte{0x0b}),
	"a stack below zero, not switched":     code(storeAt(getGlobal(0), 0), setGlobal(0, plus(getGlobal(0), 1<<32-70_008)), storeAt(getGlobal(0), 0)),
	"a stack that jumps":                   code(storeAt(getGlobal(0), 0), setGlobal(0, at(200_000)), storeAt(getGlobal(0), 0), setGlobal(0, at(100_000)), storeAt(getGlobal(0), 4)),
	"a stack at any address":               code(storeAt(getGlobal(0), 0), setGlobal(0, []byte{0x20, 0}, at(9), []byte{0x74}, at(66_000), []byte{0x6a}), storeAt(getGlobal(0), 0)),
	"two stacks":                           code(storeAt(getGlobal(0), 0), storeAt(getGlobal(1), 0), setGlobal(1, getGlobal(0)), storeAt(getGlobal(1), 40), setGlobal(0, at(90_000)), storeAt(getGlobal(0), 0)),
	"two stacks, the lower one last":       code(storeAt(getGlobal(1), 0), storeAt(getGlobal(0), 0), storeAt(plus(getGlobal(1), 1<<32-4096), 0)),
	"growth in between":                    code(storeAt(getGlobal(0), 0), storeAt(at(100_000), 0), grow, storeAt(newPage, 100), storeAt(plus(getGlobal(0), 3*65536), 0), storeAt(at(101_000), 0)),
	"growth, then a trap":                  code(storeAt(at(100_000), 0), grow, storeAt(newPage, 0), storeAt(at(120_000), 0), unreachable),
	"a trap after stores":                  code(storeAt(at(100_000), 0), storeAt(getGlobal(0), 0), storeAt(at(150_000), 0), unreachable),
	"a host function between stores":       code(storeAt(getGlobal(0), 0), host(160_000, 64), storeAt(getGlobal(0), 8), host(180_000, 64), storeAt(at(160_001), 0)),
	"a host function that writes anywhere": code(host(1<<17, 1<<17), storeAt(at(70_000), 0)),
	"a host function, then a trap":         code(host(161_000, 3000), unreachable),
	"a host function outside of memory":    code(storeAt(at(100_000), 0), host(4*65536-8, 64), host(1<<32-1, 1<<32-1)),
	"a fill of nothing":                    code(fill(100_000, 0), storeAt(at(100_000), 0), fill(1<<32-1, 0)),
	"a fill across grains":                 fill(71_000, 5000),
	"a fill past the end":                  code(storeAt(at(100_000), 0), fill(4*65536-10, 11)),
	"a fill of 4 GiB":                      fill(1, 1<<32-1),
	"a copy over itself":                   code(storeAt(at(100_000), 0), copied(100_001, 100_000, 9000), copied(99_000, 100_000, 9000)),
}

// unmarked are those that need no marks of the guest: they write nothing, only by host
// functions, or only to the beginning of memory, which is always restored.
var unmarked = map[string]bool{
	"the end of the empty window": true, "a fill of 4 GiB": true, "a host function, then a trap": true,
	"a range that ends past 4 GiB": true, "a stack at the beginning": true, "a store below zero that is skipped": true,
}

// host calls tenant_by_domain with a buffer of n bytes.
func host(buffer, n uint32) []byte {
	return code(at(0), at(1), at(0), at(1), at(buffer), at(n), lookUp)
}

func fill(to, n uint32) []byte { return code(at(to), value(), at(n), []byte{0xfc, 0x0b, 0}) }

func copied(to, from, n uint32) []byte {
	return code(at(to), at(from), at(n), []byte{0xfc, 0x0a, 0, 0})
}

// walk stores 100 times, in a loop.
func walk(step uint32) []byte {
	return code(setGlobal(1, at(150_000)), []byte{0x03, 0x40}, // loop
		storeAt(getGlobal(1), 0),
		setGlobal(1, plus(getGlobal(1), step)),
		getGlobal(1), at(150_000-100*1021), []byte{0x4b}, // i32.gt_u
		getGlobal(1), at(150_000+100*1023), []byte{0x49, 0x71, 0x0d, 0, 0x0b}) // i32.lt_u, i32.and, br_if
}

// answering are services that answer each lookup with all the room that there is.
type answering struct{ noTenants }

func (answering) ByDomain(_, _ string, out []byte) (int, bool) {
	for n := range out {
		out[n] += 3
	}
	return len(out), true
}

func TestH7HostileStoresAreUndone(t *testing.T) {
	bind := func() hostfuncs.Services { return answering{} }
	for name, body := range hostileStores {
		t.Run(name, func(t *testing.T) {
			g := sound().With(abi.ExportCacheKey, code(body, nothing)...)
			g.Import = wasmtest.TenantByDomain
			m, err := wasm.Decode(g.Wasm())
			if err != nil {
				t.Fatal(err)
			}
			for _, at := range []int32{70_000, 140_000} {
				m.Globals.Add(wasm.Global{GlobalType: wasm.GlobalType{Type: wasm.I32, Mutable: true}, Init: wasm.I32Const(at)})
			}
			differs := func(skip bool) bool {
				i := mustLoadWithoutMarks(t, m.Encode(), bind, func() bool { return skip })
				for n := range 6 {
					if n == 3 { // another call, which ends with other windows
						if _, err := call(t.Context(), i, Route); err != nil {
							t.Error(err)
						}
					}
					_ = i.Call(t.Context(), CacheKey, func([]byte) int { return n * 8 }, func(abi.Message) error { return nil })
					if i.retire != "" {
						t.Errorf("call %d: retired: %s", n, i.retire)
					}
					if err := i.Audit(); err != nil {
						if !skip {
							t.Errorf("call %d: %v", n, err)
						}
						return true
					}
				}
				return false
			}
			differs(false)
			if !unmarked[name] && !differs(true) {
				t.Error("it writes nothing")
			}
		})
	}
}
