package guests

import (
	"strings"
	"testing"

	"github.com/tenantedge/tenantedge/edge/internal/trust"
	"github.com/tenantedge/tenantedge/edge/tenant"
	"github.com/tenantedge/tenantedge/guest/abi"
	"github.com/tenantedge/tenantedge/tenantdb"
)

// answers is an encoded decision of a guest.
type answers struct {
	word   uint32
	fields map[int]string
	extra  []string
}

func (a answers) message(t *testing.T) abi.Message {
	t.Helper()
	buf := make([]byte, 4096)
	b := abi.Begin(buf, a.word, abi.DecHeader0+len(a.extra))
	for i, s := range a.fields {
		b.Put(i, s)
	}
	for i, s := range a.extra {
		b.Put(abi.DecHeader0+i, s)
	}
	m, err := abi.Parse(b.Bytes())
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// testSet returns a set without a guest, with the static tenant www and the
// dynamic tenant t1.
func testSet(t *testing.T) *Set {
	t.Helper()
	dir := tenantdb.NewDirectory(tenantdb.Options{})
	report := dir.Replace(tenantdb.State{
		Tenants: []tenantdb.Tenant{{ID: "1", Schema: "t1", Attributes: []tenantdb.Attribute{{Name: "plan", Value: "gold"}}}},
		Domains: []tenantdb.Domain{
			{TenantID: "1", Domain: "t1.example.com", IsPrimary: true},
			{TenantID: "1", Domain: "shared.example.com", Folder: "one"},
		},
	})
	if len(report.Problems) > 0 {
		t.Fatal(report.Problems)
	}
	table := []abi.StaticTenant{{Schema: "www", Domains: []string{"example.com"}}}
	return &Set{config: Config{
		Tenants: NewTenants(table, dir, false),
		MaySet:  trust.New(trust.Config{}).GuestMaySet,
	}}
}

// The host checks decisions: a guest cannot invent tenants, redirect clients to other
// hosts, or set invalid headers.
func TestDecisionsThatMakeNoSenseAreTheGuestsFailure(t *testing.T) {
	found := uint32(abi.Tenant)
	for _, c := range []struct {
		name string
		a    answers
		want string // in the error; empty: no error
	}{
		{"a dynamic tenant by domain", answers{word: found | abi.DecDynamic, fields: map[int]string{abi.DecSchema: "t1", abi.DecDomain: "t1.example.com"}}, ""},
		{"a static tenant by header", answers{word: found, fields: map[int]string{abi.DecSchema: "www", abi.DecReference: "www"}}, ""},
		{"a dynamic tenant that is not in the directory", answers{word: found | abi.DecDynamic, fields: map[int]string{abi.DecSchema: "t2", abi.DecDomain: "x"}}, "expected the schema of a row"},
		{"the schema public", answers{word: found | abi.DecDynamic, fields: map[int]string{abi.DecSchema: "public", abi.DecDomain: "x"}}, "expected the schema of a row"},
		{"a static tenant that is not in the table", answers{word: found, fields: map[int]string{abi.DecSchema: "t1", abi.DecDomain: "x"}}, "expected a schema of the TENANTS table"},
		{"neither domain nor reference", answers{word: found, fields: map[int]string{abi.DecSchema: "www"}}, "expected the one by which the guest found the tenant"},
		{"no outcome", answers{}, "expected one that guest/abi defines"},
		{"an unknown outcome", answers{word: 99}, "expected one that guest/abi defines"},
		{"a header with a line break", answers{word: found, fields: map[int]string{abi.DecSchema: "www", abi.DecDomain: "x"}, extra: []string{"X-A", "b\r\nSet-Cookie: c"}}, "malformed"},
		{"a header name that is not a token", answers{word: found, fields: map[int]string{abi.DecSchema: "www", abi.DecDomain: "x"}, extra: []string{"X A", "b"}}, "malformed"},
		{"a header that the guest has named, in other case", answers{word: found, fields: map[int]string{abi.DecSchema: "www", abi.DecDomain: "x"}, extra: []string{"x-plan", "gold"}}, ""},
		{"a header that the guest has not named", answers{word: found, fields: map[int]string{abi.DecSchema: "www", abi.DecDomain: "x"}, extra: []string{"X-Plan", "gold", "X-Cell", "eu"}}, "add it to set_headers"},
		{"a redirect with status 200", answers{word: uint32(abi.Redirect) | 200<<abi.DecStatusShift, fields: map[int]string{abi.DecDomain: "x", abi.DecLocation: "//t1.example.com/"}}, "expected 301"},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := newServices(testSet(t), &Generation{sets: []string{"X-Plan"}})
			var d Decision
			err := s.decode(&d, c.a.message(t), &Request{Target: "/", Host: "x"})
			if c.want == "" && err != nil || c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)) {
				t.Fatalf("decoding returned %v, want %q", err, c.want)
			}
		})
	}
}

