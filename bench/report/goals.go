package report

import (
	"fmt"
	"math"

	"github.com/tenantedge/tenantedge/bench/rivals"
)

// goal is a target of the project, compared with a measurement.
type goal struct {
	what, wanted, found string
	reached             bool
	complete            bool // the measured engine has every part that the goal requires
}

// goals writes the section that compares all goals with the measurements.
func (p *page) goals() {
	p.printf("\n## Goals\n\nThe engine of this version: %s.\n\n| what | goal | measured | |\n| --- | --- | --- | --- |\n", p.route.config["engine"])
	for _, m := range p.allGoals() {
		verdict := "**missed**"
		switch {
		case m.reached && !m.complete:
			verdict = "unknown: measured with parts of the engine off"
		case m.reached:
			verdict = "reached"
		}
		p.printf("| %s | %s | %s | %s |\n", m.what, m.wanted, m.found, verdict)
	}
}

// allGoals returns the goals of the suites that were run, the engine's first.
func (p *page) allGoals() []goal {
	all := p.routeGoals()
	for _, g := range []struct {
		log   *log
		goals func() []goal
	}{
		{p.http, p.httpGoals}, {p.concurrent, p.concurrentGoals}, {p.proxy, p.proxyGoals}, {p.caddyLog, p.caddyGoals}, {p.observedLog, p.observedGoals}, {p.files, p.fileGoals}, {p.swap, p.swapGoals},
		{p.scale, p.scaleGoals}, {p.memory, p.memoryGoals}, {p.sockets, p.socketGoals}, {p.crowd, p.crowdGoals},
	} {
		if g.log != nil {
			all = append(all, g.goals()...)
		}
	}
	return all
}

// routeGoals compares the cost of the engine with its goals, and with that of an
// older commit if the run included one.
func (p *page) routeGoals() []goal {
	l := p.route
	over := at(l, edgeRoute, "ns/op") - at(l, nativeRoute, "ns/op")
	allocs := at(l, edgeRoute, "allocs/op")
	cost := goal{
		"cost of a routed request above native, with metering and reset", "≤ 0.5 µs, 0 allocations",
		fmt.Sprintf("%s, %s allocations", nanoseconds(over), count(allocs)), over <= 500 && allocs == 0, l.config["engine"] == rivals.FullEngine,
	}
	ratio, reset := p.sinceBase()
	if math.IsNaN(ratio) {
		return []goal{cost}
	}
	cost.wanted = fmt.Sprintf("≤ 0.5 µs or ≤ 0.5× that of %s, 0 allocations", l.config["base"])
	cost.found = fmt.Sprintf("%s, %s, %s allocations", nanoseconds(over), times(ratio), count(allocs))
	cost.reached = (over <= 500 || ratio <= 0.5) && allocs == 0
	// Differences of noisy figures may be negative.
	return []goal{cost, {"reset to the image", "≤ 0.25× that of " + l.config["base"], times(reset), reset <= 0.25 && at(l, baseEdge, "ns/op") > at(l, baseUnreset, "ns/op"), cost.complete}}
}

// sinceBase returns the cost above native, and that of the reset, relative to the
// older commit of the run. The baseline of both is that of this version, which
// does more than older ones. The results are not numbers if there is no commit.
func (p *page) sinceBase() (over, reset float64) {
	cost := func(of, without string) float64 { return at(p.route, of, "ns/op") - at(p.route, without, "ns/op") }
	return cost(edgeRoute, nativeRoute) / cost(baseEdge, nativeRoute), cost(edgeRoute, unresetRoute) / cost(baseEdge, baseUnreset)
}

func (p *page) concurrentGoals() []goal {
	gainOf := func(rival string) float64 {
		name := "Concurrent/rival=" + rival + "/goroutines="
		return at(p.concurrent, name+"1", "ns/op") / at(p.concurrent, name+"2", "ns/op")
	}
	gain, native := gainOf(rivals.Edge), gainOf(rivals.Native)
	found := times(gain) + "; native logic " + times(native)
	if native < 1.8 {
		found += ": other processes kept a core busy"
	}
	return []goal{{"throughput of two goroutines relative to one", "≥ 1.9×", found, gain >= 1.9, p.concurrent.config["engine"] == rivals.FullEngine}}
}

func (p *page) httpGoals() []goal {
	native, edge, workerd := "HTTP/server="+rivals.Native, "HTTP/server="+rivals.Edge, "HTTP/server=workerd"
	rate := at(p.http, edge, "req/s") / at(p.http, native, "req/s")
	cpu := at(p.http, native, "cpu-ns/op") / at(p.http, edge, "cpu-ns/op")
	found, reached := "throughput "+times(rate), false
	if !math.IsNaN(cpu) { // a load may have been shorter than a tick
		found, reached = times(cpu)+"; "+found, cpu >= 0.94
	}
	complete := p.http.config["engine"] == rivals.FullEngine
	all := []goal{{"requests over HTTP per processor time, relative to native routing", "≥ 0.94×", found, reached, complete}}
	if ratio := at(p.http, workerd, "cpu-ns/op") / at(p.http, edge, "cpu-ns/op"); !math.IsNaN(ratio) {
		all = append(all, goal{"requests over HTTP per processor time, relative to workerd", "≥ 3×", times(ratio), ratio >= 3, complete})
	}
	return all
}

// scaleGoals compares a routed request in a directory of a million domains with
// one in a small directory.
func (p *page) scaleGoals() []goal {
	ratio := func(rival string) float64 {
		name := "Scale/rival=" + rival + "/domains="
		return at(p.scale, name+"1000000", "ns/op") / at(p.scale, name+"1000", "ns/op")
	}
	found := ratio(rivals.Edge)
	if math.IsNaN(found) {
		return nil
	}
	return []goal{{"a routed request with 1,000,000 domains relative to 1,000", "≤ 1.25×", times(found) + "; the lookup only " + times(ratio("lookup")), found <= 1.25, true}}
}
