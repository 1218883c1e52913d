package edge

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"testing"

	"github.com/tenantedge/tenantedge/tenantdb"
)

// sessionsOf is a SessionReader: the cookie's value is the session's tenant,
// and the value "unread" cannot be read.
type sessionsOf struct{}

var errUnread = errors.New("the database is away")

func (sessionsOf) Session(_ context.Context, r *http.Request) (map[string]json.RawMessage, error) {
	c, err := r.Cookie("sessionid")
	switch {
	case err != nil:
		return nil, nil
	case c.Value == "unread":
		return nil, errUnread
	}
	return map[string]json.RawMessage{"tenant": json.RawMessage(`"` + c.Value + `"`)}, nil
}

func TestASessionThatCannotBeReadRefusesUnlessTheConfigurationIgnoresIt_G3(t *testing.T) {
	for _, c := range []struct {
		name, unavailable, compat, conflicts string
		routers                              []string
		host, cookie                         string
		status                               int
		ignored                              uint64
	}{
		{"the default refuses", "", "", "", []string{"domain", "session"}, "acme.test", "unread", 503, 0},
		{"refuse refuses also the last that wins", Refuse, "", LastWins, []string{"session", "domain"}, "acme.test", "unread", 503, 0},
		{"without a session nothing is refused", "", "", "", []string{"domain", "session"}, "acme.test", "", 200, 0},
		{"where no router reads sessions neither", "", "", "", []string{"domain"}, "acme.test", "unread", 200, 0},
		{"ignore lets the domain decide", Ignore, "", "", []string{"domain", "session"}, "acme.test", "unread", 200, 1},
		{"in any order", Ignore, "", LastWins, []string{"session", "domain"}, "acme.test", "unread", 200, 1},
		{"under strict rules too", Ignore, Strict, LastWins, []string{"domain", "session"}, "acme.test", "unread", 200, 1},
		{"what the domain refuses stays refused", Ignore, "", "", []string{"domain", "session"}, "acme..test", "unread", 400, 1},
		{"a session that can be read counts", Ignore, "", "", []string{"domain", "session"}, "acme.test", "beta", 421, 0},
		{"where only the session could tell, ignore refuses", Ignore, "", "", []string{"session"}, "acme.test", "unread", 503, 0},
		{"where the domain finds none, ignore refuses", Ignore, "", "", []string{"domain", "session"}, "other.test", "unread", 503, 0},
		{"where strict rules go on without a tenant, ignore refuses", Ignore, Strict, LastWins, []string{"session"}, "acme.test", "unread", 503, 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			h := newHost(t, func(config *Config) {
				config.SessionsUnavailable, config.Compat, config.Conflicts, config.Routers = c.unavailable, c.compat, c.conflicts, c.routers
				config.Sessions = sessionsOf{}
				config.Default = &DefaultTenant{URLConf: "app.urls"}
				config.Directory = tenantdb.NewDirectory(tenantdb.Options{})
				config.Directory.Replace(tenantdb.State{
					Tenants: []tenantdb.Tenant{{ID: "1", Schema: "acme"}, {ID: "2", Schema: "beta"}},
					Domains: []tenantdb.Domain{{TenantID: "1", Domain: "acme.test", IsPrimary: true}},
				})
			})
			f := serveFront(t, h, 1)
			r, err := http.NewRequest("GET", f.URL+"/", nil)
			if err != nil {
				t.Fatal(err)
			}
			r.Host = c.host
			if c.cookie != "" {
				r.AddCookie(&http.Cookie{Name: "sessionid", Value: c.cookie})
			}
			w, err := f.client.Do(r)
			if err != nil {
				t.Fatal(err)
			}
			defer w.Body.Close()
			stats := h.Stats()
			if w.StatusCode != c.status || stats.SessionsIgnored != c.ignored {
				t.Errorf("got %d and %d ignored, want %d and %d", w.StatusCode, stats.SessionsIgnored, c.status, c.ignored)
			}
			if refused := stats.Requests[ResultSession]; (refused == 1) != (c.status == 503) {
				t.Errorf("%d requests are counted as refused for their session", refused)
			}
		})
	}
}

func TestASessionsStoreThatTakesTooLongIsNoClientThatIsGone_G3(t *testing.T) {
	e := failure(unreadSession(context.DeadlineExceeded))
	if got := resultOf(e); got != ResultSession || !errors.Is(e, ErrSession) || e.RequestID == "" {
		t.Errorf("result %s, %v", got, e)
	}
}

func TestAPolicyForSessionsThatIsNoneIsRefused_G3(t *testing.T) {
	if _, err := New(t.Context(), Config{SessionsUnavailable: "skip"}); err == nil {
		t.Error("New takes it")
	}
}
