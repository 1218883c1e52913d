package report

import (
	"fmt"
	"math"

	"github.com/tenantedge/tenantedge/bench/web"
)

// proxyTitle returns the title of a proxy, or its name if it is unknown.
func proxyTitle(name string) string {
	for _, e := range web.Proxies() {
		if e.Name == name {
			return e.Title
		}
	}
	return name
}

// proxyColour returns the colour of a proxy: the baseline and ours have their own.
func proxyColour(name string) int {
	switch name {
	case web.PlainProxy:
		return floor
	case web.EdgeProxy:
		return ours
	}
	return other
}

func proxyCase(name string) string { return "Proxy/server=" + name }

// proxies writes the section about reverse proxies.
func (p *page) proxies() error {
	l := p.proxy
	if l == nil {
		return nil
	}
	p.printf("\n## Proxies\n\nResponses of 100 bytes over %s keep-alive connections on the loopback interface. Client, proxy and upstream share %s cores. The upstream is the same server in Go for all, a process of its own, ", l.config["connections"], l.config["cores"])
	p.printf("to which all proxies keep their connections open. Each may use all cores: the proxies in Go with GOMAXPROCS, nginx with a worker process per core, HAProxy with a thread per core. The client checks every response, and the upstream every request: all pass on the host, path and query, and set X-Forwarded-For and X-Forwarded-Proto. None writes an access log.\n\n")
	p.printf("| | processor time per request | spread | relative to ours | requests/s | p50 | p99 | besides |\n| --- | --: | --: | --: | --: | --: | --: | --- |\n")
	ours := at(l, proxyCase(web.EdgeProxy), "cpu-ns/op")
	var bars []bar
	for _, e := range web.Proxies() {
		name := proxyCase(e.Name)
		rate, ok := l.figure(name, "req/s")
		if !ok {
			continue
		}
		cpu, hasCPU := l.figure(name, "cpu-ns/op")
		used, spread, relative := "", "", ""
		if hasCPU {
			used, spread = nanoseconds(cpu.median), cpu.spreadOf()
			bars = append(bars, bar{e.Title, cpu, used, proxyColour(e.Name)})
		}
		if ratio := cpu.median / ours; hasCPU && !math.IsNaN(ratio) {
			relative = times(ratio)
			if ratio < 1 && l.differ(name, proxyCase(web.EdgeProxy), "cpu-ns/op") {
				p.losses = append(p.losses, fmt.Sprintf("Proxying: %s uses %s of processor time per request, tenantedge %s (%s).", e.Title, used, nanoseconds(ours), times(1/ratio)))
			}
		}
		p.printf("| %s | %s | %s | %s | %s | %s | %s | %s |\n", e.Title, used, spread, relative, count(rate.median), nanoseconds(at(l, name, "p50-ns")), nanoseconds(at(l, name, "p99-ns")), e.Extra)
	}
	if len(bars) == 0 {
		return nil
	}
	return p.plot("proxies.svg", "processor time of a request in proxies", barChart("Processor time of a proxied request", "median and its confidence interval; shorter is better", bars, false, nanoseconds))
}

// proxyGoals compares our proxy with Caddy and nginx.
func (p *page) proxyGoals() (all []goal) {
	for _, m := range []struct {
		than  string
		limit float64
	}{{web.Caddy, 0.65}, {web.Nginx, 2.5}} {
		ratio := at(p.proxy, proxyCase(web.EdgeProxy), "cpu-ns/op") / at(p.proxy, proxyCase(m.than), "cpu-ns/op")
		if !math.IsNaN(ratio) {
			all = append(all, goal{"processor time of a proxied request relative to " + proxyTitle(m.than), fmt.Sprintf("≤ %g×", m.limit), times(ratio), ratio <= m.limit, true})
		}
	}
	return all
}
