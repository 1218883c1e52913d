package hostfuncs

import (
	"context"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"runtime/metrics"
	"testing"
	"time"

	"github.com/tenantedge/tenantedge/guest/abi"
)

// boundsChecker is a world that records the first argument over its bound.
type boundsChecker struct {
	world
	problem string
}

func (s *boundsChecker) check(what, text string, most int) {
	if len(text) > most && s.problem == "" {
		s.problem = fmt.Sprintf("%s has %d bytes: expected at most %d", what, len(text), most)
	}
}

func (s *boundsChecker) ByDomain(domain, folder string, out []byte) (int, bool) {
	s.check("a domain", domain, abi.MaxName)
	s.check("a folder", folder, abi.MaxName)
	return s.world.ByDomain(domain, folder, out)
}

func (s *boundsChecker) ByReference(ref string, out []byte) (int, bool) {
	s.check("a reference", ref, abi.MaxName)
	return s.world.ByReference(ref, out)
}

func (s *boundsChecker) Primary(id string, out []byte) (int, bool) {
	s.check("an id", id, abi.MaxName)
	return s.world.ByReference(id, out)
}

func (s *boundsChecker) Query(_ context.Context, schema, name string, args []byte) ([]byte, error) {
	s.check("a schema", schema, abi.MaxName)
	s.check("a statement", name, abi.MaxName)
	s.check("the arguments", string(args), abi.MaxQueryArgs)
	if len(args)%2 == 0 {
		return nil, fmt.Errorf("%w: %s", abi.Invalid, args)
	}
	return args, nil
}

func (s *boundsChecker) Log(_ context.Context, _ slog.Level, text string, _ ...slog.Attr) {
	s.check("a log line", text, 3*abi.MaxLogText) // the replacement of a byte has three
}

func (s *boundsChecker) Files(ctx context.Context, last Files) (Files, error) {
	if last != nil {
		return last, nil
	}
	files, err := s.world.Files(ctx, nil)
	if err != nil {
		return nil, err
	}
	return &fileBoundsChecker{files.(*memoryFiles), s}, nil
}

// fileBoundsChecker checks the names of files.
type fileBoundsChecker struct {
	*memoryFiles
	world *boundsChecker
}

func (s *fileBoundsChecker) Stat(ctx context.Context, name string) (abi.FileStat, error) {
	s.world.check("a file's name", name, abi.MaxFileName)
	if !fs.ValidPath(name) && s.world.problem == "" {
		s.world.problem = fmt.Sprintf("%q is not a valid path", name)
	}
	return s.memoryFiles.Stat(ctx, name)
}

func (s *fileBoundsChecker) Save(ctx context.Context, name string, r io.Reader) (string, error) {
	s.world.check("a file's name", name, abi.MaxFileName)
	return s.memoryFiles.Save(ctx, name, r)
}

// briefMeter is a meter that lets host functions wait for at most a microsecond.
type briefMeter struct{ meter }

func (*briefMeter) Bound(ctx context.Context) (context.Context, context.CancelFunc) {
	return context.WithTimeout(ctx, time.Microsecond)
}

// argument makes an argument from three bytes, often near an edge: the end of the
// memory, 1<<31, 1<<32 and the bounds of abi.
func argument(b []byte, memory uint64) uint64 {
	v := uint64(b[1]) | uint64(b[2])<<8
	near := func(at uint64) uint64 { return at + uint64(int64(int8(b[1]))) }
	switch b[0] % 11 {
	case 0:
		return v
	case 1:
		return v % 16 // handles, descriptors, modes
	case 2:
		return v << 8
	case 3:
		return memory - v
	case 4:
		return near(memory)
	case 5:
		return near(1 << 32)
	case 6:
		return near(1 << 31)
	case 7:
		return near(abi.MaxName)
	case 8:
		return near(abi.MaxFileName)
	case 9:
		return near(abi.MaxQueryArgs)
	}
	return v * 0x9e3779b97f4a7c15
}

// mostPerCall is how many bytes the host may allocate for one call of a host
// function: for the longest argument, its copies in an error and in the log, and
// the growth of their buffers.
const mostPerCall = 8 * abi.MaxQueryArgs

// FuzzArgumentsOfHostFunctions_D2 makes a sequence of calls with a memory of 16 MiB.
// No argument over its bound reaches the Services, each call is charged, and none
// allocates more than mostPerCall.
func FuzzArgumentsOfHostFunctions_D2(f *testing.F) {
	const size = 1 + 3*9
	all := everything()
	for which := range all {
		call := make([]byte, size)
		call[0] = byte(which)
		for i := range 9 {
			copy(call[1+3*i:], []byte{2, byte(16 * i), byte(7 * i)})
		}
		f.Add([]byte("a.txt\x00\x10\x00\x00\x00\x20\x00\x00"), append(call, call...))
	}
	query := []byte{0}
	for i, fn := range all {
		if fn.name == abi.ImportQuery {
			query[0] = byte(i)
		}
	}
	for _, arg := range [][]byte{{0, 0, 0}, {7, 0, 0}, {0, 0, 0}, {7, 0, 0}, {0, 0, 0}, {9, 0, 0}, {0, 0, 0}, {0, 0, 0}, {0, 0, 0}} {
		query = append(query, arg...) // the longest arguments
	}
	f.Add([]byte("a"), query)
	g := newGuest(f)
	if _, ok := g.mod.Memory().Grow(16<<20/65536 - 1); !ok {
		f.Fatal("the memory does not grow")
	}
	memory := uint64(g.mod.Memory().Size())
	f.Fuzz(func(t *testing.T, content, program []byte) {
		s, p := &boundsChecker{world: world{tenant: "t1"}}, &briefMeter{}
		g.call.Services, g.call.Watch = s, p
		g.call.Frozen = len(content)%5 == 4
		g.mod.Memory().Write(0, content[:min(len(content), 1<<20)])
		g.call.Begin(t.Context())
		defer g.call.End()
		for n := 0; n < 20 && len(program) >= size; n, program = n+1, program[size:] {
			fn := all[int(program[0])%len(all)]
			if fn.name == "proc_exit" {
				continue
			}
			args := make([]uint64, len(fn.params))
			for i := range args {
				args[i] = argument(program[1+3*i:], memory)
				if fn.params[i] == i32 {
					args[i] = uint64(uint32(args[i]))
				}
			}
			p.used = 0
			// Other goroutines of the process allocate too, so the smallest of five
			// measurements counts.
			grown := uint64(1 << 62)
			for try := 0; try < 5 && grown > mostPerCall; try++ {
				before := allocated()
				if _, err := g.run(fn.name, args...); err != nil {
					t.Fatalf("%s%v trapped: %v", fn.name, args, err)
				}
				grown = min(grown, allocated()-before)
			}
			if grown > mostPerCall {
				t.Fatalf("%s%v: the host allocates %d bytes, want at most %d", fn.name, args, grown, mostPerCall)
			}
			if s.problem != "" {
				t.Fatalf("%s%v: %s", fn.name, args, s.problem)
			}
			if p.used < costTrivial {
				t.Fatalf("%s%v costs %d units, want at least %d", fn.name, args, p.used, costTrivial)
			}
		}
	})
}

// allocated returns how many bytes the process has allocated since it started.
func allocated() uint64 {
	sample := []metrics.Sample{{Name: "/gc/heap/allocs:bytes"}}
	metrics.Read(sample)
	return sample[0].Value.Uint64()
}
