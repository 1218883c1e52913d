package hostfuncs

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/api"
	"github.com/tetratelabs/wazero/sys"

	"github.com/tenantedge/tenantedge/guest/abi"
)

func TestTenantLookups(t *testing.T) {
	const out, room = 1024, 512
	for _, c := range []struct {
		name, function, key string
		extra               []uint64
		want                abi.Errno
	}{
		{"a domain that exists is found", abi.ImportTenantByDomain, "a.io", []uint64{0, 0}, abi.OK},
		{"a domain that does not exist is not", abi.ImportTenantByDomain, "b.io", []uint64{0, 0}, abi.NotFound},
		{"a folder outside the memory is a fault", abi.ImportTenantByDomain, "a.io", []uint64{1 << 31, 4}, abi.Fault},
		{"a reference is found", abi.ImportTenantByReference, "a.io", nil, abi.OK},
		{"a primary domain is found", abi.ImportPrimaryDomain, "a.io", nil, abi.OK},
		{"a panic in the host is an internal error", abi.ImportPrimaryDomain, "panic", nil, abi.Internal},
	} {
		t.Run(c.name, func(t *testing.T) {
			g := newGuest(t)
			ptr, length := g.put(16, c.key)
			args := append([]uint64{ptr, length}, c.extra...)
			got := g.mustRun(c.function, append(args, out, room)...)
			if errno(got) != c.want {
				t.Fatalf("result %v, want %v", errno(got), c.want)
			}
			if c.want != abi.OK {
				return
			}
			m, err := abi.Parse([]byte(g.get(out, got)))
			if err != nil || string(m.Get(abi.RecSchema)) != "t1" {
				t.Fatalf("the record is %v, %v", m, err)
			}
		})
	}
}

func TestTheResultOfAnAnswerThatDoesNotFitIsItsSize(t *testing.T) {
	g := newGuest(t)
	ptr, length := g.put(16, "a.io")
	before := g.get(1024, 64)
	size := g.mustRun(abi.ImportTenantByReference, ptr, length, 1024, 20)
	if size <= 20 || errno(size) != abi.OK {
		t.Fatalf("result %d, want the size of the record", int64(size))
	}
	if again := g.mustRun(abi.ImportTenantByReference, ptr, length, 1024, size); again != size {
		t.Fatalf("with %d bytes of room: result %d", size, int64(again))
	}
	if g.get(1024, 64) == before {
		t.Fatal("nothing was written with enough room")
	}
}

func TestQueryReturnsJSONOrAnErrno(t *testing.T) {
	for _, c := range []struct {
		name   string
		err    error
		frozen bool
		want   abi.Errno
	}{
		{"rows", nil, false, abi.OK},
		{"an errno is returned", abi.Limit, false, abi.Limit},
		{"a wrapped errno is returned", fmt.Errorf("query: %w", abi.Denied), false, abi.Denied},
		{"a deadline is a timeout", context.DeadlineExceeded, false, abi.Timeout},
		{"anything else is internal", errBroken, false, abi.Internal},
		{"no query while the image is built", nil, true, abi.Denied},
	} {
		t.Run(c.name, func(t *testing.T) {
			g := newGuest(t)
			g.world.err, g.call.Frozen = c.err, c.frozen
			schema, schemaLen := g.put(16, "t1")
			name, nameLen := g.put(32, "seats")
			args, argsLen := g.put(64, "[7]")
			got := g.mustRun(abi.ImportQuery, schema, schemaLen, name, nameLen, args, argsLen, 1024, 512)
			if errno(got) != c.want {
				t.Fatalf("result %v, want %v", errno(got), c.want)
			}
			if c.want == abi.OK && (g.get(1024, got) != `[{"n":1}]` || g.world.queries[0] != "t1/seats[7]") {
				t.Fatalf("queries %q, rows %q", g.world.queries, g.get(1024, got))
			}
		})
	}
}

