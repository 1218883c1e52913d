package edge

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"os"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/tenantedge/tenantedge/edge/internal/wasm/wasmtest"
	"github.com/tenantedge/tenantedge/edge/proof"
	"github.com/tenantedge/tenantedge/edge/smoke"
	"github.com/tenantedge/tenantedge/edge/tenant"
	"github.com/tenantedge/tenantedge/edge/upstream"
	"github.com/tenantedge/tenantedge/guest/abi"
	"github.com/tenantedge/tenantedge/guest/tenancy"
	"github.com/tenantedge/tenantedge/tenantdb"
)

// compileCache is shared by all tests, so that each guest is compiled once.
var compileCache string

func TestMain(m *testing.M) {
	smoke.Main(Try) // in a child that tries a guest
	if cache := os.Getenv(startVariable); cache != "" {
		if err := startChild(cache); err != nil {
			panic(err)
		}
		os.Exit(0)
	}
	if config := os.Getenv(crowdVariable); config != "" {
		if err := visitorsChild(config); err != nil {
			panic(err)
		}
		os.Exit(0)
	}
	var err error
	if compileCache, err = wasmtest.CompileCache("edge"); err != nil {
		panic(err)
	}
	os.Exit(m.Run())
}

// newHost returns a host with the default guest, a static tenant, and two dynamic
// tenants, the second of which is in a folder.
func newHost(t testing.TB, change func(*Config)) *Host {
	t.Helper()
	dir := tenantdb.NewDirectory(tenantdb.Options{Normalize: tenancy.NormalizeHost})
	report := dir.Replace(tenantdb.State{
		Tenants: []tenantdb.Tenant{
			{ID: "1", Schema: "t1", Attributes: []tenantdb.Attribute{{Name: "schema_pathname", Value: "acme"}}},
			{ID: "2", Schema: "t2"},
		},
		Domains: []tenantdb.Domain{
			{TenantID: "1", Domain: "t1.example.com", IsPrimary: true},
			{TenantID: "1", Domain: "old.example.com", RedirectToPrimary: true},
			{TenantID: "2", Domain: "shared.example.com", Folder: "two", IsPrimary: true},
		},
	})
	if len(report.Problems) > 0 {
		t.Fatal(report.Problems)
	}
	c := Config{
		GuestConfig: abi.Config{
			Tenants: []abi.StaticTenant{{Schema: "www", Domains: []string{"example.com"}, URLConf: "www.urls"}},
			Default: &abi.DefaultTenant{URLConf: "app.urls"},
		},
		Directory:    dir,
		Logger:       slog.New(slog.DiscardHandler),
		CompileCache: compileCache,
		Upstream:     &upstream.Headers{Schema: "tenant", Routing: "X-Routing", Folder: "X-Folder", Identifier: "X-Identifier"},
	}
	if change != nil {
		change(&c)
	}
	// Tests that do not set time limits get large ones, for a busy machine.
	c.Limits.Deadline = cmp.Or(c.Limits.Deadline, time.Minute)
	c.Limits.QueueTimeout = cmp.Or(c.Limits.QueueTimeout, time.Minute)
	h, err := New(context.Background(), c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := h.Close(); err != nil {
			t.Error(err)
		}
	})
	return h
}

// serve sends a request through Middleware, with inner as the next handler.
func serve(h *Host, r *http.Request, inner func(*http.Request)) *httptest.ResponseRecorder {
	w := httptest.NewRecorder()
	h.Middleware(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if inner != nil {
			inner(r)
		}
	})).ServeHTTP(w, r)
	return w
}

