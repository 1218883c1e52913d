package tenancy_test

import (
	"testing"

	"github.com/tenantedge/tenantedge/guest/abi"
	"github.com/tenantedge/tenantedge/guest/tenancy"
)

func TestPathsThatServersReadDifferently_B3(t *testing.T) {
	for _, c := range []struct{ target, want string }{
		{"/acme/..;/beta/x", "bad_request"},
		{"/acme/..;a=b/beta/x", "bad_request"},
		{"/acme/..;a=b;c/beta/x", "bad_request"},
		{"/acme/.;/x", "bad_request"},
		{"/acme/x/..;/y", "bad_request"},
		{"/acme/%2e%2e;/beta/x", "bad_request"},
		{"/acme/.%2e;/beta/x", "bad_request"},
		{"/acme/..%3b/beta/x", "bad_request"},
		{"/acme/..%3Ba=b/beta/x", "bad_request"},
		{"/acme/..%253b/beta/x", "bad_request"},
		{"/acme/%252e%252e/beta/x", "bad_request"},
		{"/acme/%25252e%25252e/beta/x", "bad_request"},
		{"/acme/%25%32%65%25%32%65/beta/x", "bad_request"},
		{"/acme/..%252fbeta/x", "bad_request"},
		{"/acme/..%255cbeta/x", "bad_request"},
		{"/acme%252f..%252fbeta/x", "bad_request"},
		{"/acme/%25c0%25ae%25c0%25ae/beta/x", "bad_request"},
		{"/acme/%ef%bc%8e%ef%bc%8e/beta/x", "bad_request"},
		{"/acme/..%20/beta/x", "bad_request"},
		{"/acme/..%09/beta/x", "bad_request"},
		{"/acme/..%2500/beta/x", "bad_request"},
		{`/acme\..;\beta\x`, "bad_request"},
		{`/acme/..;\beta\x`, "bad_request"},
		{"/acme/../beta/x", "bad_request"},
		{"/..;/acme/x", "bad_request"},
		{"/;/acme/x", "bad_request"},
		{"/;a=b/acme/x", "bad_request"},
		{"/acme;a=b/x", "bad_request"},
		{"/acme%3ba=b/x", "bad_request"},
		{"/%2561cme/x", "bad_request"},
		{"/x/../acme/y", "bad_request"},
		{"/./acme/y", "bad_request"},
		{`/x\..\acme/y`, "bad_request"},
		{"/acme%252fx", "bad_request"},
		{"/acme%20/x", "bad_request"},
		{"/acme/x;v=1/y", "acme acme /x;v=1/y"},
		{"/acme/..x;/y", "acme acme /..x;/y"},
		{"/acme/x/../y", "acme acme /x/../y"},
		{"/acme/a%2520b", "acme acme /a%20b"},
		{"/acme/100%25", "acme acme /100%"},
		{"/acme/x?..;/beta", "acme acme /x"},
		{"/other;a=b/x", "gamma /other;a=b/x"},
		{"/other/../x", "gamma /other/../x"},
		{"/.well-known/x", "gamma /.well-known/x"},
		{"/%E7%94%BB/x", "gamma /画/x"},
	} {
		config, directory := office()
		d := decide(t, config, directory, tenancy.Request{Method: "GET", Host: "shared.example.com", HasHost: true, Target: c.target})
		if got := line(d); got != c.want {
			t.Errorf("%s: decision %q (%s), want %q", c.target, got, d.Reason, c.want)
		}
	}
}

// wwwWorld has names with and without "www.", and rows whose redirect the primary
// row would not serve.
func wwwWorld() (*abi.Config, *rows) {
	return &abi.Config{
			ABI: abi.Version,
			Tenants: []abi.StaticTenant{
				{Schema: "site", Domains: []string{"www.site.test"}, FallbackDomains: []string{"www.fall.test"}},
				{Schema: "taken", Domains: []string{"taken.test"}, FallbackDomains: []string{"fall.test"}},
			},
			Default: &abi.DefaultTenant{},
		}, &rows{
			tenants: []tenant{{"1", "acme"}, {"2", "beta"}, {"3", "gamma"}, {"4", "delta"}, {"5", "eps"}},
			domains: []row{
				{tenant: "1", domain: "www.apex.test", primary: true},
				{tenant: "1", domain: "apex.test", redirect: true},
				{tenant: "1", domain: "www.split.test"},
				{tenant: "2", domain: "split.test", primary: true},
				{tenant: "2", domain: "www.twin.test", folder: "in"},
				{tenant: "1", domain: "twin.test"},
				{tenant: "2", domain: "www.split2.test", redirect: true},
				{tenant: "1", domain: "site.test"},
				{tenant: "3", domain: "taken.test", primary: true},
				{tenant: "3", domain: "gamma.test", redirect: true},
				{tenant: "4", domain: "delta.test", folder: "a/b", primary: true},
				{tenant: "4", domain: "delta.test", redirect: true},
				{tenant: "5", domain: "eps.test", primary: true},
				{tenant: "5", domain: "old.eps.test", redirect: true},
				{tenant: "2", domain: "eps.test", folder: "beta"},
				{tenant: "5", domain: "eps.test", folder: "again", redirect: true},
			},
		}
}

