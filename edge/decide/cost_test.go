//go:build unix

package decide_test

import (
	"fmt"
	"io"
	"net/http"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/tenantedge/tenantedge/edge/decide"
)

// without are the changes that make a server pass requests on without asking.
var without = map[string][]string{
	decide.Nginx: {
		"		auth_request /.tenantedge;\n", "", "		if ($tenantedge_sent = \"\") { # HTTP/0.9\n			return 400;\n		}\n", "",
		"proxy_pass $tenantedge_pass$tenantedge_target", "proxy_pass http://127.0.0.1:8000", "Host $tenantedge_host", "Host $http_host",
	},
	decide.HAProxy: {
		"	http-request lua.tenantedge\n", "", "	http-request set-uri %[var(txn.tenantedge_target)]\n", "", "	use_backend %[var(txn.tenantedge_urlconf)]\n", "",
		"default_backend edge", "default_backend app.urls", "	http-request set-header x-forwarded-host %[var(txn.tenantedge_host)]\n", "",
	},
	decide.Caddy:   {"forward_auth 127.0.0.1:9000 {", "@never path_regexp ^$\n		forward_auth @never 127.0.0.1:9000 {", "@app header Tenantedge-Urlconf *.urls", "@app path *", "			header_up Host {http.request.header.Tenantedge-Host}\n", ""},
	decide.Traefik: {"[no-upgrade, tenantedge, clear]", "[no-upgrade, clear]"},
}

// What a decision adds to the time of a request, in rounds that alternate between a
// server with and without it. It measures with TENANTEDGE_FIGURES=1 only.
func TestTheCostOfADecision(t *testing.T) {
	if os.Getenv("TENANTEDGE_FIGURES") == "" {
		t.Skip("a measurement; set TENANTEDGE_FIGURES=1")
	}
	const rounds, requests = 20, 250
	for i := range fronts {
		f := &fronts[i]
		t.Run(f.name, func(t *testing.T) {
			f.program(t)
			w := newWorld(t)
			w.use(hostOf(t, &golden(t)[0]), f.name, func(c *decide.Config) { c.Decided = nil })
			servers := [2]string{}
			for n, changes := range [2][]string{without[f.name], nil} {
				servers[n] = address(f.start(t, hostPort(w.decider), hostPort(w.app), changes...))
			}
			client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 1}}
			var times [2][]time.Duration
			for range rounds {
				for n, server := range servers {
					for range requests {
						times[n] = append(times[n], w.timed(client, server))
					}
				}
			}
			if asked := w.asked.Load(); asked < rounds*requests || asked > rounds*requests+100 {
				t.Fatalf("the edge was asked %d times, expected %d", asked, rounds*requests)
			}
			for n := range times {
				slices.Sort(times[n])
			}
			p := func(n, q int) time.Duration { return times[n][len(times[n])*q/100] }
			fmt.Printf("%-8s p50 %7v without, %7v with: %v added; p99 %v without, %v with\n", f.name,
				p(0, 50).Round(time.Microsecond), p(1, 50).Round(time.Microsecond), (p(1, 50) - p(0, 50)).Round(time.Microsecond),
				p(0, 99).Round(time.Microsecond), p(1, 99).Round(time.Microsecond))
		})
	}
}

// timed sends a request on a connection that stays open and returns its time.
func (w *world) timed(client *http.Client, server string) time.Duration {
	w.Helper()
	r, err := http.NewRequest(http.MethodGet, "http://"+server+"/page?x=1", nil)
	if err != nil {
		w.Fatal(err)
	}
	r.Host = "acme.example.com"
	began := time.Now()
	resp, err := client.Do(r)
	if err != nil {
		w.Fatal(err)
	}
	body, err := io.ReadAll(resp.Body)
	resp.Body.Close()
	took := time.Since(began)
	if err != nil || resp.StatusCode != http.StatusOK || !strings.Contains(string(body), "acme.example.com") {
		w.Fatalf("%s: %d %q, %v", server, resp.StatusCode, body, err)
	}
	return took
}