func TestTheHandlerSeesTheTenant(t *testing.T) {
	h := newHost(t, nil)
	for _, c := range []struct {
		name, target, host string
		want               tenant.Tenant
		inner              string // URL that the handler sees
	}{
		{"static", "/a?b=c", "example.com:8080",
			tenant.Tenant{Schema: "www", URLConf: "www.urls", Path: "/a", Identifier: "www", CachePrefix: "www", Routing: tenant.Routing{Router: abi.ByDomain, Domain: "example.com"}}, "/a?b=c"},
		{"dynamic, host in another case and with a dot", "/", "T1.Example.COM.",
			tenant.Tenant{Schema: "t1", ID: "1", Dynamic: true, URLConf: "app.urls", Path: "/", Identifier: "acme", CachePrefix: "t1", Routing: tenant.Routing{Router: abi.ByDomain, Domain: "t1.example.com"}}, "/"},
		{"by folder", "/two/a%20b?c", "shared.example.com",
			tenant.Tenant{Schema: "t2", ID: "2", Dynamic: true, URLConf: "app.urls", Path: "/a b", Identifier: "t2", CachePrefix: "t2", Routing: tenant.Routing{Router: abi.ByDomain, Domain: "shared.example.com", Folder: "two"}}, "/a%20b?c"},
		{"by folder, a slash that stays encoded", "/two/a%2Fb", "shared.example.com",
			tenant.Tenant{Schema: "t2", ID: "2", Dynamic: true, URLConf: "app.urls", Path: "/a/b", Identifier: "t2", CachePrefix: "t2", Routing: tenant.Routing{Router: abi.ByDomain, Domain: "shared.example.com", Folder: "two"}}, "/a%2Fb"},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := httptest.NewRequest("GET", c.target, nil)
			r.Host = c.host
			var got *tenant.Tenant
			var inner string
			w := serve(h, r, func(r *http.Request) { got, _ = tenant.From(r.Context()); inner = r.URL.String() })
			if got == nil {
				t.Fatalf("answered %d %s", w.Code, w.Body)
			}
			c.want.Attributes = got.Attributes
			if fmt.Sprint(*got) != fmt.Sprint(c.want) {
				t.Errorf("the tenant is\n%+v, want\n%+v", *got, c.want)
			}
			if u, err := url.Parse(inner); err != nil || u.String() != c.inner {
				t.Errorf("the handler received %s, want %s", inner, c.inner)
			}
		})
	}
}

func TestRefusalsSayNothingAboutTenants(t *testing.T) {
	h := newHost(t, nil)
	bodies := map[string]bool{}
	for _, host := range []string{"unknown.example.com", "t9.example.com", "shared.example.com"} {
		r := httptest.NewRequest("GET", "/x", nil)
		r.Host = host
		w := serve(h, r, nil)
		if w.Code != http.StatusNotFound {
			t.Errorf("%s answered %d", host, w.Code)
		}
		id := w.Header().Get("X-Request-Id")
		if id == "" || !strings.Contains(w.Body.String(), id) {
			t.Errorf("%s: the page %q does not have the id %q", host, w.Body, id)
		}
		bodies[strings.ReplaceAll(w.Body.String(), id, "ID")] = true
	}
	if len(bodies) != 1 {
		t.Errorf("the pages differ: %v", bodies)
	}
}

func TestARedirectKeepsQueryAndMethod(t *testing.T) {
	h := newHost(t, nil)
	for method, status := range map[string]int{"GET": 301, "HEAD": 301, "POST": 308, "PUT": 308, "DELETE": 308} {
		r := httptest.NewRequest(method, "/a%20b/?c=d&e", nil)
		r.Host = "old.example.com"
		w := serve(h, r, nil)
		if w.Code != status || w.Header().Get("Location") != "//t1.example.com/a%20b/?c=d&e" {
			t.Errorf("%s got status %d and the location %s", method, w.Code, w.Header().Get("Location"))
		}
	}
}

