package instance

import (
	"cmp"
	"context"
	"errors"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/tetratelabs/wazero/api"

	"github.com/tenantedge/tenantedge/assets"
	"github.com/tenantedge/tenantedge/edge/internal/wasm/wasmtest"
	"github.com/tenantedge/tenantedge/edge/stats"
	"github.com/tenantedge/tenantedge/guest/abi"
)

// load makes a program of a guest. The default timeouts are long, since the machine
// may be busy.
func load(g *wasmtest.Handmade, o Options) (*Program, error) {
	o.Limits.Deadline = cmp.Or(o.Limits.Deadline, time.Minute)
	o.Limits.QueueTimeout = cmp.Or(o.Limits.QueueTimeout, time.Minute)
	o.Wasm, o.Bind, o.Config = g.Wasm(), bindNoTenants, []byte(`{"abi":1}`)
	return NewProgram(context.Background(), o)
}

// call makes a call with an empty request, and returns the word of the reply.
func call(ctx context.Context, i *Instance, e Export) (word uint32, err error) {
	err = i.Call(ctx, e, func([]byte) int { return 0 }, func(m abi.Message) error {
		word = m.Word()
		return nil
	})
	return word, err
}

func mustLoad(t *testing.T, g *wasmtest.Handmade, o Options) *Program {
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
	f64ToF64 := [2]wasmtest.Types{{api.ValueTypeF64}, {api.ValueTypeF64}}
	unreachable := []byte{0x00}
	otherSignature := func(g *wasmtest.Handmade, export string) *wasmtest.Handmade {
		g.Types[export] = f64ToF64
		return g.With(export, 0x20, 0x00)
	}
	for _, c := range []struct {
		name  string
		guest *wasmtest.Handmade
		want  string // in the error; empty: it loads
	}{
		{"a sound guest loads", sound(), ""},
		{"a self-test that passes", sound().With(abi.ExportSelfTest, wasmtest.I32(0)...), ""},
		{"no memory", &wasmtest.Handmade{NoMemory: true, Bodies: sound().Bodies}, `has no memory: expected one, exported as "memory"`},
		{"no route", sound().Without(abi.ExportRoute), "exports no function te_route: export it as te_route (i32) -> i64"},
		{"another signature", otherSignature(sound(), abi.ExportRoute), "exports te_route as (f64) -> f64: expected (i32) -> i64"},
		{"an optional export of another signature", otherSignature(sound(), abi.ExportCacheKey), "exports te_cache_key as (f64) -> f64: expected (i32) -> i64"},
		{"another version", sound().With(abi.ExportVersion, wasmtest.I32(7)...), "te_abi_version is 7: expected 1"},
		{"no buffer", sound().With(abi.ExportBuffer, wasmtest.I32(0)...), "te_buffer returned 0 for"},
		{"a buffer outside of memory", sound().With(abi.ExportBuffer, wasmtest.I32(1<<30)...), "expected an address inside its memory"},
		{"a buffer that leaves memory", sound().With(abi.ExportBuffer, wasmtest.I32(4*65536-8)...), "expected an address inside its memory"},
		{"a trap in configure", sound().With(abi.ExportConfigure, unreachable...), "te_configure: trap: wasm error: unreachable"},
		{"no reply to the configuration", sound().With(abi.ExportConfigure, wasmtest.I64(0)...), "te_configure returned no reply"},
		{"a reply that is not JSON", sound().Replies(abi.ExportConfigure, "hello"), "expected a JSON object"},
		{"a refused configuration", sound().Replies(abi.ExportConfigure, `{"error":"routers: expected domain"}`), "refuses its configuration: routers: expected domain"},
		{"too many headers", sound().Replies(abi.ExportConfigure, `{"headers":["a","b","c","d","e","f","g","h","i","j","k","l","m","n","o","p","q"]}`), "asks for 17 headers: expected at most 16"},
		{"an invalid header", sound().Replies(abi.ExportConfigure, `{"headers":["a b"]}`), `asks for the header "a b"`},
		{"a consumer", consuming(), ""},
		{"a consumer that fails for warm-up events", consuming().With(abi.ExportMessage, unreachable...), ""},
		{"a consumer without messages", consuming().Without(abi.ExportMessage), "exports no function te_ws_message"},
		{"a consumer without handshakes", consuming().Without(abi.ExportOpen), "exports no function te_ws_open"},
		{"a consumer of another signature", otherSignature(consuming(), abi.ExportGroup), "exports te_ws_group as (f64) -> f64: expected (i32) -> i64"},
		{"an invalid header of a consumer", consuming().Replies(abi.ExportConfigure, `{"consumer":true,"consumer_headers":["a b"]}`), `asks for the header "a b"`},
		{"a self-test that fails", sound().With(abi.ExportSelfTest, wasmtest.I32(3)...), "te_self_test returned 3: expected 0"},
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
				t.Fatalf("load returned %v, want %q", err, c.want)
			}
		})
	}
	for _, wasm := range []string{"", "hello", "\x00asm\x02\x00\x00\x00", "\x00asm\x01\x00\x00\x00\x01\xff\xff\xff\xff\x0f"} {
		if _, err := NewProgram(context.Background(), Options{Wasm: []byte(wasm), Bind: bindNoTenants}); err == nil || !strings.Contains(err.Error(), "not a valid WebAssembly module") {
			t.Errorf("the error for %q is %v", wasm, err)
		}
	}
}

