package edge

import (
	"net/http"
	"testing"

	"github.com/tenantedge/tenantedge/edge/tenant"
	"github.com/tenantedge/tenantedge/edge/websocket"
	"github.com/tenantedge/tenantedge/guest/abi"
	"github.com/tenantedge/tenantedge/tenantdb"
)

func TestAnOriginWithWWWIsOfTheTenantThatHasThatName_B1(t *testing.T) {
	for compat, cases := range map[abi.Compat]map[string]string{
		abi.Hardened: {"www.split.test": "one", "split.test": "two", "www.alone.test": "two", "www.site.test": "www", "site.test": "one", "www.unknown.test": ""},
		abi.Strict:   {"www.split.test": "two", "split.test": "two", "www.alone.test": "two", "www.site.test": "one", "site.test": "one", "www.unknown.test": ""},
	} {
		h := newHost(t, func(c *Config) {
			c.GuestConfig.Compat = compat
			c.GuestConfig.Tenants = []abi.StaticTenant{{Schema: "www", Domains: []string{"WWW.Site.test."}}}
			c.Directory.Replace(tenantdb.State{
				Tenants: []tenantdb.Tenant{{ID: "1", Schema: "one"}, {ID: "2", Schema: "two"}},
				Domains: []tenantdb.Domain{
					{TenantID: "1", Domain: "www.split.test"}, {TenantID: "2", Domain: "split.test"},
					{TenantID: "2", Domain: "alone.test"}, {TenantID: "1", Domain: "site.test"},
				},
			})
		})
		tenants := []*tenant.Tenant{{Schema: "one", ID: "1", Dynamic: true}, {Schema: "two", ID: "2", Dynamic: true}, {Schema: "www"}}
		for domain, want := range cases {
			for _, owner := range tenants {
				if got := h.origins().Owns(owner, domain); got != (owner.Schema == want) {
					t.Errorf("%s: %s owns %s: %v, expected %q to own it", compat, owner.Schema, domain, got, want)
				}
			}
		}
	}
}