// Browsers find a host not only in //host/. A redirect that they could parse differently
// than the edge is rejected.
func TestARedirectLeadsToARegisteredDomainAsBrowsersReadIt_B5(t *testing.T) {
	s := newServices(testSet(t), nil)
	for _, c := range []struct {
		name, location string
		leads          bool
	}{
		{"to a tenant's domain", "//t1.example.com/a?b=c", true},
		{"to a static tenant's domain", "https://example.com/", true},
		{"to a tenant's folder", "//shared.example.com/one/a", true},
		{"to a tenant's folder with a query", "//shared.example.com/one?a", true},
		{"to a tenant's folder, encoded", "//shared.example.com/%6fne", true},
		{"to a path with broken encoding", "//t1.example.com/%zz", true},
		{"to no tenant's folder", "//shared.example.com/none/one", false},
		{"to no folder of a domain with folders", "//shared.example.com/", false},
		{"to a tenant's folder on another host", "//evil.com/one", false},
		{"to an encoded slash", "//t1.example.com%2F@evil.com/", false},
		{"to broken encoding", "//t1.example.com%2/", false},
		{"to a domain of no tenant", "//evil.com/", false},
		{"after a user name", "//t1.example.com@evil.com/", false},
		{"by backslash", `//t1.example.com\@evil.com/`, false},
		{"that splits the response", "//t1.example.com/\r\nA: b", false},
		{"with two schemes", "https:http://t1.example.com/x", false},
		{"with the same scheme twice", "http:http://t1.example.com/", false},
		{"with two schemes with one slash", "https:http:/t1.example.com/", false},
		{"with a scheme without slashes", "https:t1.example.com/", false},
		{"with one slash", "https:/t1.example.com/", false},
		{"with three slashes", "///t1.example.com/", false},
		{"with four slashes after a scheme", "https:////t1.example.com/", false},
		{"with a tab before the host", "//\tt1.example.com/", false},
		{"with a tab in the scheme", "ht\ttps://t1.example.com/", false},
		{"with a line feed between the slashes", "/\n/t1.example.com/", false},
		{"with backslashes", "http:\\\\t1.example.com/", false},
		{"with a slash and a backslash", "/\\t1.example.com/", false},
		{"with a leading blank", " //t1.example.com/", false},
		{"with an encoded user name", "//evil.com%40t1.example.com/", false},
		{"with a user name without host", "//t1.example.com@/", false},
		{"with a query before the path", "//t1.example.com?@evil.com/", false},
		{"with a fragment before the path", "//t1.example.com#@evil.com/", false},
		{"with an encoded tab in the host", "//t1.example%09.com/", false},
		{"with a port that is not registered", "//t1.example.com:8080/", false},
		{"with a scheme other than http and https", "javascript://t1.example.com/%0aalert(1)", false},
		{"with an unknown scheme before the known", "x:https://t1.example.com/", false},
		{"with an empty host", "https:///t1.example.com/", false},
		{"with a fullwidth dot", "//t1%EF%BC%8Eexample.com/", false},
		{"only to a path", "/a", false},
	} {
		t.Run(c.name, func(t *testing.T) {
			var d Decision
			a := answers{word: uint32(abi.Redirect) | 301<<abi.DecStatusShift, fields: map[int]string{abi.DecDomain: "x", abi.DecLocation: c.location}}
			err := s.decode(&d, a.message(t), &Request{Target: "/", Host: "x"})
			if c.leads && err != nil || !c.leads && (err == nil || !strings.Contains(err.Error(), "registered domain")) {
				t.Errorf("decoding returned %v", err)
			}
		})
	}
}

