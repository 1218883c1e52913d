package tenancy_test

import (
	"testing"

	"github.com/tenantedge/tenantedge/guest/abi"
	"github.com/tenantedge/tenantedge/guest/tenancy"
)

func TestWebsocketRoutes(t *testing.T) {
	path, expr := "path", "regex"
	for _, c := range []struct{ name, kind, route, target, kwargs string }{
		{"a plain path", path, "ws/", "/ws/", `{}`},
		{"a plain path with more after it", path, "ws/", "/ws/x", ``},
		{"leading slashes are ignored", path, "ws/", "///ws/", `{}`},
		{"str has no slash", path, "<str:a>", "/a%20b", `{"a":"a b"}`},
		{"str has no slash, encoded", path, "<str:a>", "/a%2Fb", ``},
		{"no converter is str", path, "<a>/x", "/%22/x", `{"a":"\""}`},
		{"int is a number", path, "<int:n>", "/007", `{"n":7}`},
		{"int has ASCII digits", path, "<int:n>", "/٣", ``},
		{"slug", path, "<slug:a>-<slug:b>", "/a-b-c", `{"a":"a-b","b":"c"}`},
		{"uuid", path, "<uuid:u>", "/123e4567-e89b-12d3-a456-426614174000", `{"u":"123e4567-e89b-12d3-a456-426614174000"}`},
		{"uuid in upper case", path, "<uuid:u>", "/123E4567-E89B-12D3-A456-426614174000", ``},
		{"path has slashes", path, "<path:p>/end", "/a/b/end", `{"p":"a/b"}`},
		{"path has no line break", path, "<path:p>/end", "/a%0A/end", ``},
		{"a parameter with a letter outside of ASCII", path, "<str:raum_öst>/", "/a/", `{"raum_öst":"a"}`},
		{"a path is not a regular expression", path, "a.b+<int:n>", "/a.b+1", `{"n":1}`},
		{"named groups", expr, `^r/(?P<a>\w+)/(?P<b>x)?$`, "/r/é/", `{"a":"é"}`},
		{"named groups hide the others", expr, `^(\d)(?P<a>.)$`, "/1x", `{"a":"x"}`},
		{"unnamed groups are numbered", expr, `^(\d)(x)?$`, "/1", `{"0":"1","1":null}`},
		{"an expression may match in the middle", expr, `o/(b+)`, "/foo/bbz", `{"0":"bb"}`},
		{"a dollar matches only at the end", expr, `^a$`, "/a%0A", ``},
		{`\Z matches at the end`, expr, `^a\Z`, "/a", `{}`},
		{"a repetition without a minimum", expr, `^a{,2}$`, "/aa", `{}`},
		{"a bracket in brackets", expr, `^[][x]+$`, "/[]x", `{}`},
		{"classes in brackets", expr, `^[\w-]+[\s][\d]$`, "/a-ü%202", `{}`},
		{"negated classes", expr, `^\D\S\W$`, "/ab!", `{}`},
		{"a word boundary after a letter outside of ASCII", expr, `^é\b.x$`, "/é-x", `{}`},
		{"a dollar in a group matches before a final line break", expr, `^(a$|b)`, "/a%0A", `{"0":"a"}`},
		{"a negative lookahead that succeeds", expr, `^(?!admin/)(?P<rest>.*)$`, "/room/", `{"rest":"room/"}`},
		{"a negative lookahead that fails", expr, `^(?!admin/)(?P<rest>.*)$`, "/admin/room/", ``},
		{"a backreference", expr, `^(?P<a>\w+)-(?P=a)$`, "/ab-ab", `{"a":"ab"}`},
		{"control characters are escaped", expr, `^(?P<a>(?s:.*))$`, "/%01%7f%5c", `{"a":"\u0001\u007f\\"}`},
	} {
		t.Run(c.name, func(t *testing.T) {
			entry := abi.WSRoute{Path: &c.route, Name: "r"}
			if c.kind == expr {
				entry = abi.WSRoute{Regex: &c.route, Name: "r"}
			}
			config := &abi.Config{
				ABI: abi.Version, WSURLConfs: map[string][]abi.WSRoute{"ws": {entry}},
				Tenants: []abi.StaticTenant{{Schema: "www", Domains: []string{"a.io"}, WSURLConf: "ws"}},
			}
			d := decide(t, config, &rows{}, tenancy.Request{Method: "GET", Host: "a.io", HasHost: true, Target: c.target, Websocket: true})
			if d.Outcome != abi.Tenant || d.RouteFound != (c.kwargs != "") || d.RouteKwargs != c.kwargs {
				t.Errorf("outcome %s, route found %v with %s, want %s", d.Outcome, d.RouteFound, d.RouteKwargs, c.kwargs)
			}
		})
	}
}

func TestTheFirstMatchingRouteIsUsed(t *testing.T) {
	config := &abi.Config{
		ABI: abi.Version, WSURLConfs: map[string][]abi.WSRoute{"ws": {
			{Path: text("<int:n>"), Name: "number"}, {Path: text("<str:s>"), Name: "text"}, {Regex: text(""), Name: "rest"},
		}},
		Tenants: []abi.StaticTenant{{Schema: "www", Domains: []string{"a.io"}, WSURLConf: "ws"}},
	}
	for target, want := range map[string]string{"/1": "number", "/a": "text", "/a/b": "rest"} {
		d := decide(t, config, &rows{}, tenancy.Request{Method: "GET", Host: "a.io", HasHost: true, Target: target, Websocket: true})
		if d.RouteName != want {
			t.Errorf("%s: route %q, want %q", target, d.RouteName, want)
		}
	}
}
