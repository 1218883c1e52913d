package serve

import (
	"context"
	"net/http"
	"strconv"
	"time"

	"github.com/tenantedge/tenantedge/edge/config"
	"github.com/tenantedge/tenantedge/edge/internal/accounting"
	"github.com/tenantedge/tenantedge/edge/stats"
	"github.com/tenantedge/tenantedge/edge/tenant"
)

// openAccounts opens what counts the use of tenants, unless nobody could read it. It
// outlives configurations: what the first one says of it applies until the process ends.
func (s *Server) openAccounts(o *settings) (err error) {
	u := &o.Usage
	if !u.Enabled || o.Admin == "" && u.Folder == "" {
		return nil
	}
	s.accounts, err = accounting.Open(accounting.Options{
		Window: u.Window, Folder: u.Folder, MaxBytes: u.MaxBytes, MaxFiles: u.MaxFiles, Memory: u.Memory,
		Tracked: u.MetricsTenants, Exists: s.hasTenant, Logger: s.log,
	})
	if err != nil {
		return errorf("usage: %w", err)
	}
	if u.MetricsTenants > 0 {
		s.metrics.MustRegister(usageCollector{s.accounts})
	}
	return nil
}

// hasTenant reports whether a tenant still exists.
func (s *Server) hasTenant(k accounting.Key) bool {
	return s.now().host.HasTenant(&tenant.Tenant{Schema: k.Schema, ID: k.ID, Dynamic: k.ID != ""})
}

// count counts a request that was served.
func (s *generation) count(o *observed) {
	s.accounts.Account(o.note.tenant).Served(&accounting.Request{
		Status: o.write.status(), Aborted: !o.write.complete || o.write.failed, Cost: &o.note.cost,
		BytesIn: uint64(o.body.bytes.Load()), BytesOut: uint64(o.write.bytes), UpstreamTime: time.Duration(o.note.upstream.Load()),
	})
}

// costOf returns where to add what a call of the guest costs: to the request, or to the
// tenant of a websocket whose event it is; nil: nowhere. It is edge.Config.Cost.
func (s *generation) costOf(ctx context.Context) *stats.Cost {
	if n, ok := ctx.Value(noteKey{}).(*note); ok {
		return &n.cost
	}
	if s.accounts == nil {
		return nil
	}
	if t, ok := tenant.From(ctx); ok {
		return s.accounts.Account(keyOf(t)).Cost()
	}
	return nil
}

// meterOf returns what counts the use of a tenant's websockets. It is
// websocket.Config.Meter and upstream.Config.Meter.
func (s *generation) meterOf(t *tenant.Tenant) stats.Meter { return s.accounts.Hold(keyOf(t)) }

// keyOf returns the key of a tenant, which may be nil.
func keyOf(t *tenant.Tenant) accounting.Key {
	if t == nil {
		return accounting.Key{}
	}
	return accounting.Key{Schema: t.Schema, ID: t.ID}
}

// serveUsage answers with what tenants used.
func (s *Server) serveUsage(w http.ResponseWriter, r *http.Request) {
	values := r.URL.Query()
	q := accounting.Query{By: values.Get("window"), Tenants: values["tenant"], Sort: values.Get("sort")}
	for _, bound := range []struct {
		name string
		to   *time.Time
	}{{"since", &q.Since}, {"until", &q.Until}} {
		text := values.Get(bound.name)
		at, err := accounting.ParseTime(text, time.Now())
		if err != nil {
			writeJSON(w, http.StatusBadRequest, apiError{bound.name + ": " + err.Error()})
			return
		}
		*bound.to = at
	}
	if text := values.Get("limit"); text != "" {
		n, err := strconv.Atoi(text)
		if err != nil {
			n = -1
		}
		q.Limit = n
	}
	if err := q.Check(); err != nil {
		writeJSON(w, http.StatusBadRequest, apiError{err.Error()})
		return
	}
	report := s.accounts.Report(&q)
	if values.Get("format") != "csv" {
		writeReport(w, http.StatusOK, report)
		return
	}
	w.Header().Set("Content-Type", "text/csv; charset=utf-8")
	w.Header().Set("Cache-Control", "no-store")
	_ = report.WriteCSV(w, nil) // the client may have disconnected
}

// Status is the answer of /status: what the server does at this moment, and the figures
// of its guests.
type Status struct {
	At         time.Time  `json:"at"`
	InProgress int64      `json:"in_progress"` // requests
	Websockets Websockets `json:"websockets"`
	Host       stats.Host `json:"host"`
}

// Websockets are the numbers of open websockets.
type Websockets struct {
	Handled int `json:"handled"` // by the edge
	Relayed int `json:"relayed"` // to an application
	Passing int `json:"passing"` // through the upstream of a urlconf
}

// Status returns what the server does at this moment.
func (s *Server) Status() Status {
	st := Status{At: time.Now(), InProgress: s.generations.requests(), Host: s.Host().Stats()}
	st.Websockets.Handled, st.Websockets.Relayed, st.Websockets.Passing = s.websockets()
	return st
}

// maxReports bounds the reports that are in memory at once: one of many tenants and
// windows has hundreds of megabytes.
const maxReports = 2

// usageRoutes adds the routes of the admin listener about what the server does and what
// tenants use. With admin tokens, they need one.
func (s *Server) usageRoutes(g *generation, mux *http.ServeMux) {
	add := func(path string, handler http.HandlerFunc) {
		if len(g.options.AdminTokens) > 0 {
			handler = s.authorized(g, config.RoleRead, handler)
		}
		mux.HandleFunc("GET "+path, handler)
	}
	reports := make(chan struct{}, maxReports)
	add("/status", func(w http.ResponseWriter, _ *http.Request) { writeReport(w, http.StatusOK, s.Status()) })
	if s.accounts != nil {
		add("/usage", func(w http.ResponseWriter, r *http.Request) {
			select {
			case reports <- struct{}{}:
				defer func() { <-reports }()
				s.serveUsage(w, r)
			case <-r.Context().Done(): // the client has disconnected
			}
		})
	}
}
