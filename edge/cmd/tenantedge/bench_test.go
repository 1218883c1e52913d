package main

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/tenantedge/tenantedge/assets"
)

const benchRequests = `{"op":"route","target":"/x?y=1","headers":[["host","acme.example.com"]]}

{"op":"route","target":"/","headers":[["host","unknown.example.com"]]}
{"op":"websocket","target":"/room/5/","headers":[["host","acme.example.com"]]}
`

// bench measures for the shortest time. Tests ignore the times that it reports.
func bench(t *testing.T, requests string, args ...string) (code int, stdout, stderr string) {
	t.Helper()
	args = append([]string{"bench", "-c", writeFile(t, "edge.yaml", acme), "--rounds", "2", "--time", "1ms"}, args...)
	if requests != "" {
		args = append(args, "--requests", writeFile(t, "requests.jsonl", requests))
	}
	return command(benchRequests, args...)
}

func TestBenchReportsTheCostOfAGuest(t *testing.T) {
	code, stdout, stderr := bench(t, benchRequests)
	want := regexp.MustCompile(`^3 requests, 2 rounds of 1ms for each guest\n\nguest +digest +fuel per request +maximum +time per request +interval\n` +
		`A +the built-in guest \(tenantedge router 1\) +[0-9a-f]{12} +[0-9.]+ +[0-9]+ +[0-9.]+ (ns|µs|ms) +none: too few rounds\n$`)
	if code != exitOK || !want.MatchString(stdout) || stderr != "" {
		t.Errorf("exit %d\n%s%s", code, stdout, stderr)
	}
}

func TestBenchReadsRequestsFromStandardInput(t *testing.T) {
	if code, stdout, stderr := bench(t, "", "--requests", "-"); code != exitOK || !strings.HasPrefix(stdout, "3 requests,") {
		t.Errorf("exit %d\n%s%s", code, stdout, stderr)
	}
}

func TestBenchComparesTwoGuests(t *testing.T) {
	guest := filepath.Join(t.TempDir(), "other.wasm")
	if err := os.WriteFile(guest, assets.Router, 0o600); err != nil {
		t.Fatal(err)
	}
	code, stdout, stderr := bench(t, benchRequests, "--against", guest)
	for _, want := range []string{"\nA      the built-in guest", "\nB      " + guest, "A and B decide all requests alike.", "Fuel: both use the same.", "Time: "} {
		if code != exitOK || !strings.Contains(stdout, want) {
			t.Errorf("exit %d\n%s%sexpected %q", code, stdout, stderr, want)
		}
	}
}

func TestBenchNamesTheInvalidLine(t *testing.T) {
	for _, c := range []struct {
		name, requests string
		args           []string
		want           string
	}{
		{"no --requests", "", nil, "bench: expected --requests FILE, found none"},
		{"a missing file", "", []string{"--requests", "missing.jsonl"}, "missing.jsonl"},
		{"an empty file", "\n\n", nil, "expected one JSON object per line, found none"},
		{"invalid JSON", benchRequests + "nonsense\n", nil, "requests.jsonl:5: expected a JSON object"},
		{"another question", `{"op":"cache_key","key":"x"}`, nil, `requests.jsonl:1: op: expected route or websocket, found "cache_key"`},
		{"no target", "\n" + `{"op":"route"}`, nil, "requests.jsonl:2: target: expected"},
		{"zero rounds", benchRequests, []string{"--rounds", "0"}, "expected --rounds and --time above zero"},
		{"a missing guest", benchRequests, []string{"--guest", "missing.wasm"}, "--guest: expected a Wasm module: stat missing.wasm: no such file"},
		{"a file that is not a guest", benchRequests, []string{"--against", "bench_test.go"}, "bench_test.go: "},
	} {
		t.Run(c.name, func(t *testing.T) {
			code, stdout, stderr := bench(t, c.requests, c.args...)
			if code == exitOK || stdout != "" || !strings.Contains(stderr, c.want) {
				t.Errorf("exit %d %s%s\nexpected %q", code, stdout, stderr, c.want)
			}
		})
	}
}

