package tenancy_test

import (
	"strings"
	"testing"

	"github.com/tenantedge/tenantedge/guest/abi"
	"github.com/tenantedge/tenantedge/guest/tenancy"
)

func TestAFolderThatIsAnInvalidExpressionIsServedUnderStrictRules_B8(t *testing.T) {
	config := &abi.Config{ABI: abi.Version, Compat: "strict", Default: &abi.DefaultTenant{}}
	directory := &rows{
		tenants: []tenant{{"1", "acme"}, {"2", "beta"}},
		domains: []row{
			{tenant: "1", domain: "n.test", folder: "("},
			{tenant: "1", domain: "n.test", folder: "[a"},
			{tenant: "2", domain: "n.test", folder: "+(", redirect: true},
			{tenant: "2", domain: "beta.test", primary: true},
		},
	}
	for target, want := range map[string]string{
		"/(/x": "acme ( /x", "/(": "acme ( /(", "/%28/x/(/y": "acme ( /x/(/y", "/[a/": "acme [a /",
		"/+(/x": "bad_request", // the reference crashes
	} {
		d := decide(t, config, directory, tenancy.Request{Method: "GET", Host: "n.test", HasHost: true, Target: target})
		if got := line(d); got != want {
			t.Errorf("%s: decision %q (%s), want %q", target, got, d.Reason, want)
		}
	}
}

func TestASessionValueOtherThanTextIsIgnoredUnderStrictRules_B8(t *testing.T) {
	alias := "site"
	config := &abi.Config{
		ABI: abi.Version, Compat: "strict", Default: &abi.DefaultTenant{}, Routers: []abi.Router{"domain", "session"},
		Tenants: []abi.StaticTenant{{Schema: "www", SessionKey: &alias}},
	}
	directory := &rows{
		tenants: []tenant{{"1", "acme"}, {"7", "beta"}},
		domains: []row{{tenant: "1", domain: "acme.test", primary: true}},
	}
	for session, want := range map[string]string{
		`["beta"]`: "none", `[7]`: "none", `["site"]`: "none", `{"beta":"beta"}`: "none", `true`: "none", `7`: "none", `-7`: "none", `7.0`: "none",
		`1e400`: "none", `123456789012345678901234567890`: "none", `[`: "none", `"`: "none", `["a\u0000"]`: "none",
		`[]`: "none", `null`: "none", ` "beta" `: "beta /x", `"7"`: "beta /x", `"site"`: "www /x", `"[\"beta\"]"`: "none",
		`"b\u0000"`: "bad_request", // the database rejects it
	} {
		r := tenancy.Request{Method: "GET", Host: "acme.test", HasHost: true, Target: "/x", Session: session, HasSession: true}
		if got, want := line(decide(t, config, directory, r)), strings.Replace(want, "none", "acme /x", 1); got != want {
			t.Errorf("session %s after the domain router: decision %q, want %q", session, got, want)
		}
		config := *config
		config.Routers = []abi.Router{"session"}
		if d := decide(t, &config, directory, r); line(d) != want {
			t.Errorf("session %s: decision %q (%s), want %q", session, line(d), d.Reason, want)
		}
	}
}
