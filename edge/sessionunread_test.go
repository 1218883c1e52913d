package edge

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"slices"
	"testing"

	"github.com/tenantedge/tenantedge/edge/stats"
	"github.com/tenantedge/tenantedge/edge/tenant"
	"github.com/tenantedge/tenantedge/guest/abi"
	"github.com/tenantedge/tenantedge/tenantdb"
)

// sessionsOf is a SessionReader: the value of the cookie is the session's tenant, and
// a session with the value "unread" cannot be read.
type sessionsOf struct{}

var errUnread = errors.New("the database is unavailable")

func (sessionsOf) Session(_ context.Context, header http.Header) (map[string]json.RawMessage, error) {
	c, err := (&http.Request{Header: header}).Cookie("sessionid")
	switch {
	case err != nil:
		return nil, nil
	case c.Value == "unread":
		return nil, errUnread
	}
	return map[string]json.RawMessage{"tenant": json.RawMessage(`"` + c.Value + `"`)}, nil
}

func (sessionsOf) RemoveSession(h http.Header) { h.Del("Cookie") }

var (
	ds  = []abi.Router{abi.ByDomain, abi.BySession}
	sd  = []abi.Router{abi.BySession, abi.ByDomain}
	dsh = []abi.Router{abi.ByDomain, abi.BySession, abi.ByHeader}
)

func TestASessionThatCannotBeReadMattersOnlyWhereItCouldLeadToAnotherTenant_G3(t *testing.T) {
	const acme, refused = "acme ", "503"
	for _, c := range []struct {
		name                 string
		ignore               bool
		compat               abi.Compat
		conflicts            abi.Conflicts
		routers              []abi.Router
		host, cookie, header string
		want                 string // the tenant and the cookie that the application sees, or the status
	}{
		{"a session can only conflict with the domain", false, "", "", ds, "acme.test", "unread", "", acme},
		{"in any order", false, "", "", sd, "acme.test", "unread", "", acme},
		{"the domain router is last and wins", false, "", abi.LastWins, sd, "acme.test", "unread", "", acme},
		{"the header router is last and wins", false, "", abi.LastWins, dsh, "acme.test", "unread", "beta", "beta "},
		{"also under strict rules, in reverse order", false, abi.Strict, "", sd, "acme.test", "unread", "", acme},
		{"strict rules redirect at once", false, abi.Strict, "", ds, "old.test", "unread", "", "301"},
		{"the session router is last and would win", false, "", abi.LastWins, ds, "acme.test", "unread", "", refused},
		{"also against a redirect", false, "", abi.LastWins, ds, "old.test", "unread", "", refused},
		{"also if the header router after it finds no tenant", false, "", abi.LastWins, dsh, "acme.test", "unread", "", refused},
		{"also under strict rules", false, abi.Strict, "", ds, "acme.test", "unread", "", refused},
		{"only the session can name the tenant", false, "", "", []abi.Router{abi.BySession}, "acme.test", "unread", "", refused},
		{"the domain router finds no tenant", false, "", "", ds, "other.test", "unread", "", refused},
		{"a request that the domain router refuses stays refused", false, "", "", ds, "acme..test", "unread", "", "400"},
		{"routers conflict regardless of the session", false, "", "", dsh, "acme.test", "unread", "beta", "421"},
		{"under ignore, the domain decides", true, "", abi.LastWins, ds, "acme.test", "unread", "", acme},
		{"ignore under strict rules", true, abi.Strict, "", ds, "acme.test", "unread", "", acme},
		{"ignore where only the session can name the tenant", true, "", "", []abi.Router{abi.BySession}, "acme.test", "unread", "", refused},
		{"ignore where the domain router finds no tenant", true, "", "", ds, "other.test", "unread", "", refused},
		{"ignore where strict rules continue without a tenant", true, abi.Strict, "", []abi.Router{abi.BySession}, "acme.test", "unread", "", refused},
		{"no session", false, "", abi.LastWins, ds, "acme.test", "", "", acme},
		{"no router reads sessions", false, "", "", []abi.Router{abi.ByDomain}, "acme.test", "unread", "", "acme sessionid=unread"},
		{"a session that is read and agrees", false, "", "", ds, "acme.test", "acme", "", "acme sessionid=acme"},
		{"a session that is read and disagrees", true, "", "", ds, "acme.test", "beta", "", "421"},
	} {
		t.Run(c.name, func(t *testing.T) {
			h := newHost(t, func(config *Config) {
				config.IgnoreUnreadableSessions = c.ignore
				config.GuestConfig.Compat, config.GuestConfig.Conflicts, config.GuestConfig.Routers = c.compat, c.conflicts, c.routers
				config.Sessions = sessionsOf{}
				config.TrustedPeers = []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}
				config.GuestConfig.Default = &abi.DefaultTenant{URLConf: "app.urls"}
				config.Directory = tenantdb.NewDirectory(tenantdb.Options{})
				config.Directory.Replace(tenantdb.State{
					Tenants: []tenantdb.Tenant{{ID: "1", Schema: "acme"}, {ID: "2", Schema: "beta"}},
					Domains: []tenantdb.Domain{
						{TenantID: "1", Domain: "acme.test", IsPrimary: true}, {TenantID: "1", Domain: "old.test", RedirectToPrimary: true},
					},
				})
			})
			front := httptest.NewServer(h.Middleware(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				found, _ := tenant.From(r.Context())
				_, _ = io.WriteString(w, found.Schema+" "+r.Header.Get("Cookie")) // fails only if the client has disconnected
			})))
			defer front.Close()
			r, err := http.NewRequest("GET", front.URL+"/", nil)
			if err != nil {
				t.Fatal(err)
			}
			if r.Host = c.host; c.cookie != "" {
				r.AddCookie(&http.Cookie{Name: "sessionid", Value: c.cookie})
			}
			if c.header != "" {
				r.Header.Set("tenant", c.header)
			}
			w, err := http.DefaultTransport.RoundTrip(r)
			if err != nil {
				t.Fatal(err)
			}
			defer w.Body.Close()
			got := fmt.Sprint(w.StatusCode)
			if w.StatusCode == 200 {
				body, _ := io.ReadAll(w.Body) // checked below
				got = string(body)
			}
			counts := h.Stats()
			counted := counts.SessionsIgnored + counts.Requests[stats.ResultSession]
			if got != c.want || (counts.Requests[stats.ResultSession] == 1) != (c.want == refused) {
				t.Errorf("got %q, want %q; counted %d ignored and %d refused", got, c.want, counts.SessionsIgnored, counts.Requests[stats.ResultSession])
			}
			if unread := c.cookie == "unread" && slices.Contains(c.routers, abi.BySession); (counted == 1) != unread {
				t.Errorf("%d requests are counted as having an unreadable session", counted)
			}
		})
	}
}