func TestG3GuestsHaveNoAmbientAuthority(t *testing.T) {
	g := newGuest(t)
	if got := g.mustRun("path_open", 3, 0, 0, 0, 0, 0, 0, 0, 0); got != wasiNosys {
		t.Errorf("path_open: result %d, want ENOSYS", got)
	}
	if got := g.mustRun("sock_accept", 3, 0, 0); got != wasiNosys {
		t.Errorf("sock_accept: result %d, want ENOSYS", got)
	}
	for fd := range uint64(8) {
		if got := g.mustRun("fd_prestat_get", fd, 64); got != wasiBadf {
			t.Errorf("fd_prestat_get of descriptor %d: result %d, want EBADF", fd, got)
		}
	}
	g.put(64, "12345678")
	if got := g.mustRun("environ_sizes_get", 64, 68); got != wasiOK || g.get(64, 8) != "\x00\x00\x00\x00\x00\x00\x00\x00" {
		t.Errorf("environ_sizes_get: result %d with %q, want no strings", got, g.get(64, 8))
	}
	if got := g.mustRun("args_sizes_get", 64, 68); got != wasiOK || g.get(64, 8) != "\x01\x00\x00\x00\x06\x00\x00\x00" {
		t.Errorf("args_sizes_get: result %d with %q, want only the program's name", got, g.get(64, 8))
	}
	if got := g.mustRun("args_get", 64, 128); got != wasiOK || g.get(64, 4) != "\x80\x00\x00\x00" || g.get(128, 6) != "guest\x00" {
		t.Errorf("args_get: result %d with %q at %q", got, g.get(128, 6), g.get(64, 4))
	}
	if got := g.mustRun("fd_write", 3, 0, 0, 64); got != wasiBadf {
		t.Errorf("fd_write to descriptor 3: result %d, want EBADF", got)
	}
}

func TestCallsWithAFixedTimeRepeat(t *testing.T) {
	g := newGuest(t)
	g.call.FixedTime = 1_800_000_000_000_000_000
	var random [2]string
	for n := range random {
		g.call.Begin(t.Context())
		if got := g.mustRun("random_get", 64, 32); got != wasiOK {
			t.Fatalf("random_get: result %d, want 0", got)
		}
		random[n] = g.get(64, 32)
		if got := g.mustRun(abi.ImportClock); int64(got) != g.call.FixedTime {
			t.Errorf("the time is %d", got)
		}
		g.call.End()
	}
	if random[0] != random[1] {
		t.Error("two calls get different random numbers")
	}
}

func TestG3ClockAndRandomnessAreRealInRequestsAndFixedInTheImage(t *testing.T) {
	draw := func(frozen bool) (string, uint64) {
		g := newGuest(t)
		g.call.Frozen = frozen
		if got := g.mustRun("random_get", 64, 32); got != wasiOK {
			t.Fatalf("random_get: result %d, want 0", got)
		}
		return g.get(64, 32), g.mustRun(abi.ImportClock)
	}
	fixed1, time1 := draw(true)
	fixed2, time2 := draw(true)
	if fixed1 != fixed2 || time1 != time2 {
		t.Error("two images differ")
	}
	real1, now := draw(false)
	real2, _ := draw(false)
	if real1 == real2 || real1 == fixed1 {
		t.Error("requests draw a predictable sequence")
	}
	if now <= time1 {
		t.Errorf("the clock in a request is %d, want the current time", now)
	}
}

func TestProcExitEndsOnlyTheCall(t *testing.T) {
	g := newGuest(t)
	_, err := g.run("proc_exit", 3)
	var exit *sys.ExitError
	if !errors.As(err, &exit) || exit.ExitCode() != 3 {
		t.Fatalf("error %v, want exit code 3", err)
	}
	if _, err := g.run(abi.ImportClock); err != nil {
		t.Fatalf("the next call fails: %v", err)
	}
}

