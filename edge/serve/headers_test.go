package serve

import (
	"context"
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/tenantedge/tenantedge/edge/proof"
	"github.com/tenantedge/tenantedge/guest/abi"
)

// forged are headers that claim another tenant or origin, in the spellings that
// application servers treat as equal.
var forged = []string{
	"Tenant", "umbra", "tenant", "umbra", "TENANT", "umbra",
	"X-Forwarded-For", "6.6.6.6", "X-Forwarded-For", "7.7.7.7", "X-Forwarded-Host", "umbra.example.com",
	"X-Forwarded-Proto", "https", "X-Forwarded-Port", "443", "X-Forwarded-Prefix", "/admin", "X-Forwarded-Server", "x",
	"X_Forwarded_For", "6.6.6.6", "X-Forwarded_Host", "umbra.example.com", "x_forwarded_proto", "https",
	"Forwarded", "for=6.6.6.6;host=umbra.example.com", "X-Real-IP", "6.6.6.6", "X_Real_Ip", "6.6.6.6",
	"X-Original-URL", "/admin", "X-Rewrite-URL", "/admin", "X-Original-Host", "umbra.example.com", "X-Host", "umbra.example.com",
	proof.Header, "v1;k;0;00", "Tenantedge_Proof", "x",
}

func TestH1ForgedHeadersNeverReachTheApplication(t *testing.T) {
	w := start(t)
	got := w.get("acme.example.com", "/", forged...).received(t)
	for name, values := range got.Header {
		text := strings.Join(values, ",")
		for _, lie := range []string{"umbra", "6.6.6.6", "7.7.7.7", "/admin", "443", "v1;k"} {
			if strings.Contains(text, lie) {
				t.Errorf("the application got %s: %s", name, text)
			}
		}
		if strings.Contains(name, "_") {
			t.Errorf("the application got %s, which it may treat as another header", name)
		}
	}
	for name, want := range map[string]string{
		"Tenant": "acme", "X-Forwarded-For": "127.0.0.1", "X-Forwarded-Host": "acme.example.com", "X-Forwarded-Proto": "http",
	} {
		if values := got.Header[name]; len(values) != 1 || values[0] != want {
			t.Errorf("%s is %q, expected %q from the edge", name, values, want)
		}
	}
	if got.Host != "acme.example.com" {
		t.Errorf("the application got Host %q, expected the client's", got.Host)
	}
}

func TestH1ATrustedPeersChainIsKeptAndExtended(t *testing.T) {
	w := start(t, func(s *setup) { s.edge.TrustedPeers = loopbackPeers() })
	got := w.get("acme.example.com", "/",
		"X-Forwarded-For", "192.0.2.1", "X-Forwarded-Proto", "https", "X-Forwarded-Host", "acme.example.com",
		"X_Forwarded_For", "6.6.6.6", "Tenant", "umbra").received(t)
	for name, want := range map[string]string{
		"X-Forwarded-For": "192.0.2.1, 127.0.0.1", "X-Forwarded-Host": "acme.example.com", "X-Forwarded-Proto": "https",
		"Tenant": "acme",
	} {
		if values := got.Header[name]; len(values) != 1 || values[0] != want {
			t.Errorf("%s is %q, expected %q", name, values, want)
		}
	}
	if values := got.Header["X_forwarded_for"]; values != nil {
		t.Errorf("X_Forwarded_For arrived as %q, expected it to be removed: proxies pass that spelling on unchecked", values)
	}
}

func byHeader(s *setup) { s.edge.GuestConfig.Routers = []abi.Router{abi.ByHeader} }