func TestWhereTheLastRouterPrevailsADecisionHoldsIfItsRouterComesAfterTheSession_G3(t *testing.T) {
	for _, c := range []struct {
		routers []abi.Router
		found   abi.Router
		holds   bool
	}{
		{ds, abi.ByDomain, false},
		{sd, abi.ByDomain, true},
		{dsh, abi.ByDomain, false},
		{dsh, abi.ByHeader, true},
		{dsh, abi.BySession, false},
		{sd, abi.BySession, false},
		{ds, abi.ByHeader, false}, // not one of the routers
		{sd, "", false},
	} {
		if got := lastHoldsUnread(c.routers, c.found); got != c.holds {
			t.Errorf("%v, found by %q: %v, want %v", c.routers, c.found, got, c.holds)
		}
	}
}

func TestUnderStrictRulesARedirectHoldsWhateverTheSessionSays_G3(t *testing.T) {
	for _, c := range []struct {
		routers []abi.Router
		outcome abi.Outcome
		holds   bool
	}{
		{ds, abi.Redirect, true},
		{sd, abi.Redirect, true},
		{ds, abi.Tenant, false},
		{sd, abi.Tenant, true},
	} {
		d := &Decision{Outcome: c.outcome, Tenant: tenant.Tenant{Routing: tenant.Routing{Router: abi.ByDomain}}}
		if got := strictHoldsUnread(c.routers, d); got != c.holds {
			t.Errorf("%v, outcome %v: %v, want %v", c.routers, c.outcome, got, c.holds)
		}
	}
}

func TestWhatHoldsWithoutTheSessionDependsOnOutcomeAndPolicy_G3(t *testing.T) {
	outcomes := []abi.Outcome{abi.Tenant, abi.Redirect, abi.Missing, abi.None, abi.BadRequest, abi.Conflict}
	for _, c := range []struct {
		name   string
		config Config
		holds  []bool // for each outcome
	}{
		{"routers must agree", Config{GuestConfig: abi.Config{Conflicts: abi.RefuseConflicts}}, []bool{true, true, false, false, true, true}},
		{"the last router prevails", Config{GuestConfig: abi.Config{Conflicts: abi.LastWins}}, []bool{false, false, false, false, true, true}},
		{"strict rules", Config{GuestConfig: abi.Config{Compat: abi.Strict}}, []bool{false, true, false, false, true, true}},
		{"strict rules with a policy for conflicts", Config{GuestConfig: abi.Config{Compat: abi.Strict, Conflicts: abi.RefuseConflicts}}, []bool{false, true, false, false, true, true}},
		{"sessions are ignored", Config{GuestConfig: abi.Config{Conflicts: abi.LastWins}, IgnoreUnreadableSessions: true}, []bool{true, true, false, false, true, true}},
	} {
		c.config.GuestConfig.Routers = ds
		h := &Host{config: c.config}
		for i, outcome := range outcomes {
			d := &Decision{Outcome: outcome, Tenant: tenant.Tenant{Routing: tenant.Routing{Router: abi.ByDomain}}}
			if got := h.holdsUnread(d); got != c.holds[i] {
				t.Errorf("%s, outcome %v: %v, want %v", c.name, outcome, got, c.holds[i])
			}
		}
	}
}

func TestASessionsStoreThatTakesTooLongIsNoClientThatIsGone_G3(t *testing.T) {
	e := AsRouteError(unreadSession(context.DeadlineExceeded))
	if got := resultOf(e); got != stats.ResultSession || !errors.Is(e, ErrSession) || e.RequestID == "" {
		t.Errorf("result %s, %v", got, e)
	}
}

// readOnly is sessionsOf without RemoveSession.
type readOnly struct{ SessionReader }

func TestASessionThatCannotBeRemovedIsNotPassedOnUnread_G3(t *testing.T) {
	h := newHost(t, func(config *Config) {
		config.GuestConfig.Routers, config.Sessions, config.IgnoreUnreadableSessions = ds, readOnly{sessionsOf{}}, true
	})
	r := httptest.NewRequest("GET", "http://www.example.com/", nil)
	r.AddCookie(&http.Cookie{Name: "sessionid", Value: "unread"})
	if _, err := h.RequestOf(t.Context(), r); !errors.Is(err, ErrSession) || !errors.Is(err, errUnread) {
		t.Errorf("got %v", err)
	}
}
