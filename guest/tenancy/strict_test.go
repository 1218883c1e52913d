package tenancy_test

import (
	"testing"

	"github.com/tenantedge/tenantedge/guest/abi"
	"github.com/tenantedge/tenantedge/guest/tenancy"
)

func TestAFolderThatIsNoExpressionIsServedUnderStrictRules_B8(t *testing.T) {
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
			t.Errorf("%s is %q (%s), expected %q", target, got, d.Reason, want)
		}
	}
}
