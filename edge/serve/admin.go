package serve

import (
	"encoding/json"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"slices"
	"strings"
	"time"

	"github.com/tenantedge/tenantedge/edge/config"
	"github.com/tenantedge/tenantedge/edge/internal/errorpage"
	"github.com/tenantedge/tenantedge/edge/internal/pace"
	"github.com/tenantedge/tenantedge/edge/internal/requestid"
	"github.com/tenantedge/tenantedge/tenantdb"
)

// checkAdmin rejects an admin address that other machines could reach, unless the
// listener has TLS and tokens: the admin endpoints are for operators only.
func checkAdmin(o *settings) error {
	if o.Admin == "" {
		return nil
	}
	if _, ok := config.SocketName(o.Admin); ok {
		return nil // checkAdminAddress checks the address of the socket
	}
	if _, _, err := net.SplitHostPort(o.Admin); err != nil {
		return errorf("admin: expected an address such as \"127.0.0.1:8081\", found %q: %w", o.Admin, err)
	}
	return o.checkAdminAddress(o.Admin)
}

func (o *settings) checkAdminAddress(address string) error {
	if exposed(address) && (len(o.AdminTLS) == 0 || len(o.AdminTokens) == 0) {
		return errorf("admin: expected a loopback address, or both admin_tls and admin_tokens, found %q, which other machines can reach; use an address such as \"127.0.0.1:8081\", or add both keys", address)
	}
	return nil
}

// newAdmin returns the handler of the admin listener while g is current.
func (s *Server) newAdmin(g *generation) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/plain; charset=utf-8")
		_, _ = w.Write([]byte("ok\n")) // the client may have disconnected
	})
	mux.HandleFunc("GET /readyz", s.serveReady)
	mux.HandleFunc("GET /tenants/{schema}", s.serveTenant)
	mux.Handle("GET /metrics", s.metricsHandler())
	s.guestRoutes(g, mux)
	s.usageRoutes(g, mux)
	if s.ring != nil {
		mux.HandleFunc("GET /{$}", s.serveConsole)
		mux.HandleFunc("/console/", s.serveConsole)
	}
	s.pprofRoutes(g, mux)
	limits := &pace.Limits{Body: g.options.Limits.BodyTimeout, Answer: g.options.Limits.AnswerTimeout, Rate: g.options.Limits.MinRate}
	return pace.Handler(limits, named(g.requireLocalHost(s.requireToken(g, mux))))
}

// adminWishes returns the port of the admin listener, if g has one.
func (s *Server) adminWishes(g *generation) ([]wish, error) {
	o := &g.options
	if o.Admin == "" {
		return nil, nil
	}
	certificates, err := loadCertificates(o.AdminTLS, "admin_tls")
	return []wish{{
		kind: forAdmin, address: o.Admin, certificates: certificates,
		settings: []any{o.Limits.BodyTimeout, o.Limits.AnswerTimeout},
		serve: func(o settings) *http.Server {
			s.openConsole() // its charts begin now
			return &http.Server{
				Handler:           http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { s.now().admin.ServeHTTP(w, r) }),
				ReadHeaderTimeout: 5 * time.Second,
				ReadTimeout:       o.Limits.BodyTimeout,
				WriteTimeout:      o.Limits.AnswerTimeout,
				IdleTimeout:       time.Minute,
				MaxHeaderBytes:    32 << 10, // a signature may have 16
				ErrorLog:          slog.NewLogLogger(quietHandler{s.log.Handler()}, slog.LevelError),
				TLSConfig:         newTLS(certificates),
			}
		},
	}}, err
}

// named gives each request an id, which its answer has too.
func named(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		r = r.WithContext(requestid.With(r.Context(), requestid.New()))
		errorpage.SetID(w, r)
		next.ServeHTTP(w, r)
	})
}

// requireLocalHost rejects requests for hosts other than the listener's own. Any site
// can have its name resolve to a loopback address; to a browser the answers
// would then be of the site's own origin, which its pages may read.
func (s *generation) requireLocalHost(next http.Handler) http.Handler {
	names := slices.Clone(s.options.AdminHosts)
	if _, ok := config.SocketName(s.options.Admin); !ok {
		names = append(names, hostname(s.options.Admin))
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		own := ""
		if local, ok := r.Context().Value(http.LocalAddrContextKey).(net.Addr); ok {
			own = local.String() // also where the listener has several addresses
		}
		if !isLocalHost(r.Host, own, names) {
			closeUnread(w, r)
			errorpage.Write(w, r, http.StatusMisdirectedRequest)
			return
		}
		next.ServeHTTP(w, r)
	})
}

