package hostfuncs

import (
	"context"
	"strings"
	"testing"

	"github.com/tetratelabs/wazero/api"

	"github.com/tenantedge/tenantedge/guest/abi"
)

// meter is a Watch that adds up the charges, and stops the guest if they exceed
// limit; 0: no limit.
type meter struct{ used, limit uint64 }

func (m *meter) Worked() {}

func (m *meter) Writes(uint32, uint32) {}

func (m *meter) Bound(ctx context.Context) (context.Context, context.CancelFunc) {
	return ctx, func() {}
}

func (m *meter) Charge(units uint64) bool {
	m.used += units
	return m.limit == 0 || m.used <= m.limit
}

// worst returns the arguments that make f do the most work within one page.
func worst(f forwarded) []uint64 {
	switch f.name {
	case abi.ImportTenantByDomain:
		return []uint64{0, abi.MaxName, 0, abi.MaxName, 32768, 4096}
	case abi.ImportTenantByReference, abi.ImportPrimaryDomain:
		return []uint64{0, abi.MaxName, 32768, 4096}
	case abi.ImportQuery:
		return []uint64{0, abi.MaxName, 0, abi.MaxName, 0, 65536, 32768, 4096}
	case abi.ImportLog:
		return []uint64{0, 0, 65536}
	case abi.ImportRandom, "random_get":
		return []uint64{0, 65536}
	case "fd_write":
		return []uint64{1, 40000, 16, 40960}
	case "poll_oneoff":
		return []uint64{41000, 50000, 64, 60000}
	}
	args := make([]uint64, len(f.params))
	for i := range args {
		if f.params[i] == api.ValueTypeI32 {
			args[i] = uint64(min(16*i, 64))
		}
	}
	return args
}

// prepare fills the memory that the arguments of worst point to.
func (g *guest) prepare() {
	g.put(0, strings.Repeat("a", 40000))
	for i := range uint32(16) {
		g.mod.Memory().WriteUint32Le(40000+8*i, 0)
		g.mod.Memory().WriteUint32Le(40004+8*i, 30000)
	}
}

func TestAnArgumentOneByteTooLongIsRejected_D2(t *testing.T) {
	for _, c := range []struct {
		function string
		most     uint64
		args     func(length uint64) []uint64
		want     abi.Errno // at the bound
	}{
		{abi.ImportTenantByDomain, abi.MaxName, func(n uint64) []uint64 { return []uint64{0, n, 0, 1, 0, 0} }, abi.NotFound},
		{abi.ImportTenantByDomain, abi.MaxName, func(n uint64) []uint64 { return []uint64{0, 1, 0, n, 0, 0} }, abi.NotFound},
		{abi.ImportTenantByReference, abi.MaxName, func(n uint64) []uint64 { return []uint64{0, n, 0, 0} }, abi.NotFound},
		{abi.ImportPrimaryDomain, abi.MaxName, func(n uint64) []uint64 { return []uint64{0, n, 0, 0} }, abi.NotFound},
		{abi.ImportQuery, abi.MaxName, func(n uint64) []uint64 { return []uint64{0, n, 0, 1, 0, 1, 0, 0} }, abi.OK},
		{abi.ImportQuery, abi.MaxName, func(n uint64) []uint64 { return []uint64{0, 1, 0, n, 0, 1, 0, 0} }, abi.OK},
		{abi.ImportQuery, abi.MaxQueryArgs, func(n uint64) []uint64 { return []uint64{0, 1, 0, 1, 0, n, 0, 0} }, abi.OK},
		{abi.ImportFileOpen, abi.MaxFileName, func(n uint64) []uint64 { return []uint64{0, n, abi.FileRead} }, abi.Denied},
		{abi.ImportFileOpen, abi.MaxFileName, func(n uint64) []uint64 { return []uint64{0, n, abi.FileWrite} }, abi.Denied},
		{abi.ImportFileStat, abi.MaxFileName, func(n uint64) []uint64 { return []uint64{0, n, 0, 0} }, abi.Denied},
		{abi.ImportFileList, abi.MaxFileName, func(n uint64) []uint64 { return []uint64{0, n, 0, 0} }, abi.Denied},
		{abi.ImportFileURL, abi.MaxFileName, func(n uint64) []uint64 { return []uint64{0, n, 0, 0} }, abi.Denied},
		{abi.ImportFileDelete, abi.MaxFileName, func(n uint64) []uint64 { return []uint64{0, n} }, abi.Denied},
		{abi.ImportRandom, maxRandom, func(n uint64) []uint64 { return []uint64{0, n} }, abi.OK},
	} {
		g := newGuest(t)
		if _, ok := g.mod.Memory().Grow(1); !ok {
			t.Fatal("the memory does not grow")
		}
		g.put(0, strings.Repeat("a", 2*65536))
		g.call.Begin(t.Context())
		if got := errno(g.mustRun(c.function, c.args(c.most)...)); got != c.want {
			t.Errorf("%s%v: %v, want %v", c.function, c.args(c.most), got, c.want)
		}
		got := g.mustRun(c.function, c.args(c.most+1)...)
		if e := errno(got); e != abi.Limit && abi.Errno(got) != abi.Limit { // random returns a positive errno
			t.Errorf("%s%v: %v, want Limit", c.function, c.args(c.most+1), e)
		}
	}
}

