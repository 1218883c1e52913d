package tenancy_test

import (
	"strings"
	"testing"

	"github.com/tenantedge/tenantedge/guest/abi"
	"github.com/tenantedge/tenantedge/guest/tenancy"
)

func text(s string) *string { return &s }

// office returns two static tenants, and rows with and without a folder on one
// host.
func office(routers ...abi.Router) (*abi.Config, *rows) {
	return &abi.Config{
			ABI: abi.Version, Routers: routers,
			Tenants: []abi.StaticTenant{
				{Schema: "www", Domains: []string{"Example.com."}, FallbackDomains: []string{"fallback.example.com"}, URLConf: "www.urls", Header: text("main"), SessionKey: text("main")},
				{Schema: "blog", Domains: []string{"blog.example.com", "bücher.example"}, FallbackDomains: []string{"example.com", "fallback.example.com"}, URLConf: "blog.urls", WSURLConf: "blog.ws"},
			},
			Default: &abi.DefaultTenant{URLConf: "app.urls", WSURLConf: "app.ws"},
			WSURLConfs: map[string][]abi.WSRoute{
				"app.ws":  {{Path: text("chat/<int:room>/"), Name: "chat"}},
				"blog.ws": {{Regex: text("^live$"), Name: "live"}},
			},
		}, &rows{
			tenants: []tenant{{"1", "acme"}, {"2", "beta"}, {"3", "gamma"}},
			domains: []row{
				{tenant: "1", domain: "acme.example.com", primary: true},
				{tenant: "1", domain: "shared.example.com", folder: "acme"},
				{tenant: "2", domain: "shared.example.com", folder: "beta", primary: true},
				{tenant: "3", domain: "shared.example.com", primary: true},
				{tenant: "1", domain: "old.example.com", redirect: true},
				{tenant: "1", domain: "shared.example.com", folder: "old", redirect: true},
				{tenant: "2", domain: "old2.example.com", redirect: true},
				{tenant: "3", domain: "self.example.com", primary: true, redirect: true},
				{tenant: "3", domain: "under_score.example.com"},
				{tenant: "3", domain: "[2001:db8::1]"},
				{tenant: "3", domain: "xn--4gbrim.example"},
			},
		}
}

func decide(t *testing.T, c *abi.Config, d tenancy.Directory, r tenancy.Request) *tenancy.Decision {
	t.Helper()
	router, err := tenancy.New(c)
	if err != nil {
		t.Fatal(err)
	}
	var decision tenancy.Decision
	router.Route(&r, d, &decision)
	return &decision
}

// line formats the parts of a decision that a client can observe.
func line(d *tenancy.Decision) string {
	switch d.Outcome {
	case abi.Tenant:
		return strings.Join(strings.Fields(d.Schema+" "+d.Folder+" "+d.Path), " ")
	case abi.Redirect:
		return map[int]string{301: "301 ", 308: "308 "}[d.Status] + d.Location
	default:
		return d.Outcome.String()
	}
}