func TestUpstreamHeadersSayWhatWasDecided(t *testing.T) {
	h := newHost(t, func(c *Config) { c.TrustedPeers = []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8")} })
	for _, c := range []struct {
		name, peer string
		forwarded  string // X-Forwarded-For that the handler sees
	}{
		{"an untrusted peer", "192.0.2.1:1234", ""},
		{"a trusted peer", "10.1.2.3:1234", "203.0.113.7"},
		{"a trusted peer by IPv6", "[::ffff:10.1.2.3]:1234", "203.0.113.7"},
		{"no address", "@", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := httptest.NewRequest("GET", "/two/x", nil)
			r.Host, r.RemoteAddr = "shared.example.com", c.peer
			r.Header = http.Header{"Tenant": {"t1"}, "X-Folder": {"evil"}, "X_identifier": {"t1"}, "X-Forwarded-For": {"203.0.113.7"}, "Accept": {"*/*"}}
			var out http.Header
			w := serve(h, r, func(r *http.Request) {
				found, _ := tenant.From(r.Context())
				out = r.Header.Clone()
				h.setDecision(out, found, nil)
			})
			want := http.Header{"Tenant": {"t2"}, "X-Folder": {"two"}, "X-Routing": {"domain"}, "X-Identifier": {"t2"}, "Accept": {"*/*"}}
			if c.forwarded != "" {
				want["X-Forwarded-For"] = []string{c.forwarded}
			}
			if fmt.Sprint(out) != fmt.Sprint(want) {
				t.Errorf("status %d: the upstream received\n%v, want\n%v", w.Code, out, want)
			}
			if len(r.Header) != 5 {
				t.Errorf("the server's own header was changed: %v", r.Header)
			}
		})
	}
}

func TestTheTenantHeaderNeedsTrustOrProof(t *testing.T) {
	key := proof.Key{ID: "k1", Secret: []byte(strings.Repeat("s", 32))}
	h := newHost(t, func(c *Config) {
		c.GuestConfig.Routers = []abi.Router{abi.ByHeader}
		c.TrustedPeers = []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8")}
		c.ProofKeys = []proof.Key{key}
	})
	for _, c := range []struct {
		name, peer, proof string
		want              int
	}{
		{"from an untrusted peer it is ignored", "192.0.2.1:1", "", 404},
		{"from a trusted peer it is used", "10.0.0.1:1", "", 200},
		{"with a proof it is used", "192.0.2.1:1", proof.Sign(key, "GET", "any.example.com", "/x", "t1", time.Now()), 200},
		{"with another request's proof it is ignored", "192.0.2.1:1", proof.Sign(key, "GET", "any.example.com", "/y", "t1", time.Now()), 404},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := httptest.NewRequest("GET", "/x", nil)
			r.Host, r.RemoteAddr = "any.example.com", c.peer
			r.Header.Set("tenant", "t1")
			if c.proof != "" {
				r.Header.Set(proof.Header, c.proof)
			}
			if w := serve(h, r, nil); w.Code != c.want {
				t.Errorf("answered %d, want %d", w.Code, c.want)
			}
		})
	}
}

func TestKeysAndPathsAreTheGuests(t *testing.T) {
	h := newHost(t, nil)
	ctx := tenant.NewContext(context.Background(), &tenant.Tenant{Schema: "t1"})
	if key, err := h.CacheKey(ctx, nil, "p", "1", "foo"); err != nil || key != "t1:p:1:foo" {
		t.Errorf("the key in a tenant's context is %q, %v", key, err)
	}
	if key, err := h.CacheKey(ctx, &tenant.Tenant{Schema: "t2"}, "", "1", "foo"); err != nil || key != "t2::1:foo" {
		t.Errorf("the key of a named tenant is %q, %v", key, err)
	}
	if key, err := h.CacheKey(context.Background(), nil, "", "1", "foo"); err != nil || key != "public::1:foo" {
		t.Errorf("the key without a tenant is %q, %v", key, err)
	}
	if key, err := h.ReverseKey(ctx, "t1:p:1:a:b"); err != nil || key != "a:b" {
		t.Errorf("the reversed key is %q, %v", key, err)
	}
	if _, err := h.ReverseKey(ctx, "t1:p"); err == nil || !strings.Contains(err.Error(), "colons") {
		t.Errorf("reversing an invalid key returned %v", err)
	}
	if _, err := h.CacheKey(ctx, nil, "", "1", strings.Repeat("x", abi.BufferSize)); !errors.Is(err, ErrTooLarge) {
		t.Errorf("a huge key returned %v, want ErrTooLarge", err)
	}
	p, err := h.Pathname(ctx, nil, tenancy.PathQuery{Location: "/srv/media", BaseURL: "/media/", Name: "a b.txt", HasName: true})
	if err != nil || p.Err != nil || p.Path != "/srv/media/t1/a b.txt" || p.URL != "/media/t1/a%20b.txt" {
		t.Errorf("the file is at %+v, %v", p, err)
	}
	p, err = h.Pathname(ctx, nil, tenancy.PathQuery{Location: "/srv/media", BaseURL: "/media/", Name: "../t2/x", HasName: true})
	if err != nil || p.Err == nil || p.HasPath || p.HasURL {
		t.Errorf("another tenant's file is at %+v, %v", p, err)
	}
}