func TestANameWithWWWIsLookedUpAsSentFirst_B1(t *testing.T) {
	for _, c := range []struct{ host, target, want string }{
		{"www.apex.test", "/x", "acme /x"},
		{"apex.test", "/x", "301 //www.apex.test/x"},
		{"www.split.test", "/", "acme /"},
		{"WWW.split.test.:80", "/", "acme /"},
		{"split.test", "/", "beta /"},
		{"www.split2.test", "/x", "301 //split.test/x"},
		{"www.www.split.test", "/", "acme /"},
		{"www.twin.test", "/in/x", "beta in /x"},
		{"www.twin.test", "/x", "acme /x"},
		{"www.site.test", "/", "site /"},
		{"site.test", "/", "acme /"},
		{"www.taken.test", "/", "taken /"},
		{"www.fall.test", "/", "site /"},
		{"www.www.fall.test", "/", "site /"},
		{"fall.test", "/", "taken /"},
		{"www.unknown.test", "/", "not_found"},
	} {
		config, directory := wwwWorld()
		d := decide(t, config, directory, tenancy.Request{Method: "GET", Host: c.host, HasHost: true, Target: c.target})
		if got := line(d); got != c.want {
			t.Errorf("%s%s: decision %q (%s), want %q", c.host, c.target, got, d.Reason, c.want)
		}
	}
}

func TestARedirectLeadsToThePrimaryRowOrIsNotMade_B1(t *testing.T) {
	for _, c := range []struct{ name, host, target, want string }{
		{"the primary domain is a static tenant's", "gamma.test", "/x", "gamma /x"},
		{"the primary folder can never match", "delta.test", "/x", "delta /x"},
		{"the path begins with a folder of another tenant", "old.eps.test", "/beta/x", "eps /beta/x"},
		{"the path begins with a folder that redirects", "old.eps.test", "/again/x", "eps /again/x"},
		{"the path below the folder begins with a folder of another tenant", "eps.test", "/again/beta/x", "eps again /beta/x"},
		{"the primary row serves the path", "old.eps.test", "/x", "301 //eps.test/x"},
		{"the primary row serves the path below a folder", "eps.test", "/again/x", "301 //eps.test/x"},
	} {
		t.Run(c.name, func(t *testing.T) {
			config, directory := wwwWorld()
			d := decide(t, config, directory, tenancy.Request{Method: "GET", Host: c.host, HasHost: true, Target: c.target})
			if got := line(d); got != c.want {
				t.Errorf("%s%s: decision %q (%s), want %q", c.host, c.target, got, d.Reason, c.want)
			}
		})
	}
}

// FuzzRedirectsEnd checks that redirects lead to the same tenant and end, for any
// rows.
func FuzzRedirectsEnd(f *testing.F) {
	f.Add("www.a.test", "", "a.test", "", "a.test", "/x")
	f.Add("a.test", "x/y", "a.test", "", "a.test", "/x")
	f.Add("a.test", "f", "a.test", "g", "www.a.test", "/g/f/g")
	f.Fuzz(func(t *testing.T, primary, folder, from, fromFolder, host, target string) {
		primary, err1 := tenancy.NormalizeHost(primary)
		from, err2 := tenancy.NormalizeHost(from)
		if err1 != nil || err2 != nil {
			return
		}
		directory := &rows{
			tenants: []tenant{{"1", "one"}, {"2", "two"}},
			domains: []row{
				{tenant: "1", domain: primary, folder: folder, primary: true},
				{tenant: "1", domain: from, folder: fromFolder, redirect: true},
				{tenant: "2", domain: "www." + primary, folder: fromFolder, redirect: true},
				{tenant: "2", domain: from, folder: folder, primary: true},
			},
		}
		config := &abi.Config{ABI: abi.Version, Default: &abi.DefaultTenant{}}
		for range 3 {
			d := decide(t, config, directory, tenancy.Request{Method: "GET", Host: host, HasHost: true, Target: target})
			if d.Outcome != abi.Redirect {
				return
			}
			schema := d.Schema
			rest := d.Location[len("//"):]
			end := 0
			for rest[end] != '/' {
				end++
			}
			host, target = rest[:end], rest[end:]
			after := decide(t, config, directory, tenancy.Request{Method: "GET", Host: host, HasHost: true, Target: target})
			if after.Outcome != abi.BadRequest && (after.Outcome != abi.Tenant || after.Schema != schema) {
				t.Fatalf("redirect of tenant %s to //%s%s: the next decision is %s (%s)", schema, host, target, line(after), after.Reason)
			}
		}
	})
}