func TestADecisionTakesItsStringsFromTheDirectory(t *testing.T) {
	s := newServices(testSet(t), nil)
	out := make([]byte, 512)
	if _, ok := s.ByDomain("shared.example.com", "one", out); !ok {
		t.Fatal("the directory does not have the row")
	}
	m := answers{word: uint32(abi.Tenant) | abi.DecDynamic, fields: map[int]string{
		abi.DecSchema: "t1", abi.DecTenantID: "1", abi.DecDomain: "shared.example.com", abi.DecFolder: "one",
		abi.DecURLConf: "app.urls", abi.DecPath: "/a b", abi.DecIdentifier: "t1", abi.DecCachePrefix: "t1",
	}}.message(t)
	r := &Request{Target: "/one/a%20b", Path: "/one/a b", Host: "shared.example.com"}
	var d Decision
	check := func() {
		d = Decision{}
		if err := s.decode(&d, m, r); err != nil {
			t.Fatal(err)
		}
	}
	check()
	if plan, _ := d.Tenant.Attributes.Get("plan"); plan != "gold" || d.Tenant.ID != "1" || d.Tenant.Path != "/a b" || d.Tenant.Routing != (tenant.Routing{Router: abi.ByDomain, Domain: "shared.example.com", Folder: "one"}) {
		t.Fatalf("decided %+v", d)
	}
	if n := testing.AllocsPerRun(100, check); n != 0 {
		t.Errorf("decoding makes %v allocations, want none", n)
	}
}

func FuzzDecisionsAreCheckedNotBelieved(f *testing.F) {
	buf := make([]byte, 512)
	b := abi.Begin(buf, uint32(abi.Tenant)|abi.DecDynamic, abi.DecHeader0)
	b.Put(abi.DecSchema, "t1")
	b.Put(abi.DecDomain, "t1.example.com")
	f.Add(b.Bytes())
	f.Fuzz(func(t *testing.T, raw []byte) {
		m, err := abi.Parse(raw)
		if err != nil {
			return
		}
		s := newServices(testSet(t), nil)
		var d Decision
		if err := s.decode(&d, m, &Request{Target: "/"}); err != nil {
			return
		}
		if d.Outcome == abi.Tenant && d.Tenant.Schema != "t1" && d.Tenant.Schema != "www" {
			t.Fatalf("the tenant %q is not in the directory", d.Tenant.Schema)
		}
		if d.Outcome == abi.Redirect && (d.Status < 301 || d.Status > 308 || strings.ContainsAny(d.Location, "\r\n\\ ")) {
			t.Fatalf("redirects with %d to %q", d.Status, d.Location)
		}
	})
}

func TestADecisionWithoutPathHasThatOfTheRequestDecoded(t *testing.T) {
	set := testSet(t)
	fields := map[int]string{abi.DecSchema: "www", abi.DecDomain: "x"}
	for _, c := range []struct {
		request Request
		want    string
	}{
		{Request{Target: "/a%20b%2Fc?q=%20", Path: "/a b/c"}, "/a b/c"},
		{Request{Target: "/a%20b%2Fc?q=%20"}, "/a b/c"},
		{Request{Target: "http://x/a%2520?q"}, "/a%20"},
		{Request{Target: "http://x"}, "/"},
		{Request{Target: "*"}, "*"},
		{Request{Target: "/%zz"}, "/"},
	} {
		for _, word := range []uint32{uint32(abi.Tenant), uint32(abi.None)} {
			var d Decision
			if err := newServices(set, nil).decode(&d, answers{word: word, fields: fields}.message(t), &c.request); err != nil || d.Tenant.Path != c.want {
				t.Errorf("%s: %q, %v: expected %q", c.request.Target, d.Tenant.Path, err, c.want)
			}
		}
	}
}

// Guests with rules of their own may leave the urlconf to the configuration.
func TestADecisionWithoutURLConfHasTheOneThatAttributesChoose(t *testing.T) {
	set := testSet(t)
	for _, c := range []struct {
		served abi.DefaultTenant
		want   string
	}{
		{abi.DefaultTenant{URLConf: "app"}, "app"},
		{abi.DefaultTenant{URLConf: "app", URLConfBy: &abi.Choice{Attribute: "plan", Values: map[string]string{"gold": "fast"}}}, "fast"},
		{abi.DefaultTenant{URLConf: "app", Status: &abi.Choice{Attribute: "plan", Values: map[string]string{"gold": "page"}}}, "page"},
		{abi.DefaultTenant{URLConfBy: &abi.Choice{Attribute: "plan", Values: map[string]string{"tin": "slow"}}}, ""},
	} {
		set.config.Tenants.Default = &c.served
		var d Decision
		a := answers{word: uint32(abi.Tenant) | abi.DecDynamic, fields: map[int]string{abi.DecSchema: "t1", abi.DecDomain: "t1.example.com"}}
		if err := newServices(set, nil).decode(&d, a.message(t), &Request{Target: "/", Host: "t1.example.com"}); err != nil || d.Tenant.URLConf != c.want {
			t.Errorf("%+v: urlconf %q, %v, want %q", c.served, d.Tenant.URLConf, err, c.want)
		}
	}
}
