package instance

import (
	"context"
	"errors"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/tetratelabs/wazero/api"

	"github.com/tenantedge/tenantedge/guest/abi"
)

func load(g *handmade, o Options) (*Program, error) {
	o.Wasm, o.Bind, o.Config = g.wasm(), bindNobody, []byte(`{"abi":1}`)
	return NewProgram(context.Background(), o)
}

func mustLoad(t *testing.T, g *handmade, o Options) *Program {
	t.Helper()
	p, err := load(g, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := p.Close(); err != nil {
			t.Error(err)
		}
	})
	return p
}

func TestAGuestIsValidatedWhenItIsLoaded(t *testing.T) {
	text := [2][]api.ValueType{{api.ValueTypeF64}, {api.ValueTypeF64}}
	unreachable := []byte{0x00}
	bad := func(g *handmade, export string) *handmade {
		g.types[export] = text
		return g.with(export, 0x20, 0x00)
	}
	for _, c := range []struct {
		name  string
		guest *handmade
		want  string // in the error; empty: it loads
	}{
		{"a sound guest loads", sound(), ""},
		{"a self-test that passes", sound().with(abi.ExportSelfTest, i32Const(0)...), ""},
		{"no memory", &handmade{noMemory: true, bodies: sound().bodies}, `expected one as "memory"`},
		{"no route", sound().without(abi.ExportRoute), "exports no function te_route: expected te_route (i32) -> i64"},
		{"another signature", bad(sound(), abi.ExportRoute), "exports te_route as (f64) -> f64: expected (i32) -> i64"},
		{"an optional export of another signature", bad(sound(), abi.ExportCacheKey), "exports te_cache_key as (f64) -> f64: expected (i32) -> i64"},
		{"another version", sound().with(abi.ExportVersion, i32Const(7)...), "te_abi_version is 7: expected 1"},
		{"no buffer", sound().with(abi.ExportBuffer, i32Const(0)...), "te_buffer refuses"},
		{"a buffer outside of memory", sound().with(abi.ExportBuffer, i32Const(1<<30)...), "expected an address inside its memory"},
		{"a buffer that leaves memory", sound().with(abi.ExportBuffer, i32Const(4*65536-8)...), "expected an address inside its memory"},
		{"a trap in configure", sound().with(abi.ExportConfigure, unreachable...), "te_configure: wasm error: unreachable"},
		{"no reply to the configuration", sound().with(abi.ExportConfigure, i64Const(0)...), "te_configure gave no reply"},
		{"a reply that is no JSON", sound().replies(abi.ExportConfigure, "hello"), "expected JSON"},
		{"a configuration that it refuses", sound().replies(abi.ExportConfigure, `{"error":"routers: expected domain"}`), "refuses its configuration: routers: expected domain"},
		{"too many headers", sound().replies(abi.ExportConfigure, `{"headers":["a","b","c","d","e","f","g","h","i","j","k","l","m","n","o","p","q"]}`), "asks for 17 headers: expected at most 16"},
		{"a header that is none", sound().replies(abi.ExportConfigure, `{"headers":["a b"]}`), `asks for the header "a b"`},
		{"a self-test that fails", sound().with(abi.ExportSelfTest, i32Const(3)...), "te_self_test returned 3: expected 0"},
	} {
		t.Run(c.name, func(t *testing.T) {
			p, err := load(c.guest, Options{})
			if c.want == "" {
				if err != nil {
					t.Fatal(err)
				}
				_ = p.Close()
				return
			}
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Fatalf("loading said %v, want %q", err, c.want)
			}
		})
	}
	for _, wasm := range []string{"", "hello", "\x00asm\x02\x00\x00\x00", "\x00asm\x01\x00\x00\x00\x01\xff\xff\xff\xff\x0f"} {
		if _, err := NewProgram(context.Background(), Options{Wasm: []byte(wasm), Bind: bindNobody}); err == nil || !strings.Contains(err.Error(), "no valid WebAssembly module") {
			t.Errorf("%q is refused with %v", wasm, err)
		}
	}
}