func TestCheckNamesTheUnexpectedImport(t *testing.T) {
	for _, c := range []struct {
		name string
		imp  forwarded
		want string
	}{
		{"an unknown host function", forwarded{abi.ImportModule, "format_disk", nil, nil}, `"format_disk", which ABI version 1 does not have`},
		{"a wrong signature", forwarded{abi.ImportModule, abi.ImportClock, nil, types(i32)}, "as () -> i32: expected () -> i64"},
		{"an unknown module", forwarded{"env", "abort", types(i32), nil}, `expected imports only from "tenantedge" and "wasi_snapshot_preview1"`},
		{"a WASI function with another signature", forwarded{wasiModule, "random_get", types(i64), types(i32)}, "expected (i32 i32) -> i32"},
		{"an unknown WASI function", forwarded{wasiModule, "thing", nil, nil}, "expected a WASI preview 1 function"},
	} {
		t.Run(c.name, func(t *testing.T) {
			ctx := context.Background()
			r := wazero.NewRuntime(ctx)
			defer r.Close(ctx)
			compiled, err := r.CompileModule(ctx, forwarder([]forwarded{c.imp}))
			if err != nil {
				t.Fatal(err)
			}
			if err := Check(compiled); err == nil || !strings.Contains(err.Error(), c.want) {
				t.Fatalf("error %v, want one with %q", err, c.want)
			}
		})
	}
}

// G4: host functions never panic, whatever a guest passes.
func TestG4HostFunctionsSurviveAnyArgument(t *testing.T) {
	g := newGuest(t)
	g.call.Watch = briefWatch{}
	rng := rand.New(rand.NewPCG(1, 2))
	edges := []uint64{0, 1, 4, 16, 65535, 65536, 65537, 1 << 31, 1<<32 - 1, 1<<32 - 16, 1 << 63, 1<<64 - 1}
	for range 20_000 {
		f := everything()[rng.IntN(len(everything()))]
		args := make([]uint64, len(f.params))
		for i := range args {
			args[i] = edges[rng.IntN(len(edges))]
			if f.params[i] == api.ValueTypeI32 {
				args[i] = uint64(uint32(args[i]))
			}
		}
		if _, err := g.run(f.name, args...); err != nil && f.name != "proc_exit" {
			t.Fatalf("%s%v trapped: %v", f.name, args, err)
		}
	}
}

func FuzzG4HostFunctions(f *testing.F) {
	f.Add(uint8(0), uint32(16), uint32(4), uint32(0), uint32(0), uint32(1024), uint32(512), uint32(1<<31), uint32(1<<32-1), []byte("a.io"))
	g := newGuest(f)
	g.call.Watch = briefWatch{}
	all := everything()
	f.Fuzz(func(t *testing.T, which uint8, a, b, c, d, e, x, y, z uint32, memory []byte) {
		fn := all[int(which)%len(all)]
		if fn.name == "proc_exit" {
			return
		}
		g.mod.Memory().Write(0, memory[:min(len(memory), 65536)])
		values := []uint64{uint64(a), uint64(b), uint64(c), uint64(d), uint64(e), uint64(x), uint64(y), uint64(z), uint64(a)}
		if _, err := g.run(fn.name, values[:len(fn.params)]...); err != nil {
			t.Fatalf("%s%v trapped: %v", fn.name, values, err)
		}
		g.world.lines, g.world.queries = nil, nil
	})
}

func TestLookupsAllocateNothing(t *testing.T) {
	g := newGuest(t)
	g.put(16, "a.io")
	fn := g.mod.ExportedFunction(abi.ImportTenantByDomain)
	var stack [6]uint64
	allocs := testing.AllocsPerRun(100, func() {
		stack = [6]uint64{16, 4, 0, 0, 1024, 512}
		if err := fn.CallWithStack(g.call, stack[:]); err != nil {
			t.Fatal(err)
		}
	})
	if allocs != 0 {
		t.Errorf("a lookup allocates %v times, want 0", allocs)
	}
}