// A guest that was built as a command fails in many ways, since the host does not
// initialize it. The error says how to build it.
func TestTheErrorOfACommandSaysHowToBuildIt_D6(t *testing.T) {
	const want = "build it as a library (Go and TinyGo: -buildmode=c-shared"
	for _, c := range []struct {
		name   string
		guest  *wasmtest.Handmade
		hinted bool
	}{
		{"an export is missing", sound().With("_start").Without(abi.ExportRoute), true},
		{"its first function traps, as Go's does", sound().With("_start").With(abi.ExportVersion, 0x00), true},
		{"it cannot be configured", sound().With("_start").With(abi.ExportConfigure, 0x00), true},
		{"it refuses its configuration", sound().With("_start").Replies(abi.ExportConfigure, `{"error":"not initialised"}`), true},
		{"a library fails", sound().With("_start").With(abi.ExportInitialize).With(abi.ExportVersion, 0x00), false},
		{"a guest that is neither fails", sound().With(abi.ExportVersion, 0x00), false},
	} {
		if _, err := load(c.guest, Options{}); err == nil || strings.Contains(err.Error(), want) != c.hinted {
			t.Errorf("%s: %v, want the hint: %v", c.name, err, c.hinted)
		}
	}
}

func TestAStackTraceEndsWithTheGuestsOwnFrame(t *testing.T) {
	const trace = "wasm error: unreachable\nwasm stack trace:\n\t.te_route(i32) i64"
	for text, want := range map[string]string{
		trace + "\n\t.meter.kept.te_route(i32) i64": trace,
		trace:                         trace,
		"\n\t.meter.kept.x()\n\t.f()": "\n\t.meter.kept.x()\n\t.f()",
	} {
		cause := errors.New(text)
		if err := shorten(cause); err.Error() != want || !errors.Is(err, cause) {
			t.Errorf("%q became %q, expected %q", text, err, want)
		}
	}
}

