package hostfuncs

import (
	"encoding/binary"
	"fmt"
	"strings"
	"testing"

	"github.com/tenantedge/tenantedge/guest/abi"
)

// print makes the guest write text to a file descriptor.
func (g *guest) print(fd uint64, text string) {
	g.tb.Helper()
	addr, size := g.put(1024, text)
	vector := binary.LittleEndian.AppendUint32(binary.LittleEndian.AppendUint32(nil, uint32(addr)), uint32(size))
	vectors, _ := g.put(512, string(vector))
	if got := g.mustRun("fd_write", fd, vectors, 1, 768); got != wasiOK {
		g.tb.Fatalf("fd_write: result %d, want 0", got)
	}
}

// log makes the guest write a log line.
func (g *guest) log(level int32, text string) {
	g.tb.Helper()
	addr, size := g.put(1024, text)
	g.mustRun(abi.ImportLog, uint64(uint32(level)), addr, size)
}

func TestTheOutputOfACallIsOneRecord_D5(t *testing.T) {
	for _, c := range []struct {
		name  string
		write func(g *guest)
		want  string
	}{
		{"nothing", func(*guest) {}, ""},
		{"only white space", func(g *guest) { g.print(stderr, "\n \n"); g.log(0, "") }, ""},
		{"a log line", func(g *guest) { g.log(0, "plan gold") }, "INFO plan gold"},
		{"log lines", func(g *guest) { g.log(-4, "a"); g.log(4, "b"); g.log(0, "c") }, "WARN a | b | c"},
		{"a level above the highest", func(g *guest) { g.log(1000, "a") }, "ERROR a"},
		{"a level below the lowest", func(g *guest) { g.log(-1000, "a") }, "DEBUG a"},
		{"queries that fail", func(g *guest) {
			g.world.err = abi.NotFound
			g.put(1024, "t1plan")
			for range 2 {
				g.mustRun(abi.ImportQuery, 1024, 2, 1026, 4, 0, 0, 2048, 0)
			}
		}, "WARN query plan failed: " + abi.NotFound.Error() + " | query plan failed: " + abi.NotFound.Error()},
		{"a panic, printed piece by piece", func(g *guest) {
			for _, piece := range []string{"panic: ", "boom", "\n", "\n", "goroutine 1 [running]:\n", "main.route(...)\n", "\t/src/main.go", ":", "12", "\n"} {
				g.print(stderr, piece)
			}
		}, "WARN panic: boom | goroutine 1 [running]: | main.route(...) | /src/main.go:12"},
		{"a log line after half a line", func(g *guest) { g.print(stdout, "half"); g.log(0, "full") }, "INFO half | full"},
		{"a log line that looks like two", func(g *guest) { g.log(0, "one\ntwo\r\nthree") }, "INFO one two\uFFFD three"},
		{"terminal control characters", func(g *guest) { g.print(stdout, "red \x1b[31m \x00\u009b\x7f\u2028 text\xff") },
			"INFO red \uFFFD[31m \uFFFD\uFFFD\uFFFD\uFFFD text\uFFFD"},
		{"a character in two writes", func(g *guest) { g.print(stdout, "caf\xc3"); g.print(stdout, "\xa9\n") }, "INFO caf\u00e9"},
		{"a line outside its memory", func(g *guest) { g.mustRun(abi.ImportLog, 0, 1<<31, 5) }, "INFO (a log line outside the guest's memory)"},
		{"a long line", func(g *guest) { g.log(0, strings.Repeat("x", 5000)) }, "INFO " + strings.Repeat("x", abi.MaxLogText)},
	} {
		t.Run(c.name, func(t *testing.T) {
			g := newGuest(t)
			for range 2 { // a call inherits nothing from the one before it
				g.world.lines = nil
				g.call.Begin(t.Context())
				c.write(g)
				if len(g.world.lines) > 0 {
					t.Fatalf("logged %q before the end of the call", g.world.lines)
				}
				g.call.End()
				got := strings.Join(g.world.lines, "; ")
				if got != "" {
					got = g.world.level.String() + " " + got
				}
				if got != c.want || len(g.world.lines) > 1 {
					t.Errorf("logged %q, want %q", got, c.want)
				}
			}
		})
	}
}

func TestTheStartAndTheEndOfALongOutputAreKept_D5(t *testing.T) {
	g := newGuest(t)
	g.call.Begin(t.Context())
	g.log(0, "the beginning")
	for n := range 100_000 {
		g.print(stdout, fmt.Sprintln("line", n))
	}
	if kept := cap(g.call.log.head) + cap(g.call.log.tail); kept > 8*logHalf {
		t.Errorf("the call keeps %d bytes, want at most %d", kept, 8*logHalf)
	}
	g.print(stderr, "panic: the end\n")
	g.call.Fail()
	g.call.End()
	if len(g.world.lines) != 1 {
		t.Fatalf("%d records, want 1", len(g.world.lines))
	}
	got := g.world.lines[0]
	if !strings.HasPrefix(got, "the beginning | line 0 | ") || !strings.HasSuffix(got, "line 99999 | panic: the end") ||
		!strings.Contains(got, " bytes dropped) ") || len(got) > 4*logHalf {
		t.Errorf("logged %d bytes: %.100q … %q", len(got), got, got[max(0, len(got)-100):])
	}
}
