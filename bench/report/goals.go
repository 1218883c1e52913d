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

func (p *page) allGoals() []goal {
	over := func(name string) float64 { return at(p.route, name, "ns/op") - at(p.route, nativeRoute, "ns/op") }
	complete := p.route.config["engine"] == rivals.FullEngine
	allocs := at(p.route, edgeRoute, "allocs/op")
	all := []goal{{
		"cost of a routed request above native, with metering and reset", "≤ 1.0 µs, 0 allocations",
		fmt.Sprintf("%s, %s allocations", nanoseconds(over(edgeRoute)), count(allocs)), over(edgeRoute) <= 1000 && allocs == 0, complete,
	}}
	if without := over("Route/rival=" + rivals.Unreset); !math.IsNaN(without) {
		all = append(all, goal{"the same without reset", "≤ 0.35 µs", nanoseconds(without), without <= 350, true})
	}
	if p.http != nil {
		all = append(all, p.httpGoals()...)
	}
	if p.files != nil {
		all = append(all, p.fileGoals()...)
	}
	if p.concurrent != nil {
		gainOf := func(rival string) float64 {
			name := "Concurrent/rival=" + rival + "/goroutines="
			return at(p.concurrent, name+"1", "ns/op") / at(p.concurrent, name+"2", "ns/op")
		}
		gain, native := gainOf(rivals.Edge), gainOf(rivals.Native)
		found := times(gain) + "; native logic " + times(native)
		if native < 1.8 {
			found += ": other processes kept a core busy"
		}
		all = append(all, goal{"throughput of two goroutines relative to one", "≥ 1.8×", found, gain >= 1.8, p.concurrent.config["engine"] == rivals.FullEngine})
	}
	if p.swap != nil {
		all = append(all, p.swapGoals()...)
	}
	if p.crowd != nil {
		all = append(all, p.crowdGoals()...)
	}
	return all
}

func (p *page) httpGoals() []goal {
	native, edge, workerd := "HTTP/server="+rivals.Native, "HTTP/server="+rivals.Edge, "HTTP/server=workerd"
	rate := at(p.http, edge, "req/s") / at(p.http, native, "req/s")
	cpu := at(p.http, native, "cpu-ns/op") / at(p.http, edge, "cpu-ns/op")
	found := times(rate)
	if !math.IsNaN(cpu) { // a load may have been shorter than a tick
		found += "; " + times(cpu) + " by processor time"
	}
	all := []goal{{
		"HTTP throughput relative to the same handler with native routing", "≥ 0.93×",
		found, rate >= 0.93 && !(cpu < 0.93), p.http.config["engine"] == rivals.FullEngine,
	}}
	if ratio := at(p.http, workerd, "cpu-ns/op") / at(p.http, edge, "cpu-ns/op"); !math.IsNaN(ratio) {
		all = append(all, goal{"requests per second and core relative to workerd", "≥ 3×", times(ratio), ratio >= 3, p.http.config["engine"] == rivals.FullEngine})
	}
	return all
}
