//go:build unix

package decide_test

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/tenantedge/tenantedge/edge"
	"github.com/tenantedge/tenantedge/edge/decide"
	"github.com/tenantedge/tenantedge/edge/upstream"
	"github.com/tenantedge/tenantedge/guest/abi"
	"github.com/tenantedge/tenantedge/tenantdb"
	"github.com/tenantedge/tenantedge/tenantdb/testserver"
)

// cached is a cache under test.
type cached struct {
	*world
	directory *tenantdb.Directory
}

// cachedState returns the rows of the cache tests: two tenants with domains of their own and
// with folders of one host.
func cachedState(version string) tenantdb.State {
	attribute := []tenantdb.Attribute{{Name: "cache_version", Value: version}}
	return tenantdb.State{
		Tenants: []tenantdb.Tenant{{ID: "1", Schema: "acme", Attributes: attribute}, {ID: "2", Schema: "beta", Attributes: []tenantdb.Attribute{{Name: "cache_version", Value: "1"}}}},
		Domains: []tenantdb.Domain{
			{TenantID: "1", Domain: "acme.example.com", IsPrimary: true}, {TenantID: "2", Domain: "beta.example.com", IsPrimary: true},
			{TenantID: "1", Domain: "shared.example.com", Folder: "acme"}, {TenantID: "2", Domain: "shared.example.com", Folder: "beta"},
		},
	}
}

// newCached returns a world with two tenants whose pages may be cached.
func newCached(t *testing.T, changes ...func(*edge.Config)) *cached {
	t.Helper()
	w := &cached{newWorld(t), tenantdb.NewDirectory(tenantdb.Options{})}
	w.directory.Replace(cachedState("1"))
	suite := golden(t)[0]
	suite.Config.Tenants, suite.Config.Default = nil, &abi.DefaultTenant{URLConf: "app.urls"}
	suite.Config.WSURLConfs = nil
	suite.Config.Routers = []abi.Router{abi.ByDomain, abi.ByHeader}
	w.host = hostOf(t, &suite, append(changes, func(c *edge.Config) { c.Directory, c.Sessions = w.directory, nil })...)
	w.cacheable.Store(true)
	return w
}

// attack sends hostile requests several times, and checks that no answer was made for
// another tenant than the one of the request.
func (w *cached) attack() {
	w.Helper()
	var all []*request
	for _, q := range append(append(forgeries(), ambiguous()...), random(300)...) {
		for i := range q.headers {
			if name, value, ok := strings.Cut(q.headers[i], ": "); ok && name == "Host" && value == "acme.example.com" {
				all = append(all, q)
				break
			}
		}
		if strings.HasPrefix(q.target, "/") {
			all = append(all, q)
		}
	}
	for _, host := range []string{"acme.example.com", "beta.example.com", "BETA.example.com", "beta.example.com.:80"} {
		for _, vary := range []string{"", "Host", "X-Any", "Tenantedge-Schema", "Tenantedge-Cache-Prefix", "X-Cache-Prefix", "tenant", "Cookie", "*", "Accept-Encoding, X-Any"} {
			for _, target := range []string{"/page", "/page?x", "/page?beta  http beta.example.com /page", "/page%20beta", "/page#beta.example.com#beta", "/page?a=acme.example.com"} {
				all = append(all, &request{target: target, headers: []string{"Host: " + host, "X-Vary: " + vary, "X-Any: same", "Accept-Encoding: gzip"}})
			}
		}
	}
	// The same host and path for two tenants.
	for _, tenant := range []string{"acme", "beta", "1", "2"} {
		for _, target := range []string{"/page", "/other?x=1", "/beta/x"} {
			all = append(all, &request{target: target, from: trusted, headers: []string{"Host: api.example.com", "tenant: " + tenant}})
		}
	}
	hits, sent := 0, 0
	for range 2 {
		for _, q := range all {
			a := w.send(q)
			sent++
			if a.received == nil {
				continue
			}
			want := w.schemaOf(q)
			if got := a.received.Header.Get("Tenant"); got != want {
				w.Errorf("%s: the answer was made for the tenant %q, expected %q", q, got, want)
			}
			if a.header.Get("X-Cache") == "HIT" {
				hits++
			}
		}
	}
	w.Logf("%d requests, %d answers from the cache", sent, hits)
	if hits == 0 {
		w.Error("no answer came from the cache")
	}
}

// schemaOf returns the tenant of a request. Its last Host counts: requests with
// several are refused.
func (w *cached) schemaOf(q *request) string {
	in := &edge.Incoming{Method: "GET", Target: q.target, Header: http.Header{}, RemoteAddr: "127.0.0.1:0"}
	for _, h := range q.headers {
		if host, ok := strings.CutPrefix(h, "Host: "); ok {
			in.Host = strings.TrimSpace(host)
		}
		if tenant, ok := strings.CutPrefix(h, "tenant: "); ok && q.from != "" {
			in.RemoteAddr = q.from + ":0"
			in.Header.Set("tenant", tenant)
		}
	}
	d, err := w.decided(in)
	if err != nil {
		return err.Error()
	}
	return d.Tenant.Schema
}

