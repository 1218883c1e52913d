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
	"github.com/tenantedge/tenantedge/edge/internal/pace"
)

// decider answers the questions of another server at one address.
type decider struct {
	*decide.Handler
	config config.Decide
}

// describedBytes is the room in the head of a question for the headers that
// describe the client's request.
const describedBytes = 8 << 10

func (s *Server) newDeciders() error {
	applications := make(map[string]decide.Application, len(s.options.URLConfs))
	for name, c := range s.options.URLConfs {
		if c.Upstream != nil {
			applications[name] = decide.Application{URL: c.Upstream, Inner: c.Path == "inner"}
		}
	}
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
		s.deciders = append(s.deciders, &decider{h, c})
	}
	if len(s.deciders) > 0 {
		s.metrics.MustRegister(decideCollector{s})
	}
	return nil
}

// newDecideServer returns the server of a decider. Its connections are those of a
// few servers, so limits.connections does not count them.
func (s *Server) newDecideServer(d *decider) *http.Server {
	limits := s.options.Limits
	paced := &pace.Limits{Body: limits.BodyTimeout, Answer: limits.AnswerTimeout, Rate: limits.MinRate}
	counted := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.requests.Add(1)
		defer s.requests.Add(-1)
		id := rand.Text()
		began := asked{id: id, at: time.Now()}
		d.ServeHTTP(w, r.WithContext(edge.WithRequestID(context.WithValue(r.Context(), askedKey{}, began), id)))
	})
	srv := &http.Server{
		Handler:           pace.Handler(paced, counted),
		ReadHeaderTimeout: limits.ReadHeaderTimeout,
		ReadTimeout:       limits.BodyTimeout,
		WriteTimeout:      limits.AnswerTimeout,
		IdleTimeout:       limits.IdleTimeout,
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
func (s *Server) logDecision(r *http.Request, d *decide.Decision) {
	in := &d.Request
	path, _, _ := strings.Cut(in.Target, "?")
	schema, routing := "", ""
	if d.Tenant != nil {
		schema, routing = d.Tenant.Schema, string(d.Tenant.Routing.Router)
	}
	began, _ := r.Context().Value(askedKey{}).(asked)
	attrs := []slog.Attr{
		slog.String("request", began.id), slog.String("method", in.Method), slog.String("host", in.Host), slog.String("path", path),
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
type decideCollector struct{ server *Server }

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
