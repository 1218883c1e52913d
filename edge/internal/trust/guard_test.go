package trust

import (
	"net/http"
	"strings"
	"testing"
)

func newTestGuard(c Config) *guard {
	c.TenantHeader, c.Upstream = "X-Tenant", []string{"tenant", "X-Cache-Prefix"}
	return newGuard(&c)
}

func TestHeadersThatClientsMustNotSend(t *testing.T) {
	g := newTestGuard(Config{})
	sent := http.Header{
		"Tenant": {"a"}, "X-Tenant": {"b"}, "X_tenant": {"c"}, "X-Cache_prefix": {"d"}, "Tenantedge-Proof": {"e"},
		"X-Forwarded-For": {"f", "g"}, "X_forwarded_proto": {"h"}, "X-Forwarded-Anything": {"i"}, "Forwarded": {"j"}, "X-Real_ip": {"k"},
		"Accept": {"l"}, "X-Forwarded": {"m"}, "Cookie": {"n"}, "X-Request-Id": {"o"},
	}
	clean := g.clean(sent, false)
	if len(clean) != 3 || clean.Get("Accept") == "" || clean.Get("X-Request-Id") == "" || clean.Get("Cookie") == "" {
		t.Errorf("clean kept %v", clean)
	}
	if len(sent) != 14 {
		t.Errorf("the original header changed: %v", sent)
	}
	innocent := http.Header{"Accept": {"a"}, "Cookie": {"b"}, "User-Agent": {"c"}, "X-Requested-With": {"d"}, "Content-Type": {"e"}}
	if n := testing.AllocsPerRun(100, func() { g.clean(innocent, false) }); n != 0 {
		t.Errorf("clean allocates %v times for harmless fields, want 0", n)
	}
}

// Some server reads each of the characters that a name may have besides letters
// and digits (RFC 9110, 5.6.2) as a hyphen.
func TestEveryGuardedHeaderIsRemovedInAnySpelling_A3(t *testing.T) {
	g := newTestGuard(Config{Guard: []string{"X-Our-Proxy"}})
	names := append([]string{"X-Tenant", "tenant", "X-Cache-Prefix", "X-Our-Proxy", "Tenantedge-Proof"}, forwarding...)
	names = append(names, always...)
	for _, p := range forwardingPrefixes {
		names = append(names, p+"for", p+"x-y")
	}
	for _, name := range names {
		for _, with := range "-_!#$%&'*+.^`|~" {
			spelled := strings.ReplaceAll(name, "-", string(with))
			for _, s := range []string{spelled, strings.ToUpper(spelled), http.CanonicalHeaderKey(spelled)} {
				if len(g.clean(http.Header{s: {"x"}}, false)) != 0 {
					t.Errorf("%s passes from a client", s)
				}
			}
			if with != '-' && strings.Contains(name, "-") && len(g.clean(http.Header{spelled: {"x"}}, true)) != 0 {
				t.Errorf("%s passes from a trusted peer, expected only the exact spelling to pass", spelled)
			}
		}
	}
	for _, name := range []string{"x", "X-Forwarded-", "X-Request-Id", "From", "Accept", "X-Http-Method-Override", "Scripts", "Tenants", "Proxy-Id", "X--", "-"} {
		if len(g.clean(http.Header{name: {"x"}}, false)) != 1 {
			t.Errorf("%q is removed", name)
		}
	}
}

func TestHeadersThatFrameABodyPassInOneSpelling_A3(t *testing.T) {
	g := newTestGuard(Config{})
	for _, name := range framing {
		for _, trusted := range []bool{false, true} {
			if len(g.clean(http.Header{http.CanonicalHeaderKey(name): {"x"}}, trusted)) != 1 {
				t.Errorf("%s is removed", name)
			}
			for _, with := range "_!#$%&'*+.^`|~" {
				if spelled := strings.ReplaceAll(name, "-", string(with)); len(g.clean(http.Header{spelled: {"x"}}, trusted)) != 0 {
					t.Errorf("%s passes", spelled)
				}
			}
		}
	}
}

func TestTrustedPeersMaySetAllButHeadersThatControlServers_A3(t *testing.T) {
	g := newTestGuard(Config{})
	for name, passes := range map[string]bool{"X-Forwarded-For": true, "X-Real-Ip": true, "X-Auth-Request-User": true, "X_Auth_Request_User": false, "Client-Cert": true, "Client_Cert": false, "Front-End-Https": true, "Script-Name": false, "SCRIPT_NAME": false, "Proxy": false, "Path_Info": false, "Daphne-Root-Path": false} {
		if got := len(g.clean(http.Header{name: {"x"}}, true)) == 1; got != passes {
			t.Errorf("%s passes from a trusted peer: %v, expected %v", name, got, passes)
		}
	}
}

func TestAllowedHeadersPassInEverySpelling_A3(t *testing.T) {
	g := newTestGuard(Config{Allow: []string{"x_scheme", "Script-Name", "tenant", "X-Forwarded-Port", "x-consumer-id"}})
	for name, passes := range map[string]bool{"X-Scheme": true, "X!Scheme": true, "Script-Name": true, "X-Url-Scheme": false, "Tenant": false, "X-Forwarded-Port": true, "X-Forwarded-For": false, "X_Consumer_Id": true, "X-Consumer-Username": false} {
		if got := len(g.clean(http.Header{name: {"x"}}, false)) == 1; got != passes {
			t.Errorf("%s passes: %v, expected %v", name, got, passes)
		}
	}
}

func TestAGuestSetsNoHeaderOfTheEdge_A3(t *testing.T) {
	g := newTestGuard(Config{})
	for _, name := range []string{
		"tenant", "Tenant", "X-Tenant", "x_tenant", "Host", "host", "Cookie", "Content-Length", "Transfer_Encoding", "Connection", "Upgrade", "TE", "Keep-Alive",
		"X-Forwarded-For", "X!Forwarded!Host", "Forwarded", "X-Real-Ip", "Script_Name", "Proxy", "Expect", "Sec-WebSocket-Key", "HTTP2-Settings", "X-Accel-Mapping",
	} {
		if g.setByGuest(name) {
			t.Errorf("a guest may set %s", name)
		}
	}
	for _, name := range []string{"X-Plan", "X-Tenant-Plan", "Authorization", "Accept-Language"} {
		if !g.setByGuest(name) {
			t.Errorf("a guest may not set %s", name)
		}
	}
}