func TestHostsUnderTheHardenedRules(t *testing.T) {
	for _, c := range []struct{ name, host, want string }{
		{"the domain of a row", "acme.example.com", "acme /"},
		{"upper case", "ACME.Example.COM", "acme /"},
		{"a trailing dot", "acme.example.com.", "acme /"},
		{"a port", "acme.example.com:8080", "acme /"},
		{"a trailing dot and a port", "acme.example.com.:8080", "acme /"},
		{"with www.", "www.acme.example.com", "acme /"},
		{"with WWW.", "WWW.acme.example.com", "acme /"},
		{"a static domain, configured in another spelling", "example.com", "www /"},
		{"DOMAINS before FALLBACK_DOMAINS", "EXAMPLE.com", "www /"},
		{"the first of two with the fallback domain", "fallback.example.com", "www /"},
		{"Unicode, as configured", "BÜCHER.example", "blog /"},
		{"its ASCII form", "xn--bcher-kva.example", "blog /"},
		{"Unicode for a row in ASCII", "موقع.example", "gamma /"},
		{"an underscore", "under_score.example.com", "gamma /"},
		{"an IPv6 address", "[2001:DB8:0::1]:443", "gamma /"},
		{"two trailing dots", "acme.example.com..", "bad_request"},
		{"an empty Host", "", "bad_request"},
		{"two Hosts", "acme.example.com\nacme.example.com", "bad_request"},
		{"a comma", "acme.example.com,beta.example.com", "bad_request"},
		{"user information", "user@acme.example.com", "bad_request"},
		{"an empty label", "acme..example.com", "bad_request"},
		{"a label that begins with a hyphen", "-acme.example.com", "bad_request"},
		{"a label that ends with a hyphen", "acme-.example.com", "bad_request"},
		{"a label of 64 characters", strings.Repeat("a", 64) + ".example.com", "bad_request"},
		{"254 characters", strings.Repeat("a.", 126) + "ab", "bad_request"},
		{"a space", "acme example.com", "bad_request"},
		{"an empty port", "acme.example.com:", "bad_request"},
		{"a port with a sign", "acme.example.com:+80", "bad_request"},
		{"a port out of range", "acme.example.com:65536", "bad_request"},
		{"an IPv6 address without brackets", "2001:db8::1", "bad_request"},
		{"an IPv6 zone", "[fe80::1%25eth0]", "bad_request"},
		{"an IPv4 address in brackets", "[127.0.0.1]", "bad_request"},
		{"percent-encoding", "acme%2eexample.com", "bad_request"},
		{"an unknown host", "unknown.example.com", "not_found"},
	} {
		t.Run(c.name, func(t *testing.T) {
			config, directory := office()
			d := decide(t, config, directory, tenancy.Request{Method: "GET", Host: c.host, HasHost: true, Target: "/"})
			if got := line(d); got != c.want {
				t.Errorf("decision %q (%s), want %q", got, d.Reason, c.want)
			}
		})
	}
}