// page requests the same page of a tenant's domain and returns what X-Cache says.
func (w *cached) page(schema string) string {
	w.Helper()
	a := w.send(&request{target: "/purged", headers: []string{"Host: " + schema + ".example.com"}})
	if a.received == nil || a.received.Header.Get("Tenant") != schema {
		w.Fatalf("%s: got %d %q", schema, a.status, a.body)
	}
	return a.header.Get("X-Cache")
}

// purges checks that purge removes the entries of acme only.
func (w *cached) purges(purge func()) {
	w.Helper()
	for _, schema := range []string{"acme", "beta"} {
		if first, second := w.page(schema), w.page(schema); first != "MISS" || second != "HIT" {
			w.Fatalf("%s: %s, then %s", schema, first, second)
		}
	}
	purge()
	if got := w.page("acme"); got != "MISS" {
		w.Errorf("after the purge the tenant's page was a %s", got)
	}
	if got := w.page("acme"); got != "HIT" {
		w.Errorf("then it was a %s", got)
	}
	if got := w.page("beta"); got != "HIT" {
		w.Errorf("after the purge of another tenant the page was a %s", got)
	}
}

func TestC6NginxCachesForEachTenant(t *testing.T) {
	f := fronts[slices.IndexFunc(fronts, func(f front) bool { return f.name == decide.Nginx })]
	f.program(t)
	f.files = append(slices.Clone(f.files), "nginx-cache.conf", "nginx-cache-location.conf")
	f.wrapped = strings.Replace(f.wrapped, "	include", "	include DIR/nginx-cache.conf;\n	include", 1)
	w := newCached(t)
	w.use(w.host, decide.Nginx, func(c *decide.Config) { c.Attributes = []string{"cache_version"} })
	pass := "proxy_pass $tenantedge_pass$tenantedge_target;"
	w.front = address(f.start(t, hostPort(w.decider), hostPort(w.app), pass, pass+" include nginx-cache-location.conf;", "/var/cache/nginx/tenants", "cache"))
	w.attack()
	w.purges(func() { w.directory.Replace(cachedState("2")) })
}

func TestC6VarnishCachesForEachTenant(t *testing.T) {
	f := front{name: "varnish", files: []string{"varnish.vcl"}, command: []string{"varnishd", "-F", "-f", "DIR/varnish.vcl", "-n", "DIR/work", "-j", "none", "-s", "malloc,32m"}}
	program := f.program(t)
	w := newCached(t, func(c *edge.Config) { c.Upstream = &upstream.Headers{Schema: "tenant", CachePrefix: "X-Cache-Prefix"} })
	varnish := testserver.Own(t, func() (*testserver.Server, error) {
		return testserver.Start(testserver.Config{
			Name: "varnish",
			Command: func(s *testserver.Server) *exec.Cmd {
				vcl, err := os.ReadFile("testdata/varnish.vcl")
				if err == nil {
					app, _ := url.Parse(w.app.URL)
					vcl := strings.Replace(string(vcl), `.port = "8000"`, `.port = "`+app.Port()+`"`, 1)
					err = os.WriteFile(filepath.Join(s.Dir(), "varnish.vcl"), []byte(vcl), 0o644)
				}
				if err != nil {
					t.Error(err)
				}
				cmd := s.Command(program, "-F", "-a", address(s), "-f", s.Dir()+"/varnish.vcl", "-n", s.Dir()+"/work", "-j", "none", "-s", "malloc,32m")
				cmd.Env = append(cmd.Env, "HOME="+s.Dir(), "TMPDIR="+s.Dir())
				return cmd
			},
			Ready: listens,
			Group: true,
		})
	})
	target := &url.URL{Scheme: "http", Host: "127.0.0.1:" + strconv.Itoa(varnish.Port())}
	handler, err := upstream.New(upstream.Config{URL: target, Host: w.host})
	if err != nil {
		t.Fatal(err)
	}
	edgeServer := httptest.NewServer(w.host.Middleware(handler))
	t.Cleanup(func() { edgeServer.Close(); _ = handler.Close() })
	w.front = hostPort(edgeServer)
	w.attack()
	ban := func(to string, headers ...string) answer {
		front := w.front
		defer func() { w.front = front }()
		w.front = to
		return w.send(&request{method: "BAN", target: "/", headers: append([]string{"Host: acme.example.com", "Connection: close"}, headers...)})
	}
	w.purges(func() {
		if a := ban(target.Host, "X-Cache-Prefix: acme"); a.status != http.StatusOK {
			t.Errorf("BAN: %d %s", a.status, a.body)
		}
	})
	for _, header := range []string{"X-Cache-Prefix: beta", "X-A: b"} {
		if a := ban(w.front, header); a.status != http.StatusForbidden {
			t.Errorf("a client's BAN with %s: %d", header, a.status)
		}
	}
	if a := ban(target.Host, `X-Cache-Prefix: x" || obj.http.X-Cache-Prefix ~ "`); a.status != http.StatusBadRequest {
		t.Errorf("a BAN with an expression: %d", a.status)
	}
	if got := w.page("beta"); got != "HIT" {
		t.Errorf("after refused purges the page was a %s", got)
	}
}