// A log text is the only argument that is truncated to its bound.
func TestALogTextIsTruncatedToItsBound_D2(t *testing.T) {
	g := newGuest(t)
	const vector, written = 8192, 8200
	g.put(0, strings.Repeat("a", vector))
	for _, length := range []uint32{abi.MaxLogText - 1, abi.MaxLogText, abi.MaxLogText + 1, vector} {
		g.world.lines = nil
		g.call.Begin(t.Context())
		g.mustRun(abi.ImportLog, 0, 0, uint64(length))
		g.call.End()
		g.mod.Memory().WriteUint32Le(vector+4, length)
		g.mod.Memory().WriteUint32Le(vector, 0)
		g.call.Begin(t.Context())
		got := g.mustRun("fd_write", stdout, vector, 1, written)
		g.call.End()
		if got != wasiOK {
			t.Errorf("printing %d bytes: result %d, want 0", length, got)
		}
		if n, _ := g.mod.Memory().ReadUint32Le(written); n != length {
			t.Errorf("printing %d bytes: %d are reported as written", length, n)
		}
		for i, line := range g.world.lines {
			if want := min(length, abi.MaxLogText); len(line) != int(want) {
				t.Errorf("line %d of %d bytes has %d in the log, want %d", i, length, len(line), want)
			}
		}
		if len(g.world.lines) != 2 {
			t.Errorf("%d bytes make %d lines, want one for each call", length, len(g.world.lines))
		}
	}
}

func TestEveryHostFunctionCostsFuel_D2(t *testing.T) {
	for _, f := range everything() {
		if f.name == "proc_exit" {
			continue
		}
		g := newGuest(t)
		g.prepare()
		p := &meter{}
		g.call.Watch = p
		g.call.Begin(t.Context())
		g.mustRun(f.name, worst(f)...)
		if p.used < costTrivial {
			t.Errorf("%s costs %d units, want at least %d", f.name, p.used, costTrivial)
		}
		g.call.Watch = &meter{limit: 1}
		if _, err := g.run(f.name, worst(f)...); err == nil || !strings.Contains(err.Error(), errStopped.Error()) {
			t.Errorf("%s without fuel: error %v, want errStopped", f.name, err)
		}
		g.call.Watch = nil
	}
}

func TestRandomnessIsLimitedOnlyByFuel_D6(t *testing.T) {
	g := newGuest(t)
	p := &meter{}
	g.call.Watch = p
	if _, ok := g.mod.Memory().Grow(2); !ok {
		t.Fatal("the memory does not grow")
	}
	if got := g.mustRun("random_get", 0, 3*65536); got != wasiOK || p.used < 3*65536 {
		t.Errorf("result %d for %d units, want 0 for at least %d", got, p.used, 3*65536)
	}
	if g.get(0, 32) == g.get(3*65536-32, 32) {
		t.Error("the end is not random")
	}
}

// BenchmarkWorstArguments reports the time per unit of fuel of each function.
func BenchmarkWorstArguments(b *testing.B) {
	for _, f := range everything() {
		if f.name == "proc_exit" {
			continue
		}
		b.Run(f.name, func(b *testing.B) {
			g := newGuest(b)
			g.prepare()
			p := &meter{}
			g.call.Watch = p
			g.call.Begin(b.Context())
			fn := g.mod.ExportedFunction(f.name)
			var stack [9]uint64
			args := worst(f)
			for b.Loop() {
				copy(stack[:], args)
				if err := fn.CallWithStack(g.call, stack[:]); err != nil {
					b.Fatal(err)
				}
				g.world.lines, g.world.queries = g.world.lines[:0], g.world.queries[:0]
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(p.used+64*uint64(b.N)), "ns/unit")
		})
	}
}