func TestTargetsUnderTheHardenedRules(t *testing.T) {
	for _, c := range []struct{ name, method, target, want string }{
		{"a folder", "GET", "/acme/x", "acme acme /x"},
		{"a folder without a trailing slash", "GET", "/acme", "acme acme /"},
		{"a folder with a trailing slash", "GET", "/acme/", "acme acme /"},
		{"an encoded letter of a folder", "GET", "/%61cme/x", "acme acme /x"},
		{"another folder", "GET", "/beta/x?acme", "beta beta /x"},
		{"an unknown folder", "GET", "/other/x", "gamma /other/x"},
		{"a folder in other case", "GET", "/Acme/x", "gamma /Acme/x"},
		{"a folder in the query", "GET", "/?/acme/", "gamma /"},
		{"the rest decoded once", "GET", "/acme/a%2520b%2Fc", "acme acme /a%20b/c"},
		{"H6: a host after the folder", "GET", "/acme//evil.com", "acme acme /evil.com"},
		{"H6: a host after the folder, with backslashes", "GET", `/acme/\/evil.com`, "acme acme /evil.com"},
		{"H6: a host after the folder, encoded", "GET", "/acme/%2fevil.com", "acme acme /evil.com"},
		{"H6: a host after the folder, encoded backslash", "GET", "/acme/%5cevil.com", "acme acme /evil.com"},
		{"H6: an encoded slash after the folder", "GET", "/acme%2Fx", "bad_request"},
		{"H6: an encoded backslash after the folder", "GET", "/acme%5Cx", "bad_request"},
		{"H6: a backslash after the folder", "GET", `/acme\x`, "bad_request"},
		{"H6: two slashes before the folder", "GET", "//acme/x", "bad_request"},
		{"H6: a backslash before the folder", "GET", `/\acme/x`, "bad_request"},
		{"an encoded slash after an unknown folder", "GET", "/other%2Fx", "gamma /other/x"},
		{"two slashes before an unknown folder", "GET", "//other/x", "gamma //other/x"},
		{"a path out of its folder", "GET", "/acme/../beta/", "bad_request"},
		{"a path out of its folder, encoded", "GET", "/acme/%2e%2e/beta/", "bad_request"},
		{"a path out of its folder after merging slashes", "GET", "/acme/x//../../../beta/", "bad_request"},
		{"a path out of its folder by backslash", "GET", `/acme/..\beta/`, "bad_request"},
		{"a dot segment inside the folder", "GET", "/acme/x/../y", "acme acme /x/../y"},
		{"an encoded NUL", "GET", "/a%00", "bad_request"},
		{"invalid percent-encoding", "GET", "/a%zz", "bad_request"},
		{"truncated percent-encoding", "GET", "/a%4", "bad_request"},
		{"an overlong slash", "GET", "/acme%c0%af", "bad_request"},
		{"invalid UTF-8", "GET", "/%ff", "bad_request"},
		{"a space", "GET", "/a b", "bad_request"},
		{"a control character", "GET", "/a\rb", "bad_request"},
		{"an absolute target", "GET", "http://shared.example.com/acme/x", "acme acme /x"},
		{"an absolute target without path", "GET", "http://SHARED.example.com.:80?q", "gamma /"},
		{"an absolute target with another host", "GET", "http://acme.example.com/", "bad_request"},
		{"an absolute target with another port", "GET", "http://shared.example.com:8080/", "bad_request"},
		{"an absolute target with user information", "GET", "http://a@shared.example.com/", "bad_request"},
		{"an absolute target of another scheme", "GET", "ftp://shared.example.com/", "bad_request"},
		{"an absolute target without host", "GET", "http:///x", "bad_request"},
		{"an authority", "CONNECT", "shared.example.com:80", "bad_request"},
		{"an empty target", "GET", "", "bad_request"},
		{"a star for OPTIONS", "OPTIONS", "*", "gamma *"},
		{"a star for other methods", "GET", "*", "bad_request"},
	} {
		t.Run(c.name, func(t *testing.T) {
			config, directory := office()
			d := decide(t, config, directory, tenancy.Request{Method: c.method, Host: "shared.example.com", HasHost: true, Target: c.target})
			if got := line(d); got != c.want {
				t.Errorf("decision %q (%s), want %q", got, d.Reason, c.want)
			}
		})
	}
}

func TestRedirectsUnderTheHardenedRules(t *testing.T) {
	for _, c := range []struct{ name, method, host, target, want string }{
		{"GET", "GET", "old.example.com", "/x", "301 //acme.example.com/x"},
		{"HEAD", "HEAD", "old.example.com", "/x", "301 //acme.example.com/x"},
		{"POST keeps its method", "POST", "old.example.com", "/x", "308 //acme.example.com/x"},
		{"the query is kept", "GET", "old.example.com", "/x?a=1&b=%20", "301 //acme.example.com/x?a=1&b=%20"},
		{"the folder is removed", "GET", "shared.example.com", "/old/x?q", "301 //acme.example.com/x?q"},
		{"a folder without a slash is removed", "GET", "shared.example.com", "/old", "301 //acme.example.com/"},
		{"the folder of the primary row is added", "GET", "old2.example.com", "/x", "301 //shared.example.com/beta/x"},
		{"percent-encoding is kept", "GET", "old.example.com", "/a%2Fb%20c", "301 //acme.example.com/a%2Fb%20c"},
		{"invalid characters are encoded", "GET", "old.example.com", "/a|b\"é#", "301 //acme.example.com/a%7Cb%22%C3%A9%23"},
		{"the path cannot add a host", "GET", "old.example.com", "//evil.com/x", "301 //acme.example.com/evil.com/x"},
		{"the path after the folder cannot add a host", "GET", "shared.example.com", `/old/\evil.com`, "301 //acme.example.com/evil.com"},
		{"the path leads out of its root", "GET", "old2.example.com", "/../x", "bad_request"},
		{"a primary row does not redirect", "GET", "self.example.com", "/x", "gamma /x"},
	} {
		t.Run(c.name, func(t *testing.T) {
			config, directory := office()
			d := decide(t, config, directory, tenancy.Request{Method: c.method, Host: c.host, HasHost: true, Target: c.target})
			if got := line(d); got != c.want {
				t.Errorf("decision %q (%s), want %q", got, d.Reason, c.want)
			}
		})
	}
}