func TestH2AHeaderRoutesOnlyWithTrustOrProof(t *testing.T) {
	key := proof.Key{ID: "k1", Secret: []byte(strings.Repeat("s", 32))}
	const host, target = "api.example.com", "/x?y=1"
	sign := func(tenant string, at time.Time) string {
		return proof.Sign(key, http.MethodGet, host, target, tenant, at)
	}
	now := time.Now()
	open := start(t, byHeader, func(s *setup) { s.edge.ProofKeys = []proof.Key{key} })
	trusting := start(t, byHeader, func(s *setup) { s.edge.TrustedPeers = loopbackPeers() })
	for _, c := range []struct {
		name    string
		world   *world
		headers []string
		want    string // tenant; empty: 404
	}{
		{"from any client", open, []string{"Tenant", "acme"}, ""},
		{"from a trusted peer", trusting, []string{"Tenant", "acme"}, "acme"},
		{"unknown, from a trusted peer", trusting, []string{"Tenant", "unknown"}, ""},
		{"with a proof", open, []string{"Tenant", "acme", proof.Header, sign("acme", now)}, "acme"},
		{"with a proof of another tenant", open, []string{"Tenant", "acme", proof.Header, sign("umbra", now)}, ""},
		{"with an old proof", open, []string{"Tenant", "acme", proof.Header, sign("acme", now.Add(-2*time.Minute))}, ""},
		{"twice, with a proof of one", open, []string{"Tenant", "acme", "Tenant", "umbra", proof.Header, sign("acme", now)}, ""},
		{"with two proofs", open, []string{"Tenant", "acme", proof.Header, sign("acme", now), proof.Header, sign("umbra", now)}, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			a := c.world.get(host, target, c.headers...)
			if c.want == "" {
				if a.StatusCode != http.StatusNotFound {
					t.Fatalf("status %d, expected 404", a.StatusCode)
				}
				return
			}
			if got := a.received(t).Header["Tenant"]; len(got) != 1 || got[0] != c.want {
				t.Errorf("routed to %q, expected %s", got, c.want)
			}
		})
	}
}

// sessions returns the same session for every request.
type sessions map[string]json.RawMessage

func (s sessions) Session(context.Context, http.Header) (map[string]json.RawMessage, error) {
	return s, nil
}

func (sessions) RemoveSession(http.Header) {}

func TestH3DomainHeaderAndSessionMustAgree(t *testing.T) {
	all := []abi.Router{abi.ByDomain, abi.ByHeader, abi.BySession}
	configure := func(session string, conflicts abi.Conflicts) func(*setup) {
		return func(s *setup) {
			s.edge.GuestConfig.Routers, s.edge.GuestConfig.Conflicts, s.edge.TrustedPeers = all, conflicts, loopbackPeers()
			s.edge.Sessions = sessions{"tenant": json.RawMessage(`"` + session + `"`)}
		}
	}
	agreeing := start(t, configure("acme", abi.RefuseConflicts))
	session := start(t, configure("umbra", abi.RefuseConflicts))
	lastWins := start(t, configure("umbra", abi.LastWins))
	for _, c := range []struct {
		name   string
		world  *world
		header string
		status int
		tenant string
	}{
		{"all agree", agreeing, "acme", 200, "acme"},
		{"the header disagrees", agreeing, "umbra", 421, ""},
		{"the session disagrees", session, "acme", 421, ""},
		{"last-wins takes the session", lastWins, "acme", 200, "umbra"},
	} {
		t.Run(c.name, func(t *testing.T) {
			a := c.world.get("acme.example.com", "/", "Tenant", c.header)
			if a.StatusCode != c.status {
				t.Fatalf("status %d, expected %d", a.StatusCode, c.status)
			}
			if c.tenant != "" {
				if got := a.received(t).Header.Get("Tenant"); got != c.tenant {
					t.Errorf("the application got the tenant %q, expected %s", got, c.tenant)
				}
			}
		})
	}
}

func TestNoTenantMeansNoTenantHeader(t *testing.T) {
	w := start(t, func(s *setup) {
		s.edge.GuestConfig.Compat, s.edge.GuestConfig.Routers, s.edge.TrustedPeers = abi.Strict, []abi.Router{abi.ByHeader}, loopbackPeers()
		s.options.Fallback = "app"
	})
	got := w.get("anything.example.com", "/", "Tenant", "unknown").received(t)
	if values := got.Header["Tenant"]; values != nil {
		t.Errorf("the fallback got the tenant %q", values)
	}
}
