package serve

import (
	"context"
	"crypto/rand"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/tenantedge/tenantedge/edge"
	"github.com/tenantedge/tenantedge/edge/config"
	"github.com/tenantedge/tenantedge/edge/decide"
	"github.com/tenantedge/tenantedge/edge/internal/errorpage"
	"github.com/tenantedge/tenantedge/edge/internal/logs"
	"github.com/tenantedge/tenantedge/edge/internal/pace"
)

// decider answers the questions of another server at one address.
type decider struct {
	*decide.Handler
	config config.Decide
	paced  http.Handler // with the limits of requests
}

// describedBytes is the room in the head of a question for the headers that
// describe the client's request.
const describedBytes = 8 << 10

func (s *generation) newDeciders() error {
	applications := make(map[string]decide.Application, len(s.options.URLConfs))
	for name, c := range s.options.URLConfs {
		if c.Upstream != nil {
			applications[name] = decide.Application{URL: c.Upstream, Inner: c.Path == "inner"}
		}
	}
	limits := s.options.Limits
	paced := pace.Limits{Body: limits.BodyTimeout, Answer: limits.AnswerTimeout, Rate: limits.MinRate}
	for _, c := range s.options.Decide {
		conf := decide.Config{
			Host: s.host, Preset: c.Preset, Peers: c.Peers, Applications: applications, Fallback: s.options.Fallback,
			Attributes: c.Attributes, Logger: s.log,
		}
		if s.options.AccessLog {
			conf.Decided = s.logDecision
		}
		h, err := decide.New(conf)
		if err != nil {
			return errorf("%w", err)
		}
		d := &decider{Handler: h, config: c}
		d.paced = pace.Handler(&paced, http.HandlerFunc(d.identified))
		s.deciders = append(s.deciders, d)
	}
	return nil
}

// decide answers a question that arrives at an address.
func (s *Server) decide(w http.ResponseWriter, r *http.Request, address string) {
	g := s.enter()
	defer g.leave()
	if s.draining.Load() {
		w = &closing{ResponseWriter: w}
	}
	for _, d := range g.deciders {
		if d.config.Address == address {
			d.paced.ServeHTTP(w, r)
			return
		}
	}
	w.Header().Set("Connection", "close") // the configuration has changed; the listener is about to be closed
	errorpage.Write(w, r, http.StatusServiceUnavailable)
}

// identified gives a question an id, and notes when it arrived.
func (d *decider) identified(w http.ResponseWriter, r *http.Request) {
	id := rand.Text()
	began := asked{id: id, at: time.Now()}
	d.ServeHTTP(w, r.WithContext(edge.WithRequestID(context.WithValue(r.Context(), askedKey{}, began), id)))
}

// newDecideServer returns the server of the decider at an address. Its connections are
// those of a few servers, so limits.connections does not count them.
func (s *Server) newDecideServer(limits config.Limits, address string) *http.Server {
	srv := &http.Server{
		Handler:           http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { s.decide(w, r, address) }),
		ReadHeaderTimeout: limits.ReadHeaderTimeout,
		ReadTimeout:       limits.BodyTimeout,
		WriteTimeout:      limits.AnswerTimeout,
		IdleTimeout:       limits.IdleTimeout,
		ConnState:         s.asking.stateChanged,
		BaseContext:       func(net.Listener) context.Context { return s.base },
		ErrorLog:          slog.NewLogLogger(quietHandler{s.log.Handler()}, slog.LevelError),
	}
	if limits.MaxHeaderBytes > 0 {
		srv.MaxHeaderBytes = limits.MaxHeaderBytes + describedBytes
	}
	return srv
}

// asked is when a question arrived, and its id.
type asked struct {
	id string
	at time.Time
}

type askedKey struct{}

// logDecision writes the record of the access log for a decision: that of the
// client's request, without query and headers.
func (s *generation) logDecision(r *http.Request, d *decide.Decision) {
	in := &d.Request
	path, _, _ := strings.Cut(in.Target, "?")
	schema, routing := "", ""
	if d.Tenant != nil {
		schema, routing = d.Tenant.Schema, string(d.Tenant.Routing.Router)
	}
	began, _ := r.Context().Value(askedKey{}).(asked)
	attrs := []slog.Attr{
		slog.String("request", began.id), logs.Text("method", in.Method), logs.Text("host", in.Host), logs.Text("path", path),
		slog.Int("status", d.Status), slog.Float64("ms", float64(time.Since(began.at).Microseconds())/1000),
		slog.String("peer", r.RemoteAddr), slog.String("client", in.RemoteAddr),
		slog.String("tenant", schema), slog.String("routing", routing), slog.String("result", string(d.Result)),
	}
	if d.Reason != "" {
		attrs = append(attrs, slog.String("reason", d.Reason))
	}
	s.log.LogAttrs(r.Context(), slog.LevelInfo, "decision", attrs...)
}

// decideCollector exports the counters of deciders.
type decideCollector struct{ server *generation }

var decideDesc = prometheus.NewDesc("tenantedge_decide_requests_total",
	"Questions of other servers about requests, by the server's preset and the result.", []string{"preset", "result"}, nil)

func (c decideCollector) Describe(to chan<- *prometheus.Desc) { to <- decideDesc }

func (c decideCollector) Collect(to chan<- prometheus.Metric) {
	type key struct {
		preset string
		result decide.Result
	}
	sums := map[key]uint64{}
	for _, d := range c.server.deciders {
		for result, n := range d.Counts() {
			sums[key{d.config.Preset, result}] += n
		}
	}
	for k, n := range sums {
		to <- prometheus.MustNewConstMetric(decideDesc, prometheus.CounterValue, float64(n), k.preset, string(k.result))
	}
}

var _ prometheus.Collector = decideCollector{}