func TestARedirectNeedsAPrimaryDomainThatIsAHost(t *testing.T) {
	for _, domain := range []string{"", "evil.com/x", "a@evil.com", "a b", "evil.com#"} {
		config, _ := office()
		directory := &rows{
			tenants: []tenant{{"1", "acme"}},
			domains: []row{{tenant: "1", domain: "old.example.com", redirect: true}, {tenant: "1", domain: domain, primary: true}},
		}
		d := decide(t, config, directory, tenancy.Request{Method: "GET", Host: "old.example.com", HasHost: true, Target: "/x"})
		if d.Outcome != abi.Tenant {
			t.Errorf("primary domain %q: decision %s, want the tenant", domain, line(d))
		}
	}
}

func TestSeveralRoutersUnderTheHardenedRules(t *testing.T) {
	header := func(v string) []tenancy.Header { return []tenancy.Header{{Value: v, Present: true}} }
	both := []abi.Router{"domain", "header"}
	for _, c := range []struct {
		name     string
		routers  []abi.Router
		lastWins bool
		request  tenancy.Request
		want     string
		kind     tenancy.Kind
	}{
		{"a header by schema", []abi.Router{"header"}, false, tenancy.Request{Headers: header("beta"), Trusted: true}, "beta /x", tenancy.ByHeader},
		{"a header by id", []abi.Router{"header"}, false, tenancy.Request{Headers: header("2"), Trusted: true}, "beta /x", tenancy.ByHeader},
		{"a header by alias", []abi.Router{"header"}, false, tenancy.Request{Headers: header("main"), Trusted: true}, "www /x", tenancy.ByHeader},
		{"H2: an untrusted header", []abi.Router{"header"}, false, tenancy.Request{Headers: header("beta")}, "not_found", 0},
		{"H2: an untrusted header and a domain", both, false, tenancy.Request{Host: "acme.example.com", HasHost: true, Headers: header("beta")}, "acme /x", tenancy.ByDomain},
		{"H5: an unknown header", both, false, tenancy.Request{Host: "acme.example.com", HasHost: true, Headers: header("unknown"), Trusted: true}, "not_found", 0},
		{"an empty header", both, false, tenancy.Request{Host: "acme.example.com", HasHost: true, Headers: header(""), Trusted: true}, "acme /x", tenancy.ByDomain},
		{"H1: two headers", both, false, tenancy.Request{Host: "acme.example.com", HasHost: true, Headers: header("acme\nacme"), Trusted: true}, "bad_request", 0},
		{"H3: a header that disagrees", both, false, tenancy.Request{Host: "acme.example.com", HasHost: true, Headers: header("beta"), Trusted: true}, "conflict", 0},
		{"a header that disagrees, and wins", both, true, tenancy.Request{Host: "acme.example.com", HasHost: true, Headers: header("beta"), Trusted: true}, "beta /x", tenancy.ByHeader},
		{"a header that agrees", both, false, tenancy.Request{Host: "acme.example.com", HasHost: true, Headers: header("acme"), Trusted: true}, "acme /x", tenancy.ByHeader},
		{"a header and an unknown domain", both, false, tenancy.Request{Host: "api.example.com", HasHost: true, Headers: header("acme"), Trusted: true}, "acme /x", tenancy.ByHeader},
		{"a session", []abi.Router{"session"}, false, tenancy.Request{Session: `"beta"`, HasSession: true}, "beta /x", tenancy.BySession},
		{"a session with a number", []abi.Router{"session"}, false, tenancy.Request{Session: `2`, HasSession: true}, "beta /x", tenancy.BySession},
		{"a session with escapes", []abi.Router{"session"}, false, tenancy.Request{Session: `"\u0062eta"`, HasSession: true}, "beta /x", tenancy.BySession},
		{"a session with null", []abi.Router{"session"}, false, tenancy.Request{Session: `null`, HasSession: true}, "not_found", 0},
		{"a session with a list", []abi.Router{"session"}, false, tenancy.Request{Session: `["beta"]`, HasSession: true}, "not_found", 0},
		{"H3: a session that disagrees", []abi.Router{"domain", "session"}, false, tenancy.Request{Host: "acme.example.com", HasHost: true, Session: `"beta"`, HasSession: true}, "conflict", 0},
		{"H4: an invalid host and a header", []abi.Router{"header"}, false, tenancy.Request{Host: "a b", HasHost: true, Headers: header("beta"), Trusted: true}, "bad_request", 0},
		{"no host for the domain router", both, false, tenancy.Request{Headers: header("beta"), Trusted: true}, "bad_request", 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			config, directory := office(c.routers...)
			if c.lastWins {
				config.Conflicts = "last-wins"
			}
			r := c.request
			r.Method, r.Target = "GET", "/x"
			d := decide(t, config, directory, r)
			if got := line(d); got != c.want {
				t.Errorf("decision %q (%s), want %q", got, d.Reason, c.want)
			}
			if d.Outcome == abi.Tenant && d.Kind != c.kind {
				t.Errorf("kind %d, want %d", d.Kind, c.kind)
			}
			if d.Reason == "" {
				t.Error("the decision has no reason")
			}
		})
	}
}