func TestACallThatFailsIsToldAndTheNextIsServed(t *testing.T) {
	for _, c := range []struct {
		name  string
		guest *handmade
		want  string
	}{
		{"a trap", sound().with(abi.ExportCacheKey, 0x00), "unreachable"},
		{"an exit", (&handmade{exit: true, bodies: sound().bodies, data: sound().data}).with(abi.ExportCacheKey, append(append(i32Const(3), 0x10, 0), i64Const(0)...)...), "exit_code(3)"},
		{"no reply", sound().with(abi.ExportCacheKey, i64Const(0)...), "gave no reply"},
		{"a reply outside of memory", sound().with(abi.ExportCacheKey, i64Const(abi.PackReply(1<<31, 8))...), "expected an address inside its memory"},
		{"a reply that leaves memory", sound().with(abi.ExportCacheKey, i64Const(abi.PackReply(4*65536-4, 8))...), "expected an address inside its memory"},
		{"a reply of 4 GiB", sound().with(abi.ExportCacheKey, i64Const(abi.PackReply(8, 1<<32-1))...), "expected an address inside its memory"},
		{"a reply that is no message", sound().replies(abi.ExportCacheKey, "\x01\x00\x00\x00\xff\xff\xff\xff"), "malformed message"},
		{"a field that lies about its length", sound().replies(abi.ExportCacheKey, "\x01\x00\x00\x00\x01\x00\x00\x00\x10\x00\x00\x00\xff\x00\x00\x00"), "malformed message"},
	} {
		t.Run(c.name, func(t *testing.T) {
			p := mustLoad(t, c.guest, Options{Instances: 1})
			ctx := context.Background()
			for range 3 {
				i, err := p.Borrow(ctx)
				if err != nil {
					t.Fatal(err)
				}
				_, err = i.Call(ctx, CacheKey, 0)
				p.Return(i)
				if !errors.Is(err, ErrTrap) || !strings.Contains(err.Error(), c.want) {
					t.Fatalf("the call said %v, want %q", err, c.want)
				}
				if i, err = p.Borrow(ctx); err != nil {
					t.Fatal(err)
				}
				reply, err := i.Call(ctx, Route, 0)
				if err != nil || abi.Outcome(reply.Word()&abi.DecOutcomeMask) != abi.Missing {
					t.Fatalf("the next call said %v", err)
				}
				p.Return(i)
			}
			if p.Dropped() != 3 {
				t.Errorf("%d instances were dropped, want 3", p.Dropped())
			}
		})
	}
}

func TestThePoolIsBoundedAndQueuesForATime(t *testing.T) {
	ctx := context.Background()
	p := mustLoad(t, sound(), Options{Instances: 2, QueueTimeout: time.Millisecond})
	a, err := p.Borrow(ctx)
	if err != nil {
		t.Fatal(err)
	}
	b, err := p.Borrow(ctx)
	if err != nil || a == b {
		t.Fatalf("the second is %p after %p, %v", b, a, err)
	}
	if _, err := p.Borrow(ctx); !errors.Is(err, ErrBusy) {
		t.Fatalf("the third is refused with %v, want ErrBusy", err)
	}
	cancelled, cancel := context.WithCancel(ctx)
	cancel()
	if _, err := p.Borrow(cancelled); !errors.Is(err, context.Canceled) && !errors.Is(err, ErrBusy) {
		t.Fatalf("a request that ended waits: %v", err)
	}
	p.Return(a)
	if again, err := p.Borrow(ctx); err != nil || again != a {
		t.Fatalf("after a return: %p, %v", again, err)
	}
	a.broken = true
	p.Return(a)
	if fresh, err := p.Borrow(ctx); err != nil || fresh == a {
		t.Fatalf("after a break: %p, %v", fresh, err)
	}
}

func TestInstancesServeOneCallAtATimeUnderLoad(t *testing.T) {
	p := mustLoad(t, sound().with(abi.ExportCacheKey, 0x00), Options{Instances: 3, QueueTimeout: time.Minute})
	var wg sync.WaitGroup
	for worker := range 16 {
		wg.Go(func() {
			for n := range 200 {
				i, err := p.Borrow(context.Background())
				if err != nil {
					t.Error(err)
					return
				}
				e, want := Route, false
				if (worker+n)%10 == 0 {
					e, want = CacheKey, true // traps
				}
				if _, err := i.Call(context.Background(), e, 0); (err != nil) != want {
					t.Errorf("export %d said %v", e, err)
				}
				p.Return(i)
			}
		})
	}
	wg.Wait()
}

func TestACallAllocatesNothing(t *testing.T) {
	p := mustLoad(t, sound(), Options{})
	ctx := context.Background()
	n := testing.AllocsPerRun(100, func() {
		i, err := p.Borrow(ctx)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := i.Call(ctx, Route, 0); err != nil {
			t.Fatal(err)
		}
		p.Return(i)
	})
	if n != 0 {
		t.Errorf("borrowing, calling and returning makes %v allocations, want none", n)
	}
}
