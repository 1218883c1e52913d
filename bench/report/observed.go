package report

import (
	"math"

	"github.com/tenantedge/tenantedge/bench/web"
)

func observedCase(way string) string { return "Observed/way=" + way }

// observed writes the section about metrics, logs and traces.
func (p *page) observed() error {
	l := p.observedLog
	if l == nil {
		return nil
	}
	p.printf("\n## Metrics, logs and traces\n\n`tenantedge serve` passes requests to the upstream of the proxies above, over %s keep-alive connections, with its requests observed in several ways. ", l.config["connections"])
	p.printf("Spans go to a collector that drops them.")
	if base := l.config["base"]; base != "" {
		p.printf(" The older commit is %s.", base)
	}
	p.printf("\n\n| observed by | requests/s | relative to nothing | processor time per request | relative to nothing | p50 | p99 |\n| --- | --: | --: | --: | --: | --: | --: |\n")
	none := observedCase(web.Unobserved)
	for _, w := range web.ObservedWays() {
		name := observedCase(w.Name)
		rate, ok := l.figure(name, "req/s")
		if !ok {
			continue
		}
		p.printf("| %s | %s | %s | %s | %s | %s | %s |\n", w.Title, count(rate.median), times(rate.median/at(l, none, "req/s")),
			nanoseconds(at(l, name, "cpu-ns/op")), times(at(l, name, "cpu-ns/op")/at(l, none, "cpu-ns/op")), nanoseconds(at(l, name, "p50-ns")), nanoseconds(at(l, name, "p99-ns")))
	}
	return nil
}

// observedGoals compares observed requests with others.
func (p *page) observedGoals() (all []goal) {
	for _, c := range []struct{ way, title string }{{web.ObservedAll, "1 %"}, {web.ObservedFull, "100 %"}} {
		ratio := at(p.observedLog, observedCase(c.way), "req/s") / at(p.observedLog, observedCase(web.Unobserved), "req/s")
		if !math.IsNaN(ratio) {
			all = append(all, goal{"throughput with metrics, access log and traces of " + c.title + ", relative to nothing", "≥ 0.95×", times(ratio), ratio >= 0.95, true})
		}
	}
	return all
}