func TestTheFolderIsRemovedIfAHeaderNamesTheSameTenant(t *testing.T) {
	config, directory := office("domain", "header")
	d := decide(t, config, directory, tenancy.Request{
		Method: "GET", Host: "shared.example.com", HasHost: true, Target: "/acme/x",
		Headers: []tenancy.Header{{Value: "acme", Present: true}}, Trusted: true,
	})
	if got, want := line(d), "acme acme /x"; got != want {
		t.Errorf("decision %q, want %q", got, want)
	}
}

func TestHandshakes(t *testing.T) {
	for _, c := range []struct{ name, host, target, schema, route, kwargs string }{
		{"a dynamic tenant uses the default's table", "acme.example.com", "/chat/007/", "acme", "chat", `{"room":7}`},
		{"the folder is not part of the route", "shared.example.com", "/acme/chat/1/", "acme", "chat", `{"room":1}`},
		{"a static tenant uses its own table", "blog.example.com", "/live", "blog", "live", `{}`},
		{"a static tenant without one uses the default's", "example.com", "/chat/2/", "www", "chat", `{"room":2}`},
		{"no route", "acme.example.com", "/live", "acme", "", ""},
		{"a handshake is not redirected", "old.example.com", "/chat/3/", "acme", "chat", `{"room":3}`},
	} {
		t.Run(c.name, func(t *testing.T) {
			config, directory := office()
			d := decide(t, config, directory, tenancy.Request{Method: "GET", Host: c.host, HasHost: true, Target: c.target, Websocket: true})
			if d.Schema != c.schema || d.RouteName != c.route || d.RouteKwargs != c.kwargs || d.RouteFound != (c.route != "") {
				t.Errorf("schema %s, route %q %s (%s), want %s, %q %s", d.Schema, d.RouteName, d.RouteKwargs, d.Reason, c.schema, c.route, c.kwargs)
			}
		})
	}
}

func TestATenantHasNoFilesIfItsIdentifierIsNotASegment(t *testing.T) {
	config, _ := office()
	for own, want := range map[string]string{"files-1": "files-1", "..": "", "": "", "a/b": "", `a\b`: ""} {
		d := decide(t, config, &fixedRow{tenancy.Record{ID: "1", Schema: "acme", Domain: "x.io", Pathname: own, HasPathname: true}},
			tenancy.Request{Method: "GET", Host: "x.io", HasHost: true, Target: "/"})
		if d.Outcome != abi.Tenant || d.Identifier != want {
			t.Errorf("schema_pathname %q: outcome %s with identifier %q, want %q", own, d.Outcome, d.Identifier, want)
		}
	}
}
