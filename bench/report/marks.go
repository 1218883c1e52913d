package report

import (
	"fmt"
	"math"

	"github.com/tenantedge/tenantedge/bench/rivals"
)

// mark is what the project set out to reach.
type mark struct {
	what, wanted, found string
	reached             bool
	whole               bool // measured with all that the mark asks of the engine
}

// marks tells what was reached, and what was not.
func (p *page) marks() {
	p.printf("\n## The marks\n\nThe engine of this version: %s.\n\n| what | mark | measured | |\n| --- | --- | --- | --- |\n", p.route.config["engine"])
	for _, m := range p.allMarks() {
		verdict := "**missed**"
		switch {
		case m.reached && !m.whole:
			verdict = "not shown: the engine does less here"
		case m.reached:
			verdict = "reached"
		}
		p.printf("| %s | %s | %s | %s |\n", m.what, m.wanted, m.found, verdict)
	}
}

func (p *page) allMarks() []mark {
	over := func(name string) float64 { return at(p.route, name, "ns/op") - at(p.route, nativeRoute, "ns/op") }
	whole := p.route.config["engine"] == rivals.FullEngine
	allocs := at(p.route, edgeRoute, "allocs/op")
	all := []mark{{
		"over native, per routed request, pristine and metered", "≤ 1.0 µs, 0 allocations",
		fmt.Sprintf("%s, %s allocations", nanoseconds(over(edgeRoute)), count(allocs)), over(edgeRoute) <= 1000 && allocs == 0, whole,
	}}
	if without := over("Route/rival=" + rivals.Unreset); !math.IsNaN(without) {
		all = append(all, mark{"the same without pristine reset", "≤ 0.35 µs", nanoseconds(without), without <= 350, true})
	}
	if p.http != nil {
		all = append(all, p.httpMarks()...)
	}
	if p.files != nil {
		all = append(all, p.fileMarks()...)
	}
	if p.concurrent != nil {
		gainOf := func(rival string) float64 {
			name := "Concurrent/rival=" + rival + "/goroutines="
			return at(p.concurrent, name+"1", "ns/op") / at(p.concurrent, name+"2", "ns/op")
		}
		gain, native := gainOf(rivals.Edge), gainOf(rivals.Native)
		found := times(gain) + "; native logic " + times(native)
		if native < 1.8 {
			found += ": others kept a core of the machine busy"
		}
		all = append(all, mark{"throughput of two goroutines over one", "≥ 1.8×", found, gain >= 1.8, p.concurrent.config["engine"] == rivals.FullEngine})
	}
	if p.swap != nil {
		all = append(all, p.swapMarks()...)
	}
	if p.crowd != nil {
		all = append(all, p.crowdMarks()...)
	}
	return all
}

func (p *page) httpMarks() []mark {
	native, edge, workerd := "HTTP/server="+rivals.Native, "HTTP/server="+rivals.Edge, "HTTP/server=workerd"
	rate := at(p.http, edge, "req/s") / at(p.http, native, "req/s")
	cpu := at(p.http, native, "cpu-ns/op") / at(p.http, edge, "cpu-ns/op")
	found := times(rate)
	if !math.IsNaN(cpu) { // a load may have been shorter than a tick
		found += "; " + times(cpu) + " by processor time"
	}
	all := []mark{{
		"HTTP throughput over the same handler with native routing", "≥ 0.93×",
		found, rate >= 0.93 && !(cpu < 0.93), p.http.config["engine"] == rivals.FullEngine,
	}}
	if ratio := at(p.http, workerd, "cpu-ns/op") / at(p.http, edge, "cpu-ns/op"); !math.IsNaN(ratio) {
		all = append(all, mark{"requests per second and core over workerd's", "≥ 3×", times(ratio), ratio >= 3, p.http.config["engine"] == rivals.FullEngine})
	}
	return all
}