func TestTheVerdictOfTimeNeedsMoreThanChance(t *testing.T) {
	slow := []float64{200, 201, 202, 203, 204, 205, 206, 207}
	fast := []float64{100, 101, 102, 103, 104, 105, 106, 107}
	mixed := []float64{101, 100, 103, 102, 105, 104, 107, 106}
	for _, c := range []struct {
		name string
		a, b []float64
		want string
	}{
		{"A is faster", fast, slow, "Time: A is cheaper, 49.1 % less per request (p=0.000 n=8)."},
		{"B is faster", slow, fast, "Time: B is cheaper, 49.1 % less per request (p=0.000 n=8)."},
		{"no difference", fast, mixed, "Time: no significant difference (p=1.000 n=8)."},
		{"too few rounds", fast[:2], slow[:2], "Time: no significant difference (p=0.333 n=2)."},
	} {
		if got := timeVerdict(&contender{times: c.a}, &contender{times: c.b}); got != c.want {
			t.Errorf("%s: %q, expected %q", c.name, got, c.want)
		}
	}
}

func TestTheVerdictOfFuelIsExact(t *testing.T) {
	qs := []benchQuestion{{line: 1}, {line: 3}, {line: 4}}
	for _, c := range []struct {
		name string
		a, b []uint64
		want string
	}{
		{"A uses less", []uint64{90, 100, 110}, []uint64{100, 100, 110}, "Fuel: A is cheaper, 3.2 % less per request; exact, and the same on every machine."},
		{"B uses less", []uint64{100, 100, 100}, []uint64{50, 50, 50}, "Fuel: B is cheaper, 50.0 % less per request; exact, and the same on every machine."},
		{"B uses less on average", []uint64{100, 100, 100}, []uint64{50, 130, 101}, "Fuel: B is cheaper, 6.3 % less per request on average, but more expensive for 2 of them (first: line 3); exact, and the same on every machine."},
		{"the same", []uint64{1, 2, 3}, []uint64{1, 2, 3}, "Fuel: both use the same."},
		{"the same on average", []uint64{1, 2, 3}, []uint64{1, 3, 2}, "Fuel: both use the same on average, but not for each request (first: line 4)."},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got := fuelVerdict(qs, &contender{fuel: c.a}, &contender{fuel: c.b}); got != c.want {
				t.Errorf("%q, expected %q", got, c.want)
			}
		})
	}
}

func TestDifferencesNameTheLines(t *testing.T) {
	var qs []benchQuestion
	for line := range 13 {
		qs = append(qs, benchQuestion{line: line + 1})
	}
	same := make([]string, 13)
	some := append([]string(nil), same...)
	some[1], some[4] = "x", "y"
	other := strings.Split(strings.Repeat("x", 13), "")
	for _, c := range []struct {
		b    []string
		want string
	}{
		{same, "A and B decide all requests alike."},
		{some, "A and B decide 2 requests differently: lines 2, 5; eval shows how."},
		{other, "A and B decide 13 requests differently: lines 1, 2, 3, 4, 5, 6, 7, 8, 9, 10 and 3 more; eval shows how."},
	} {
		if got := differences(qs, &contender{answers: same}, &contender{answers: c.b}); got != c.want {
			t.Errorf("%q, expected %q", got, c.want)
		}
	}
}

func TestTheProgressBarIsShownOnlyOnTerminals(t *testing.T) {
	for _, c := range []struct {
		shown bool
		want  string
	}{
		{false, ""},
		{true, "\r[████████████████████····················]  50 %\r[████████████████████████████████████████] 100 %\r\033[K"},
	} {
		var out strings.Builder
		p := progress{out: &out, shown: c.shown, of: 2}
		p.step()
		p.step()
		p.clear()
		if out.String() != c.want {
			t.Errorf("%q, expected %q", out.String(), c.want)
		}
	}
}

func TestDurationsHaveThreeDigits(t *testing.T) {
	for ns, want := range map[float64]string{4.5: "4.50 ns", 45: "45.0 ns", 877: "877 ns", 1430: "1.43 µs", 2.5e6: "2.50 ms", 31e9: "31.0 s"} {
		if got := duration(ns); got != want {
			t.Errorf("%v is %q, expected %q", ns, got, want)
		}
	}
}
