package tenancy_test

import (
	"strings"
	"testing"

	"github.com/tenantedge/tenantedge/guest/abi"
	"github.com/tenantedge/tenantedge/guest/tenancy"
)

func TestAConfigurationErrorNamesTheKey(t *testing.T) {
	static := func(t abi.StaticTenant) abi.Config {
		return abi.Config{ABI: abi.Version, Tenants: []abi.StaticTenant{t}}
	}
	routes := func(r abi.WSRoute) abi.Config {
		return abi.Config{ABI: abi.Version, WSURLConfs: map[string][]abi.WSRoute{"app.ws": {{Path: text(""), Name: "ok"}, r}}}
	}
	placed := func(d abi.DefaultTenant) abi.Config { return abi.Config{ABI: abi.Version, Default: &d} }
	for _, c := range []struct {
		name   string
		config abi.Config
		want   string
	}{
		{"another ABI", abi.Config{ABI: 9}, "abi: is 9, expected 1"},
		{"another compat", abi.Config{ABI: 1, Compat: "loose"}, `compat: is "loose"`},
		{"an unknown value of conflicts", abi.Config{ABI: 1, Conflicts: "first"}, `conflicts: is "first"`},
		{"an unknown router", abi.Config{ABI: 1, Routers: []abi.Router{"domain", "cookie"}}, `routers[1]: is "cookie"`},
		{"a router twice", abi.Config{ABI: 1, Routers: []abi.Router{"domain", "domain"}}, `routers[1]: "domain" is listed twice`},
		{"an invalid schema name", static(abi.StaticTenant{Schema: "a-b"}), `tenants[a-b].schema: "a-b" is not a schema name`},
		{"a schema of Postgres", static(abi.StaticTenant{Schema: "PG_x"}), `tenants[PG_x].schema`},
		{"public", static(abi.StaticTenant{Schema: "public"}), `tenants[public].schema`},
		{"an invalid domain", static(abi.StaticTenant{Schema: "www", Domains: []string{"a.io", "b c"}}), `tenants[www].domains[1]: `},
		{"an invalid fallback domain", static(abi.StaticTenant{Schema: "www", FallbackDomains: []string{"a.io:80"}}), `tenants[www].fallback_domains[0]: `},
		{"a tenant twice", abi.Config{ABI: 1, Tenants: []abi.StaticTenant{{Schema: "www"}, {Schema: "www"}}}, `tenants[www].schema: is listed twice`},
		{"a status without an attribute", placed(abi.DefaultTenant{Status: &abi.Choice{Values: map[string]string{"a": "b"}}}), `default.status.attribute: expected the name of a column`},
		{"an attribute without values", placed(abi.DefaultTenant{URLConfBy: &abi.Choice{Attribute: "cell"}}), `default.urlconf_by.values: expected at least one value`},
		{"a value without a urlconf", placed(abi.DefaultTenant{WSURLConfBy: &abi.Choice{Attribute: "cell", Values: map[string]string{"eu": ""}}}), `default.ws_urlconf_by.values: expected the name of a urlconf for "eu"`},
		{"a route with path and regex", routes(abi.WSRoute{Path: text(""), Regex: text("")}), `ws_urlconfs[app.ws][1]: expected either path or regex`},
		{"a route without path and regex", routes(abi.WSRoute{}), `ws_urlconfs[app.ws][1]: expected either path or regex`},
		{"an unknown converter", routes(abi.WSRoute{Path: text("<date:d>")}), `ws_urlconfs[app.ws][1].path: "<date:d>" has the converter "date"`},
		{"a parameter twice", routes(abi.WSRoute{Path: text("<a>/<a>")}), `has the parameter "a" twice`},
		{"a parameter that is not an identifier", routes(abi.WSRoute{Path: text("<int:1a>")}), `which is not an identifier`},
		{"white space in a parameter", routes(abi.WSRoute{Path: text("<int: a>")}), `has white space`},
		{"an invalid regular expression", routes(abi.WSRoute{Regex: text("(")}), `ws_urlconfs[app.ws][1].regex: "("`},
		{"a look-behind of several widths", routes(abi.WSRoute{Regex: text("(?<=a*)b")}), `ws_urlconfs[app.ws][1].regex: "(?<=a*)b": expected a look-behind to have one width`},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := tenancy.New(&c.config)
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("error %v, want one with %q", err, c.want)
			}
		})
	}
}

func TestStrictRulesAcceptDomainsUnchanged(t *testing.T) {
	config := abi.Config{ABI: abi.Version, Compat: "strict", Tenants: []abi.StaticTenant{{Schema: "www", Domains: []string{"Upper.example.com", "["}}}}
	if _, err := tenancy.New(&config); err != nil {
		t.Fatal(err)
	}
}

func TestHeaders(t *testing.T) {
	for _, c := range []struct {
		name   string
		config abi.Config
		want   string
	}{
		{"none without a header router", abi.Config{ABI: 1}, ""},
		{"the default", abi.Config{ABI: 1, Routers: []abi.Router{"header"}}, "tenant"},
		{"the configured one", abi.Config{ABI: 1, Routers: []abi.Router{"header"}, TenantHeader: "X-Tenant"}, "X-Tenant"},
		{"strictly, both spellings", abi.Config{ABI: 1, Compat: "strict", Routers: []abi.Router{"header"}, TenantHeader: "X_Tenant"}, "X-Tenant X_Tenant"},
		{"strictly, a mixed spelling too", abi.Config{ABI: 1, Compat: "strict", Routers: []abi.Router{"header"}, TenantHeader: "x_my-tenant"}, "x-my-tenant x_my_tenant x_my-tenant"},
	} {
		t.Run(c.name, func(t *testing.T) {
			router, err := tenancy.New(&c.config)
			if err != nil {
				t.Fatal(err)
			}
			if got := strings.Join(router.Headers(), " "); got != c.want {
				t.Errorf("headers %q, want %q", got, c.want)
			}
		})
	}
}
