package report

import (
	"encoding/xml"
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// written returns a folder with a route.txt of ten rounds, in which each rival
// takes its time, plus or minus a nanosecond.
func written(t *testing.T, head string, times map[string]int) string {
	t.Helper()
	var b strings.Builder
	b.WriteString(head + "\n")
	for round := range 10 {
		for _, rival := range []string{"native", "edge", "wazero-pooled", "http-wasm"} {
			if ns, ok := times[rival]; ok {
				fmt.Fprintf(&b, "BenchmarkRoute/rival=%s\t1000\t%d ns/op\t0 B/op\t0 allocs/op\n", rival, ns+round%3-1)
			}
		}
	}
	folder := t.TempDir()
	if err := os.WriteFile(filepath.Join(folder, "route.txt"), []byte(b.String()), 0o600); err != nil {
		t.Fatal(err)
	}
	return folder
}

func report(t *testing.T, folder string) string {
	t.Helper()
	path, err := Write(folder)
	if err != nil {
		t.Fatal(err)
	}
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func TestALossIsReported(t *testing.T) {
	text := report(t, written(t, "domains: 1000\nmissing-workerd: there is no npm", map[string]int{"native": 200, "edge": 900, "wazero-pooled": 600, "http-wasm": 1800}))
	for _, want := range []string{
		"plain wazero, pooled instances takes 600 ns per request, tenantedge 900 ns (1.50×)",
		"| tenantedge | 900 ns | ±0 % | 700 ns | 1× | 0 | 0 |",
		"workerd was not measured: there is no npm.",
		"| http-wasm-host-go | 1.80 µs |",
	} {
		if !strings.Contains(text, want) {
			t.Errorf("expected %q in\n%s", want, text)
		}
	}
	if strings.Contains(text, "http-wasm-host-go takes") {
		t.Errorf("expected no loss to http-wasm-host-go in\n%s", text)
	}
}

func TestAnInsignificantDifferenceIsNoLoss(t *testing.T) {
	text := report(t, written(t, "domains: 1000", map[string]int{"native": 200, "edge": 900, "wazero-pooled": 900}))
	if !strings.Contains(text, "Only the native logic is faster.") {
		t.Errorf("expected no loss in\n%s", text)
	}
}

func TestAGoalIsReachedOnlyByACompleteEngine(t *testing.T) {
	times := map[string]int{"native": 200, "edge": 600}
	for head, want := range map[string]string{
		"engine: metered instances, pristine for each request": "| 400 ns, 0 allocations | reached |",
		"engine: plain instances, neither metered nor reset":   "| 400 ns, 0 allocations | unknown: measured with parts of the engine off |",
	} {
		if text := report(t, written(t, head, times)); !strings.Contains(text, want) {
			t.Errorf("%s: expected %q in\n%s", head, want, text)
		}
	}
	times["edge"] = 1300
	if text := report(t, written(t, "engine: metered instances, pristine for each request", times)); !strings.Contains(text, "| 1.10 µs, 0 allocations | **missed** |") {
		t.Errorf("expected a missed goal in\n%s", text)
	}
}

// writeLog adds the log of a suite to a folder, each line three times.
func writeLog(t *testing.T, folder, suite string, lines ...string) {
	t.Helper()
	text := "load-time: 5s\nrest-time: 3s\n\n" + strings.Repeat(strings.Join(lines, "\n")+"\n", 3)
	if err := os.WriteFile(filepath.Join(folder, suite+".txt"), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

func TestGoalsCompareWithAnOlderCommit(t *testing.T) {
	folder := t.TempDir()
	for _, c := range []struct {
		edge int // the older commit takes 1,500 ns above native, 600 of them for the reset
		want []string
	}{
		{850, []string{"| 650 ns, 0.43×, 0 allocations | reached |", "| reset to the image | ≤ 0.25× that of abc1234 | 0.17× | reached |"}},
		{1100, []string{"| 900 ns, 0.60×, 0 allocations | **missed** |", "| 0.58× | **missed** |"}},
	} {
		lines := []string{"engine: metered instances, pristine for each request", "base: abc1234", ""}
		for name, ns := range map[string]int{"Route/rival=native": 200, "Route/rival=edge": c.edge, "Route/rival=edge-unreset": 750, "Base/rival=native": 150, "Base/rival=edge": 1700, "Base/rival=edge-unreset": 1100} {
			lines = append(lines, fmt.Sprintf("Benchmark%s\t1000\t%d ns/op\t0 B/op\t0 allocs/op", name, ns))
		}
		writeLog(t, folder, "route", lines...)
		text := report(t, folder)
		for _, want := range append(c.want, "Compared with commit abc1234, whose benchmark ran in each round too: the cost above native is") {
			if !strings.Contains(text, want) {
				t.Errorf("expected %q in\n%s", want, text)
			}
		}
		if strings.Contains(text, "Base/") || strings.Count(text, "| tenantedge |") != 1 {
			t.Errorf("expected the older commit in no table of\n%s", text)
		}
	}
}

func TestGoalsOfTheServers(t *testing.T) {
	folder := written(t, "domains: 1000", map[string]int{"native": 200, "edge": 900})
	writeLog(t, folder, "proxy",
		"BenchmarkProxy/server=edge-proxy\t10\t1 ns/op\t5000 req/s\t1 p50-ns\t1 p99-ns\t39000 cpu-ns/op",
		"BenchmarkProxy/server=caddy\t10\t1 ns/op\t5000 req/s\t1 p50-ns\t1 p99-ns\t65000 cpu-ns/op",
		"BenchmarkProxy/server=nginx\t10\t1 ns/op\t5000 req/s\t1 p50-ns\t1 p99-ns\t13000 cpu-ns/op")
	writeLog(t, folder, "memory", "BenchmarkMemory/server=edge-proxy\t1\t39000000 start-resident-bytes", "BenchmarkMemory/server=edge-proxy-cold\t1\t61000000 start-resident-bytes")
	writeLog(t, folder, "swap",
		"BenchmarkSwap/guest=new\t10\t30 p99-ns", "BenchmarkSwap/guest=none\t10\t20 p99-ns",
		"BenchmarkSwap/guest=new/at=0\t10\t400 req/s", "BenchmarkSwap/guest=new/at=100\t10\t220 req/s", "BenchmarkSwap/guest=new/at=200\t10\t400 req/s")
	text := report(t, folder)
	for _, want := range []string{
		"relative to Caddy | ≤ 0.65× | 0.60× | reached |", "relative to nginx | ≤ 2.5× | 3× | **missed** |",
		"guest from the cache | ≤ 40 MB | 39 MB | reached |", "guest compiled at the start | ≤ 40 MB | 61 MB | **missed** |",
		"compiled under load | ≤ 1.2× | 1.50× | **missed** |", "the worst fiftieth of the load, 100ms, relative to the rest: a swap to a new guest, compiled under load | ≥ 0.6× | 0.55×",
	} {
		if !strings.Contains(text, want) {
			t.Errorf("expected %q in\n%s", want, text)
		}
	}
}

func TestPlotsAreWellFormed(t *testing.T) {
	folder := written(t, "", map[string]int{"native": 200, "edge": 900})
	report(t, folder)
	f, err := os.Open(filepath.Join(folder, "rivals.svg"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	for d := xml.NewDecoder(f); ; {
		if _, err := d.Token(); err == io.EOF {
			break
		} else if err != nil {
			t.Fatal(err)
		}
	}
}

func TestWithoutLogsThereIsNoReport(t *testing.T) {
	if _, err := Write(t.TempDir()); err == nil || !strings.Contains(err.Error(), "found no route.txt") {
		t.Errorf("error is %v, expected one that names route.txt", err)
	}
}

func TestFiguresAreReadable(t *testing.T) {
	for ns, want := range map[float64]string{0: "0 ns", 12.34: "12.3 ns", 877.4: "877 ns", 1430: "1.43 µs", 9.58e6: "9.58 ms", -5.5: "-5.50 ns"} {
		if got := nanoseconds(ns); got != want {
			t.Errorf("%v ns is %q, expected %q", ns, got, want)
		}
	}
	for n, want := range map[float64]string{0: "0", 999: "999", 1000: "1,000", 15672719: "15,672,719"} {
		if got := count(n); got != want {
			t.Errorf("%v is %q, expected %q", n, got, want)
		}
	}
}

func TestTicksAreRound(t *testing.T) {
	for _, c := range []struct {
		axis axis
		want string
	}{
		{axis{low: 0, high: 100_000}, "[0 20000 40000 60000 80000 100000]"},
		{axis{low: 0, high: 2.05}, "[0 0.5 1 1.5 2]"},
		{axis{low: 100, high: 1e5, log: true}, "[100 1000 10000 100000]"},
	} {
		if got := fmt.Sprint(c.axis.ticks()); got != c.want {
			t.Errorf("%+v has ticks at %s, expected %s", c.axis, got, c.want)
		}
	}
}

func TestALogarithmicAxisWithoutPositiveBoundsHasNoTicks(t *testing.T) {
	for _, a := range []axis{{log: true}, {log: true, low: math.Inf(1)}, {log: true, low: 1, high: math.Inf(1)}} {
		if ticks := a.ticks(); len(ticks) != 0 {
			t.Errorf("%+v has the ticks %v", a, ticks)
		}
	}
}

func TestALoadShorterThanATickHasNoProcessorTime(t *testing.T) {
	log := `connections: 16

BenchmarkFiles/size=1KiB/server=fileserver	12	81000 ns/op	12000 req/s	80000 p50-ns	90000 p99-ns
BenchmarkFiles/size=1KiB/server=edge-files	12	81000 ns/op	12000 req/s	80000 p50-ns	90000 p99-ns	833000 cpu-ns/op
`
	folder := written(t, "domains: 1000", map[string]int{"native": 200, "edge": 900})
	if err := os.WriteFile(filepath.Join(folder, "files.txt"), []byte(log), 0o600); err != nil {
		t.Fatal(err)
	}
	text := report(t, folder)
	if strings.Contains(text, "NaN") || !strings.Contains(text, "| 833 µs |  |") {
		t.Errorf("expected a processor time without a ratio in\n%s", text)
	}
}