// isLocalHost reports whether host, with any port, is a loopback name or address, the
// address own, or one of names. An empty host is local: HTTP/1.0 clients may send
// none, but browsers always send one.
func isLocalHost(host, own string, names []string) bool {
	name := strings.ToLower(strings.TrimSuffix(hostname(host), "."))
	if name == "" || name == "localhost" || strings.HasSuffix(name, ".localhost") || name == hostname(own) {
		return true
	}
	if ip, err := netip.ParseAddr(name); err == nil && ip.Unmap().IsLoopback() {
		return true
	}
	return slices.ContainsFunc(names, func(n string) bool { return strings.EqualFold(n, name) })
}

// hostname returns host without its port and brackets.
func hostname(host string) string {
	if name, _, err := net.SplitHostPort(host); err == nil {
		return name
	}
	return strings.TrimSuffix(strings.TrimPrefix(host, "["), "]")
}

// Readiness is the answer of /readyz.
type Readiness struct {
	Ready    bool   `json:"ready"`
	Reason   string `json:"reason,omitempty"` // why not
	Requests int64  `json:"requests"`         // in progress

	Configuration ConfigurationReport `json:"configuration"`

	Directory *DirectoryReport `json:"directory"` // null: there are only static tenants
	Guest     GuestReport      `json:"guest"`
	Media     *MediaReport     `json:"media,omitempty"` // null: there is no bucket
	Fleet     *FleetReport     `json:"fleet,omitempty"` // null: the edge is in no fleet
}

// MediaReport is the state of the bucket of tenants' files.
type MediaReport struct {
	Degraded string `json:"degraded,omitempty"` // why the bucket cannot be reached; empty: it can
}

// DirectoryReport is the state of the directory.
type DirectoryReport struct {
	Tenants    int        `json:"tenants"`
	Domains    int        `json:"domains"`
	Refused    int        `json:"refused"` // rows that the last full load left out
	Generation uint64     `json:"generation"`
	SyncedAt   *time.Time `json:"synced_at"` // null: never
	AgeSeconds float64    `json:"age_seconds"`
	Degraded   string     `json:"degraded,omitempty"` // why the rows may be out of date
	// Polling is why changes are seen late: the source sends no notifications.
	Polling   string           `json:"polling,omitempty"`
	StateFile *StateFileReport `json:"state_file,omitempty"` // nil: none is kept
}

// StateFileReport is the state of the directory's state file.
type StateFileReport struct {
	AgeSeconds float64 `json:"age_seconds"` // of the oldest change that is not in the file; 0: all are
	Failures   uint64  `json:"failures"`
	Error      string  `json:"error,omitempty"` // why the last write failed
}

// GuestReport identifies the running guest.
type GuestReport struct {
	Name    string `json:"name"`
	Version string `json:"version"`
	Digest  string `json:"digest"`
	// Degraded is why it is not the guest of guest.path.
	Degraded string `json:"degraded,omitempty"`
}

// Readiness reports whether the server should get requests, and the state of its
// parts. The server stays ready with an outdated directory, since the last good
// state serves, and with an unreachable bucket: all edges share it, and requests
// for anything but its files are served.
func (s *Server) Readiness() Readiness {
	g := s.now()
	guest := g.host.Stats().Guest
	r := Readiness{
		Requests: s.generations.requests(), Configuration: s.reloads.report(s.generations.all()),
		Guest: GuestReport{guest.Name, guest.Version, guest.Digest, g.guestFile.degraded()}, Fleet: s.fleet.readiness(),
	}
	if g.options.Directory != nil {
		r.Directory = reportDirectory(g.options.Directory())
	}
	if g.hasBucket() {
		r.Media = &MediaReport{g.mediaDegraded()}
	}
	switch {
	case s.draining.Load():
		r.Reason = "shutting down"
	case r.Directory != nil && r.Directory.SyncedAt == nil:
		r.Reason = "the directory is not loaded"
	case !s.serving.Load():
		r.Reason = "starting"
	default:
		r.Ready = true
	}
	return r
}

func reportDirectory(st tenantdb.Stats) *DirectoryReport {
	d := &DirectoryReport{
		Tenants: st.Tenants, Domains: st.Domains, Refused: st.LeftOut,
		Generation: st.Generation, AgeSeconds: st.Age.Seconds(), Degraded: st.Degraded,
		Polling: st.Upkeep.Polling,
	}
	if u := st.Upkeep; u.StateFile != "" {
		d.StateFile = &StateFileReport{u.StateAge().Seconds(), u.SaveFailures, u.SaveError}
	}
	if !st.SyncedAt.IsZero() {
		d.SyncedAt = &st.SyncedAt
	}
	return d
}

func (s *Server) serveReady(w http.ResponseWriter, _ *http.Request) {
	r, status := s.Readiness(), http.StatusOK
	if !r.Ready {
		status = http.StatusServiceUnavailable
	}
	writeReport(w, status, r)
}

func writeReport(w http.ResponseWriter, status int, report any) {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	encoder := json.NewEncoder(w)
	encoder.SetIndent("", "  ")
	_ = encoder.Encode(report) // the client may have disconnected
}