// TestAnOriginIsComparedAsBrowsersMeanIt_E4 applies the same rule to websockets that
// the edge serves and to handshakes that it passes on.
func TestAnOriginIsComparedAsBrowsersMeanIt_E4(t *testing.T) {
	change := func(c *Config) {
		report := c.Directory.Apply([]tenantdb.Change{{
			Tenant: tenantdb.Tenant{ID: "4", Schema: "spelled", Attributes: []tenantdb.Attribute{{Name: "origins", Value: "HTTPS://Partner.Example.net:443 *.BÜCHER.example"}}},
			Domains: []tenantdb.Domain{
				{TenantID: "4", Domain: "spelled.example.com"}, {TenantID: "4", Domain: "münchen.example.com"}, {TenantID: "4", Domain: "[2001:db8::1]"},
			},
		}})
		if len(report.Problems) > 0 {
			t.Fatal(report.Problems)
		}
		c.Websockets.Origins = []string{"https://app.example.net", "any.example.net:444", "*.apps.example.net:8443"}
		c.Websockets.OriginsAttribute = "origins"
	}
	worlds := map[int]*socketWorld{
		http.StatusSwitchingProtocols: newSocketWorld(t, map[string]websocket.Handler{"echo": stubHandler{}}, change),
		http.StatusTeapot: newSocketWorld(t, nil, func(c *Config) {
			c.GuestConfig.WSURLConfs, c.Websockets = nil, websocket.Config{}
			c.GuestConfig.Default.WSURLConf = ""
			change(c)
		}),
	}
	const own = "spelled.example.com"
	for _, c := range []struct {
		host, origin string
		passes       bool
	}{
		{own, "http://" + own, true},
		{own + ":80", "http://" + own, true},
		{own, "http://" + own + ":80", true},
		{own + ":443", "https://" + own, true},
		{own, "https://" + own + ":443", true},
		{own, "https://" + own, true}, // TLS may end at a proxy
		{own + ":8443", "https://" + own + ":8443", true},
		{"SPELLED.Example.COM", "http://" + own, true},
		{own, "HTTP://SPELLED.EXAMPLE.COM", true},
		{own + ".", "http://" + own, true},
		{own + ".:80", "http://" + own + ".", true},
		{own, "http://" + own + ".", true},
		{"xn--mnchen-3ya.example.com", "http://xn--mnchen-3ya.example.com", true},
		{"XN--MNCHEN-3YA.example.com", "http://münchen.example.com", true},
		{own, "http://xn--mnchen-3ya.example.com", true},
		{own, "http://MÜNCHEN.example.com:80", true},
		{"[2001:db8::1]", "http://[2001:db8::1]", true},
		{"[2001:db8::1]:80", "http://[2001:DB8:0:0:0:0:0:1]", true},
		{own, "http://[2001:db8::1]", true},
		{own, "https://app.example.net:443", true},
		{own, "https://any.example.net:444", true},
		{own, "http://one.apps.example.net:8443", true},
		{own, "https://partner.example.net", true},
		{own, "https://one.xn--bcher-kva.example", true},

		{own, "http://" + own + ":443", false},
		{own, "https://" + own + ":80", false},
		{own + ":80", "https://" + own, false},
		{own + ":443", "http://" + own, false},
		{own, "http://" + own + ":8080", false},
		{own + ":8080", "http://" + own, false},
		{own, "http://xn--mnchen-3ya.example.com:81", false},
		{own, "ftp://" + own, false},
		{own, "ws://" + own, false},
		{own, "file://" + own, false},
		{own, "chrome-extension://" + own, false},
		{own, "javascript://" + own, false},
		{own, "javascript:", false},
		{own, "javascript:alert(1)", false},
		{own, "about:blank", false},
		{own, "data:text/html,x", false},
		{own, "blob:http://" + own, false},
		{own, "null", false},
		{own, "NULL", false},
		{own, own, false},
		{own, "//" + own, false},
		{own, "://" + own, false},
		{own, "http:" + own, false},
		{own, "http:/" + own, false},
		{own, "http:///" + own, false},
		{own, "http://" + own + "/", false},
		{own, "http://" + own + "/chat", false},
		{own, "http://" + own + "?", false},
		{own, "http://" + own + "?a=b", false},
		{own, "http://" + own + "#", false},
		{own, "http://" + own + `\`, false},
		{own, "http://user@" + own, false},
		{own, "http://user:password@" + own, false},
		{own, "http://@" + own, false},
		{own, "http://evil.example.net@" + own, false},
		{own, "http://" + own + "@evil.example.net", false},
		{own, "http://" + own + ":", false},
		{own, "http://" + own + ":0", false},
		{own, "http://" + own + ":+80", false},
		{own, "http://" + own + ":80:80", false},
		{own, "http://" + own + ":65616", false}, // its low 16 bits are 80
		{own, "http://" + own + "..", false},
		{own, "http://." + own, false},
		{own, "http://" + own + " http://evil.example.net", false},
		{own, "http://" + own + ",http://" + own, false},
		{own, "http://%73pelled.example.com", false},
		{own, "http://spelled.example.com／", false},
		{own, "http://[2001:db8::1%25eth0]", false},
		{own, "http://2001:db8::1", false},
		{own, "ftp://app.example.net", false},
		{own, "https://app.example.net/", false},
		{own, "https://user@app.example.net", false},
		{own, "https://any.example.net", false},
		{own, "http://apps.example.net:8443", false},
		{own, "http://one.apps.example.net", false},
		{own, "ftp://one.apps.example.net:8443", false},
		{own, "ftp://xn--mnchen-3ya.example.com", false},
	} {
		for passed, w := range worlds {
			want := passed
			if !c.passes {
				want = http.StatusForbidden
			}
			if status, _ := w.status(c.host, "/echo/a/1/", "Origin", c.origin); status != want {
				t.Errorf("Host %q, Origin %q: status %d, expected %d", c.host, c.origin, status, want)
			}
		}
	}
}