func TestACallThatFailsReturnsAnErrorAndTheNextIsServed(t *testing.T) {
	for _, c := range []struct {
		name   string
		guest  *wasmtest.Handmade
		reason stats.Trap
		want   string
	}{
		{"a trap", sound().With(abi.ExportCacheKey, 0x00), stats.TrapCrash, "unreachable"},
		{"an exit", exiting().With(abi.ExportCacheKey, append(append(wasmtest.I32(3), 0x10, 0), wasmtest.I64(0)...)...), stats.TrapExit, "it exited with code 3: expected it to return"},
		{"no reply", sound().With(abi.ExportCacheKey, wasmtest.I64(0)...), stats.TrapReply, "returned no reply"},
		{"a reply outside of memory", sound().With(abi.ExportCacheKey, wasmtest.I64(abi.PackReply(1<<31, 8))...), stats.TrapReply, "expected an address inside its memory"},
		{"a reply that leaves memory", sound().With(abi.ExportCacheKey, wasmtest.I64(abi.PackReply(4*65536-4, 8))...), stats.TrapReply, "expected an address inside its memory"},
		{"a reply of 4 GiB", sound().With(abi.ExportCacheKey, wasmtest.I64(abi.PackReply(8, 1<<32-1))...), stats.TrapReply, "expected an address inside its memory"},
		{"a reply that is not a message", sound().Replies(abi.ExportCacheKey, "\x01\x00\x00\x00\xff\xff\xff\xff"), stats.TrapReply, "malformed message"},
		{"a field with a wrong length", sound().Replies(abi.ExportCacheKey, "\x01\x00\x00\x00\x01\x00\x00\x00\x10\x00\x00\x00\xff\x00\x00\x00"), stats.TrapReply, "malformed message"},
	} {
		t.Run(c.name, func(t *testing.T) {
			p := mustLoad(t, c.guest, Options{Limits: Limits{Instances: 1}})
			ctx := context.Background()
			for range 3 {
				i, err := p.Borrow(ctx)
				if err != nil {
					t.Fatal(err)
				}
				_, err = call(ctx, i, CacheKey)
				p.Return(i)
				if !errors.Is(err, ErrTrap) || !strings.Contains(err.Error(), c.want) {
					t.Fatalf("the call returned %v, want %q", err, c.want)
				}
				if i, err = p.Borrow(ctx); err != nil {
					t.Fatal(err)
				}
				word, err := call(ctx, i, Route)
				if err != nil || abi.Outcome(word&abi.DecOutcomeMask) != abi.Missing {
					t.Fatalf("the next call failed: %v", err)
				}
				p.Return(i)
			}
			if s := p.Stats(); s.Traps[c.reason] != 3 || len(s.Retired) > 0 || s.Calls != 6 {
				t.Errorf("the statistics are %+v, want 3 of %q among 6 calls", s, c.reason)
			}
		})
	}
}

func TestThePoolIsBoundedAndQueuesForATime(t *testing.T) {
	ctx := context.Background()
	p := mustLoad(t, sound(), Options{Limits: Limits{Instances: 2, QueueTimeout: time.Millisecond}})
	a, err := p.Borrow(ctx)
	if err != nil {
		t.Fatal(err)
	}
	b, err := p.Borrow(ctx)
	if err != nil || a == b {
		t.Fatalf("the second instance is %p, the first %p, %v", b, a, err)
	}
	if _, err := p.Borrow(ctx); !errors.Is(err, ErrBusy) {
		t.Fatalf("the third Borrow returned %v, want ErrBusy", err)
	}
	cancelled, cancel := context.WithCancel(ctx)
	cancel()
	if _, err := p.Borrow(cancelled); !errors.Is(err, context.Canceled) && !errors.Is(err, ErrBusy) {
		t.Fatalf("Borrow for a cancelled request returned %v", err)
	}
	p.Return(a)
	if again, err := p.Borrow(ctx); err != nil || again != a {
		t.Fatalf("after a return: %p, %v", again, err)
	}
	a.retire = stats.RetiredReset
	p.Return(a)
	p.Return(b)
	if n := p.Stats().Retired[stats.RetiredReset]; n != 1 {
		t.Errorf("%d instances were retired, want 1", n)
	}
}

func TestInstancesServeOneCallAtATimeUnderLoad(t *testing.T) {
	p := mustLoad(t, sound().With(abi.ExportCacheKey, 0x00), Options{Limits: Limits{Instances: 3, QueueTimeout: time.Minute}})
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
				if _, err := call(context.Background(), i, e); (err != nil) != want {
					t.Errorf("export %d returned %v", e, err)
				}
				p.Return(i)
			}
		})
	}
	wg.Wait()
}

func TestNoInstanceIsLentTwiceWhateverElseHappensToThePool(t *testing.T) {
	ctx := context.Background()
	p := mustLoad(t, sound(), Options{Limits: Limits{Instances: 3, QueueTimeout: time.Minute, Audit: 7}})
	var held sync.Map
	var users sync.WaitGroup
	const each, goroutines = 500, 8
	for range goroutines {
		users.Go(func() {
			for range each {
				i, err := p.Borrow(ctx)
				if err != nil {
					t.Error(err)
					return
				}
				if _, twice := held.LoadOrStore(i, true); twice {
					t.Error("an instance is lent twice")
				}
				if _, err := call(ctx, i, Route); err != nil {
					t.Error(err)
				}
				held.Delete(i)
				p.Return(i)
			}
		})
	}
	done := make(chan struct{})
	var others sync.WaitGroup
	for _, do := range []func(){p.pool.shrink, p.Park, func() {
		if s := p.Stats(); s.Instances > 3 || s.Busy < 0 || s.Busy > s.Instances {
			t.Errorf("%d of %d instances are lent, expected 3 instances at most", s.Busy, s.Instances)
		}
	}} {
		others.Go(func() {
			for {
				select {
				case <-done:
					return
				default:
					do()
					runtime.Gosched()
				}
			}
		})
	}
	users.Wait()
	close(done)
	others.Wait()
	if s := p.Stats(); s.Calls != each*goroutines || s.Busy != 0 || s.Waiting != 0 || s.Audits == 0 {
		t.Errorf("after %d calls the counters are %+v", each*goroutines, s)
	}
}