// A routed request allocates nothing. Middleware makes the two allocations that
// net/http needs to pass a context on: the copy of the request, and the context,
// which contains the tenant.
func TestARoutedRequestAllocatesNothing(t *testing.T) {
	h := newHost(t, nil)
	ctx := context.Background()
	for _, q := range []Request{
		{Method: "GET", Scheme: "http", Host: "t1.example.com", Target: "/orders/42?page=2"},
		{Method: "GET", Scheme: "http", Host: "shared.example.com:8080", Target: "/two/orders/42?page=2"},
		{Method: "GET", Scheme: "http", Host: "example.com", Target: "/"},
	} {
		n := testing.AllocsPerRun(200, func() {
			if d, err := h.Route(ctx, &q); err != nil || d.Outcome != abi.Tenant {
				t.Fatal(d.Reason, err)
			}
		})
		if n != 0 {
			t.Errorf("routing %s%s makes %v allocations, want none", q.Host, q.Target, n)
		}
	}
	handler := h.Middleware(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	r, w := httptest.NewRequest("GET", "/orders/42?page=2", nil), httptest.NewRecorder()
	r.Host = "t1.example.com"
	if n := testing.AllocsPerRun(200, func() { handler.ServeHTTP(w, r) }); n != 2 {
		t.Errorf("Middleware makes %v allocations, want 2", n)
	}
	const requests, most = 1000, 256 + 320 // the context, and the request of 304 bytes
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	for range requests {
		handler.ServeHTTP(w, r)
	}
	runtime.ReadMemStats(&after)
	if n := (after.TotalAlloc - before.TotalAlloc) / requests; n > most && !raced {
		t.Errorf("Middleware allocates %d bytes, want at most %d", n, most)
	}
}

// C5: a flood of random hosts does not make memory grow.
func TestC5AFloodOfRandomHostsKeepsMemoryFlat(t *testing.T) {
	h := newHost(t, func(c *Config) { c.Limits.Instances = 1 }) // a second one, made during an audit, would add memory
	ctx := context.Background()
	flood := func(from, to int) {
		for i := from; i < to; i++ {
			host := fmt.Sprintf("h%d.example.net", i)
			d, err := h.Route(ctx, &Request{Method: "GET", Scheme: "http", Host: host, Target: fmt.Sprintf("/p%d", i)})
			if err != nil || d.Outcome != abi.Missing {
				t.Fatalf("%s: %v %v", host, d.Outcome, err)
			}
		}
	}
	flood(0, 20_000)
	before := heap()
	flood(20_000, 120_000)
	if after := heap(); after > before+256<<10 {
		t.Errorf("100,000 unknown hosts took %d KB", (after-before)>>10)
	}
}

func TestManyRequestsAtOnceGetTheirOwnTenant(t *testing.T) {
	h := newHost(t, func(c *Config) { c.Limits.QueueTimeout = time.Minute })
	hosts := map[string]string{"t1.example.com": "t1", "example.com": "www", "shared.example.com": "t2"}
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for range 200 {
				for host, want := range hosts {
					d, err := h.Route(context.Background(), &Request{Method: "GET", Scheme: "http", Host: host, Target: "/two/x"})
					if err != nil || d.Tenant.Schema != want {
						t.Errorf("%s is %q, %v", host, d.Tenant.Schema, err)
						return
					}
				}
			}
		})
	}
	wg.Wait()
}

func TestACallThatNeedsTheGuestFailsClearlyAfterClose(t *testing.T) {
	h := newHost(t, nil)
	if err := h.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := h.Route(context.Background(), &Request{Method: "GET", Host: "t1.example.com", Target: "/"}); err == nil {
		t.Error("a closed host routed a request")
	}
	if err := h.Close(); err != nil {
		t.Errorf("the second Close returned %v", err)
	}
	var none *Host
	if err := none.Close(); err != nil {
		t.Errorf("Close of a nil host returned %v", err)
	}
}
