package report

import (
	"fmt"
	"math"

	"github.com/tenantedge/tenantedge/bench/web"
)

// caddyWays are the ways of web.CaddySite with what the report calls them.
var caddyWays = []struct{ way, title string }{
	{web.CaddyBare, "`reverse_proxy` alone"},
	{web.CaddyRouted, "`tenantedge`, then `reverse_proxy`"},
	{web.CaddyServe, "`tenantedge_serve`"},
	{web.CaddySites, "a site for each tenant, without tenantedge"},
}

var caddyTenants = []int{1000, 10_000, 100_000}

func caddyCase(kind, way string, tenants int) string {
	return fmt.Sprintf("%s/way=%s/tenants=%d", kind, way, tenants)
}

// caddy writes the section about Caddy with the modules of edge/caddy.
func (p *page) caddy() error {
	l := p.caddyLog
	if l == nil {
		return nil
	}
	p.printf("\n## Caddy\n\nCaddy with the modules of edge/caddy, as its own process, passes requests for all tenants in turn to the upstream of the proxies above, over %s keep-alive connections. All cases are the same program. ", l.config["connections"])
	p.printf("The time of a reload is that of an unchanged configuration, which keeps the edge; memory is resident, after the reloads. The load is the worst for `tenantedge_serve`, which never reuses a connection to the upstream for another tenant: nearly every request opens one.\n\n")
	p.printf("| | tenants | requests/s | relative to alone | processor time per request | relative to alone | p50 | p99 | reload | memory |\n| --- | --: | --: | --: | --: | --: | --: | --: | --: | --: |\n")
	for _, tenants := range caddyTenants {
		for _, w := range caddyWays {
			name := caddyCase("Caddy", w.way, tenants)
			rate, ok := l.figure(name, "req/s")
			if !ok {
				continue
			}
			bare := caddyCase("Caddy", web.CaddyBare, tenants)
			if _, ok := l.figure(bare, "req/s"); !ok {
				bare = caddyCase("Caddy", web.CaddyBare, caddyTenants[0])
			}
			reload := caddyCase("CaddyReload", w.way, tenants)
			p.printf("| %s | %s | %s | %s | %s | %s | %s | %s | %s | %s |\n", w.title, count(float64(tenants)), count(rate.median), times(rate.median/at(l, bare, "req/s")),
				nanoseconds(at(l, name, "cpu-ns/op")), times(at(l, name, "cpu-ns/op")/at(l, bare, "cpu-ns/op")),
				nanoseconds(at(l, name, "p50-ns")), nanoseconds(at(l, name, "p99-ns")), nanoseconds(at(l, reload, "reload-ns")), megabytes(at(l, reload, "resident-bytes")))
		}
	}
	return nil
}

// caddyGoals compares Caddy with the module with Caddy alone.
func (p *page) caddyGoals() (all []goal) {
	for _, tenants := range []int{1000, 100_000} {
		ratio := at(p.caddyLog, caddyCase("Caddy", web.CaddyRouted, tenants), "req/s") / at(p.caddyLog, caddyCase("Caddy", web.CaddyBare, tenants), "req/s")
		if !math.IsNaN(ratio) {
			all = append(all, goal{fmt.Sprintf("requests per second of Caddy with tenantedge relative to Caddy alone, %s tenants", count(float64(tenants))), "≥ 0.95×", times(ratio), ratio >= 0.95, true})
		}
	}
	return all
}