func TestAReturnedInstanceGoesToAWaitingRequest(t *testing.T) {
	ctx := context.Background()
	p := mustLoad(t, sound(), Options{Limits: Limits{Instances: 1, QueueTimeout: time.Minute}})
	i, err := p.Borrow(ctx)
	if err != nil {
		t.Fatal(err)
	}
	got := make(chan *Instance)
	go func() {
		i, err := p.Borrow(ctx)
		if err != nil {
			t.Error(err)
		}
		got <- i
	}()
	for p.Stats().Waiting == 0 {
		runtime.Gosched()
	}
	p.Return(i)
	if got := <-got; got != i {
		t.Errorf("the waiting request gets %p, want %p", got, i)
	}
	p.Return(i)
	if got := p.pool.alarm.Load(); got != 0 {
		t.Errorf("without waiting requests the alarm is %d, want 0", got)
	}
}

func TestAClosedProgramLendsNothing(t *testing.T) {
	ctx := context.Background()
	p := mustLoad(t, sound(), Options{})
	i, err := p.Borrow(ctx)
	if err != nil {
		t.Fatal(err)
	}
	closed := make(chan error)
	go func() { closed <- p.Close() }()
	for p.pool.alarm.Load() == 0 {
		runtime.Gosched()
	}
	if _, err := p.Borrow(ctx); !errors.Is(err, ErrClosed) {
		t.Errorf("Borrow returned %v, want ErrClosed", err)
	}
	p.Return(i) // Close waits for it
	if err := <-closed; err != nil {
		t.Error(err)
	}
	if s := p.Stats(); s.Instances != 0 {
		t.Errorf("after Close there are %d instances", s.Instances)
	}
}

func TestACallAllocatesNothing(t *testing.T) {
	p := mustLoad(t, sound(), Options{})
	ctx := context.Background()
	n := testing.AllocsPerRun(100, func() {
		i, err := p.Borrow(ctx)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := call(ctx, i, Route); err != nil {
			t.Fatal(err)
		}
		p.Return(i)
	})
	if n != 0 {
		t.Errorf("Borrow, Call and Return make %v allocations, want none", n)
	}
}

// The state that every call starts from is the same if calls have no time.
func TestAnImageDoesNotDependOnTime(t *testing.T) {
	const reply = 8
	loop := append(append(wasmtest.I32(100_000), 0x21, 0, 0x03, 0x40, 0x20, 0), wasmtest.I32(1)...) // local 0 counts down
	loop = append(loop, 0x6b, 0x22, 0, 0x0d, 0, 0x0b)
	count := append(append([]byte{0x23, 0}, wasmtest.I64(1)...), 0x7c, 0x24, 0) // the variable counts calls
	g := sound().WithData(8192, string(make([]byte, reply)))
	g.Variable = true
	g.With(abi.ExportRoute, slices.Concat(loop, count, wasmtest.I64(abi.PackReply(8192, reply)))...)
	var want []uint64
	for _, deadline := range []time.Duration{time.Minute, time.Nanosecond} {
		p := mustLoad(t, g, Options{Limits: Limits{Deadline: deadline}})
		if want == nil {
			want = p.globals
		}
		if p.globals[0] == 0 || !slices.Equal(p.globals, want) {
			t.Errorf("with a deadline of %v, the image has the variables %d, want %d and at least one call", deadline, p.globals, want)
		}
	}
}

func TestACancelledCompilationBlamesNoModule(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	_, err := NewProgram(ctx, Options{Wasm: assets.Router, Bind: bindNoTenants})
	if !errors.Is(err, context.Canceled) || strings.Contains(err.Error(), "valid") {
		t.Errorf("found %v, expected context.Canceled without a word about the module", err)
	}
}
