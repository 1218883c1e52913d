package edge

import (
	"context"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/tenantedge/tenantedge/edge/tenant"
	"github.com/tenantedge/tenantedge/guest/abi"
)

func TestAServerMayDecideHowFarAPeerIsTrusted(t *testing.T) {
	for _, c := range []struct {
		trust             Trust
		forwarded, schema string
	}{
		{Untrusted, "192.0.2.1", "t1"},
		{TrustForwarding, "203.0.113.9, 192.0.2.1", "t1"},
		{TrustAll, "203.0.113.9, 192.0.2.1", "t2"},
	} {
		h := newHost(t, func(config *Config) {
			config.GuestConfig.Routers = []abi.Router{abi.ByDomain, abi.ByHeader}
			config.GuestConfig.Conflicts = abi.LastWins
			config.PeerTrust = func(context.Context) Trust { return c.trust }
		})
		r := httptest.NewRequest(http.MethodGet, "/", nil)
		r.Host = "T1.example.com"
		r.Header.Set("tenant", "t2")
		r.Header.Set("X-Forwarded-For", "203.0.113.9")
		served := false
		h.Middleware(http.HandlerFunc(func(_ http.ResponseWriter, in *http.Request) {
			served = true
			found, _ := tenant.From(in.Context())
			out := in.Clone(in.Context())
			h.Forward(in, out, false)
			if got := out.Header.Get("X-Forwarded-For"); found.Schema != c.schema || got != c.forwarded {
				t.Errorf("trust %d: tenant %s, X-Forwarded-For %q; expected %s and %q", c.trust, found.Schema, got, c.schema, c.forwarded)
			}
			odd := strings.ToUpper("tenant") // a spelling that net/http does not use
			decided := http.Header{"Tenant": {"forged"}, odd: {"forged"}, "X-Folder": {"forged"}, "X-Forwarded-For": {"kept"}}
			host := h.SetDecision(in, decided)
			if host != "t1.example.com" || len(decided[odd]) > 0 || decided.Get("tenant") != c.schema || decided.Get("X-Folder") != "" || decided.Get("X-Forwarded-For") != "kept" {
				t.Errorf("trust %d: SetDecision returns %s and sets %v", c.trust, host, decided)
			}
		})).ServeHTTP(httptest.NewRecorder(), r)
		if !served {
			t.Errorf("trust %d: the request was refused", c.trust)
		}
	}
}
