package instance

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"os/exec"
	"testing"

	"github.com/tenantedge/tenantedge/assets"
	"github.com/tenantedge/tenantedge/edge/internal/meter"
	"github.com/tenantedge/tenantedge/edge/internal/soak"
	"github.com/tenantedge/tenantedge/edge/stats"
	"github.com/tenantedge/tenantedge/guest/abi"
	"github.com/tenantedge/tenantedge/guest/tck"
)

// fuelRecord is testdata/fuel.json: the fuel of each golden case with the guest
// assets/router.wasm, on any machine, and that of each request without its reason. `make fuel-golden` rewrites it.
type fuelRecord struct {
	Guest       string                       `json:"guest"` // its SHA-256
	FuelVersion int                          `json:"fuel_version"`
	Suites      map[string]map[string]uint64 `json:"suites"`
}

const fuelFile = "testdata/fuel.json"

// caseNames returns the names of a suite's cases, in the order of the calls.
func caseNames(s *tck.Suite) (names []string) {
	for _, c := range s.Routes {
		names = append(names, "route: "+c.Name)
	}
	for _, c := range s.CacheKeys {
		names = append(names, "cache key: "+c.Want)
	}
	for _, c := range s.Reversed {
		names = append(names, "reversed: "+c.CacheKey)
	}
	for _, c := range s.Pathnames {
		names = append(names, "pathname: "+c.Name)
	}
	return names
}

func TestFuelOfEveryGoldenCaseIsWhatWasRecorded(t *testing.T) {
	found := fuelRecord{Digest(assets.Router), meter.Version, map[string]map[string]uint64{}}
	suites, err := tck.Golden()
	if err != nil {
		t.Fatal(err)
	}
	for n := range suites {
		s := &suites[n]
		g := &conforming{t: t, wasm: assets.Router, world: &s.World}
		tck.Run(t, suites[n:n+1], func(*testing.T, *tck.World) tck.Guest { return g })
		names := caseNames(s)
		if len(g.log) == 0 {
			continue // the suite expects that the configuration is refused
		}
		if len(g.log) != len(names) {
			t.Fatalf("%s: %d replies for %d cases", s.Name, len(g.log), len(names))
		}
		costs := map[string]uint64{}
		for i, a := range g.log {
			costs[names[i]] = a.fuel
			if a.export == abi.ExportRoute {
				costs["without reason, "+names[i]] = fuelWithoutReason(t, g.program, names[i], &a)
			}
		}
		if len(costs) != len(names)+len(s.Routes) {
			t.Errorf("%s has two cases with the same name", s.Name)
		}
		found.Suites[s.Name] = costs
	}
	if *update {
		raw, err := json.MarshalIndent(found, "", "\t")
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(fuelFile, append(raw, '\n'), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	raw, err := os.ReadFile(fuelFile)
	if err != nil {
		t.Fatal(err)
	}
	var recorded fuelRecord
	if err := json.Unmarshal(raw, &recorded); err != nil {
		t.Fatal(err)
	}
	if recorded.Guest != found.Guest || recorded.FuelVersion != found.FuelVersion {
		t.Fatalf("the record is of guest %.12s and fuel version %d, the guest is %.12s and the version %d: run make fuel-golden, and check what changed",
			recorded.Guest, recorded.FuelVersion, found.Guest, found.FuelVersion)
	}
	if len(recorded.Suites) != len(found.Suites) {
		t.Errorf("%d suites are recorded, and there are %d: run make fuel-golden", len(recorded.Suites), len(found.Suites))
	}
	for suite, costs := range found.Suites {
		if maps.Equal(costs, recorded.Suites[suite]) {
			continue
		}
		for name, fuel := range costs {
			if want := recorded.Suites[suite][name]; fuel != want {
				t.Errorf("%s: %s costs %d units, and %d are recorded", suite, name, fuel, want)
			}
		}
	}
}

// fuelWithoutReason repeats a route request as a server sends it: the cases request
// the reason of the decision, which the fast path leaves out. All else in the
// decision must be the same.
func fuelWithoutReason(t *testing.T, p *Program, name string, a *exchanged) uint64 {
	t.Helper()
	msg := bytes.Clone(a.msg)
	binary.LittleEndian.PutUint32(msg, binary.LittleEndian.Uint32(msg)&^abi.ReqExplain)
	reply, fuel, err := exchange(p, a.export, msg)
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	if want, got := decisionIn(t, a.reply), decisionIn(t, reply); got != want {
		t.Errorf("%s: without its reason, the decision is %s, want %s", name, got, want)
	}
	return fuel
}

// decisionIn returns a decision except its reason as text.
func decisionIn(t *testing.T, reply []byte) string {
	t.Helper()
	m, err := abi.Parse(reply)
	if err != nil {
		t.Fatal(err)
	}
	text := fmt.Sprintf("%#x", m.Word())
	for i := range m.Len() {
		if f := m.Get(i); len(f) > 0 && i != abi.DecReason {
			text += fmt.Sprintf(" %d:%q", i, f)
		}
	}
	return text
}

// Fuel does not depend on the scheduler and the collector.
func TestFuelIsTheSameInAnotherProcess(t *testing.T) {
	c := exec.Command(os.Args[0], "-test.run=^TestFuelOfEveryGoldenCaseIsWhatWasRecorded$", "-test.count=1")
	c.Env = append(os.Environ(), cacheVariable+"="+compileCache, "GOMAXPROCS=1", "GOGC=off")
	if out, err := c.CombinedOutput(); err != nil {
		t.Errorf("%v\n%s", err, out)
	}
}

// Fuel is the same in each run: after calls that ran out of fuel at any point, in
// another instance, and in another program of the same guest.
func TestFuelIsTheSameEveryTimeAfterTrapsAndSwaps(t *testing.T) {
	runs := soak.Times(t, "TENANTEDGE_FUEL_RUNS", 500)
	suites, err := tck.Golden()
	if err != nil {
		t.Fatal(err)
	}
	s := &suites[0]
	g := &conforming{t: t, wasm: assets.Router, world: &s.World}
	tck.Run(t, suites[:1], func(*testing.T, *tck.World) tck.Guest { return g })
	config, err := json.Marshal(s.Config)
	if err != nil {
		t.Fatal(err)
	}
	const seed = 20261123
	random := rand.New(rand.NewPCG(seed, seed))
	var p *Program
	swap := func() {
		if p != nil {
			if err := p.Close(); err != nil {
				t.Error(err)
			}
		}
		if p, err = g.load(config); err != nil {
			t.Fatal(err)
		}
	}
	defer func() { _ = p.Close() }()
	trapped := 0
	for n := range runs {
		if n%max(250, runs/20) == 0 {
			swap()
		}
		a := &g.log[random.IntN(len(g.log))]
		if random.IntN(5) == 0 {
			// The call ends at the end of a slice or before.
			trapped++
			p.limits.Fuel = random.Uint64N(a.fuel)
			_, used, err := exchange(p, a.export, a.msg)
			var trap *Trap
			if err != nil && (!errors.As(err, &trap) || trap.Reason != stats.TrapFuel) || err == nil && used != a.fuel {
				t.Fatalf("a call with %d of %d units: %v, used %d", p.limits.Fuel, a.fuel, err, used)
			}
			p.limits.Fuel = 20_000_000
			continue
		}
		if _, used, err := exchange(p, a.export, a.msg); err != nil || used != a.fuel {
			t.Fatalf("run %d: %s used %d units, and %d at first: %v", n, a.export, used, a.fuel, err)
		}
	}
	t.Logf("%d runs, of which %d had too little fuel: fuel is the same each time", runs, trapped)
}
