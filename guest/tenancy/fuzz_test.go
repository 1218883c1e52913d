package tenancy_test

import (
	"encoding/json"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/tenantedge/tenantedge/guest/abi"
	"github.com/tenantedge/tenantedge/guest/tenancy"
)

func FuzzNormalizeHost(f *testing.F) {
	for _, host := range []string{"acme.example.com", "ACME.example.com.", "bücher.example", "[2001:DB8::1]", "a_b.c", "xn--", "a..b", "１２７.0.0.1", "a。b", "\xff", "ß.de"} {
		f.Add(host)
	}
	f.Fuzz(func(t *testing.T, host string) {
		normal, err := tenancy.NormalizeHost(host)
		if err != nil {
			return
		}
		again, err := tenancy.NormalizeHost(normal)
		if err != nil || again != normal {
			t.Fatalf("%q is normalized to %q, and that to %q, %v, want no change", host, normal, again, err)
		}
		if normal == "" || len(normal) > 253 || strings.ContainsAny(normal, "/\\@?#%, \t\r\n\x00") || strings.ToLower(normal) != normal {
			t.Fatalf("%q is normalized to %q, which is not a host", host, normal)
		}
	})
}

// FuzzRoute routes by both sets of rules and checks the invariants of decisions.
func FuzzRoute(f *testing.F) {
	f.Add("shared.example.com", "/acme//evil.com?q", "", `"beta"`, false, false)
	f.Add("old.example.com", "/a%2fb|\"", "acme", "", true, false)
	f.Add("acme.example.com:80\nx", "http://acme.example.com/x", "x\ny", "{}", true, true)
	f.Add("self.example.com", "/%ff%00/../", "", `"\ud83d\ude00"`, false, true)
	var routers []*tenancy.Router
	_, directory := office()
	for _, compat := range []abi.Compat{abi.Hardened, abi.Strict} {
		for _, order := range [][]abi.Router{{"domain"}, {"domain", "session", "header"}, {"header", "session"}} {
			config, _ := office(order...)
			config.Compat = compat
			router, err := tenancy.New(config)
			if err != nil {
				f.Fatal(err)
			}
			routers = append(routers, router)
		}
	}
	f.Fuzz(func(t *testing.T, host, target, header, session string, trusted, websocket bool) {
		var d tenancy.Decision
		for i, router := range routers {
			router.Route(&tenancy.Request{
				Method: "GET", Scheme: "http", Host: host, HasHost: true, Target: target,
				Session: session, HasSession: session != "", Trusted: trusted, Websocket: websocket,
				Headers: []tenancy.Header{{Value: header, Present: true}, {}},
			}, directory, &d)
			checkInvariants(t, i < len(routers)/2, trusted, websocket, &d)
		}
	})
}

func checkInvariants(t *testing.T, hardened, trusted, websocket bool, d *tenancy.Decision) {
	t.Helper()
	if d.Outcome.String() == "error" || d.Reason == "" {
		t.Fatalf("outcome %d with reason %q, want a valid outcome and a reason", d.Outcome, d.Reason)
	}
	if d.Outcome == abi.Tenant && (d.Schema == "" || d.Kind == tenancy.Unrouted || d.CachePrefix != d.Schema) {
		t.Fatalf("decision %+v, want schema, kind and cache prefix", d)
	}
	if d.Kind == tenancy.ByHeader && !trusted {
		t.Fatal("the decision uses a header that is not trusted")
	}
	if d.RouteFound && !json.Valid([]byte(d.RouteKwargs)) && utf8.ValidString(d.RouteKwargs) {
		t.Fatalf("kwargs are %q, want JSON", d.RouteKwargs)
	}
	if d.Outcome == abi.Redirect {
		if websocket {
			t.Fatal("a handshake is redirected")
		}
		rest := d.Location
		for _, primary := range []string{"//acme.example.com/", "//shared.example.com/", "//self.example.com/"} {
			rest = strings.TrimPrefix(rest, primary)
		}
		if rest == d.Location {
			t.Fatalf("redirect to %q, want a primary domain", d.Location)
		}
		for i := range len(d.Location) {
			if c := d.Location[i]; c <= ' ' || c >= 0x7f || c == '\\' {
				t.Fatalf("redirect to %q, which has the invalid character %q", d.Location, c)
			}
		}
	}
	if !hardened {
		return
	}
	if d.Outcome == abi.None {
		t.Fatal("the request continues without a tenant")
	}
	if d.Folder != "" && d.Outcome == abi.Tenant && (strings.HasPrefix(d.Path, "//") || strings.HasPrefix(d.Path, `/\`) || !strings.HasPrefix(d.Path, "/")) {
		t.Fatalf("the path after the folder is %q, want exactly one leading slash", d.Path)
	}
}

func FuzzWebsocketRoutes(f *testing.F) {
	for _, path := range []string{"chat/<int:room>/", "<str:a>-<slug:b>", "<uuid:u>", "<path:p>/x", "<a", "<>", "<:a>", "<int:a><int:b>", "é<ä>"} {
		f.Add(path, false, "/chat/12/")
	}
	for _, expr := range []string{`^re/(?P<tail>.*)$`, `\Z`, `[\w.\-]{,3}`, `[]a]`, `[[:alpha:]]`, `(\d)|(x)`, `\`, `(?i)a`} {
		f.Add(expr, true, "/re/x\n")
	}
	f.Fuzz(func(t *testing.T, route string, isRegex bool, target string) {
		entry := abi.WSRoute{Path: &route, Name: "r"}
		if isRegex {
			entry = abi.WSRoute{Regex: &route, Name: "r"}
		}
		config := &abi.Config{
			ABI: abi.Version, WSURLConfs: map[string][]abi.WSRoute{"ws": {entry}},
			Tenants: []abi.StaticTenant{{Schema: "www", Domains: []string{"a.io"}, WSURLConf: "ws"}},
		}
		router, err := tenancy.New(config)
		if err != nil {
			return
		}
		var d tenancy.Decision
		router.Route(&tenancy.Request{Method: "GET", Host: "a.io", HasHost: true, Target: target, Websocket: true}, &rows{}, &d)
		if d.RouteFound && utf8.ValidString(d.RouteKwargs) && !json.Valid([]byte(d.RouteKwargs)) {
			t.Fatalf("kwargs are %q, want JSON", d.RouteKwargs)
		}
	})
}

func FuzzConfiguration(f *testing.F) {
	f.Add([]byte(`{"abi":1,"tenants":[{"schema":"www","domains":["a.io"]}],"default":{"urlconf":"app"}}`))
	f.Add([]byte(`{"abi":1,"compat":"strict","routers":["header"],"ws_urlconfs":{"a":[{"regex":"(","name":"x"}]}}`))
	f.Fuzz(func(t *testing.T, raw []byte) {
		var config abi.Config
		if json.Unmarshal(raw, &config) != nil {
			return
		}
		router, err := tenancy.New(&config)
		if err != nil {
			return
		}
		var d tenancy.Decision
		router.Route(&tenancy.Request{Method: "GET", Host: "a.io", HasHost: true, Target: "/x"}, &rows{}, &d)
		if d.Outcome == 0 {
			t.Fatal("outcome is 0, want a decision")
		}
	})
}
