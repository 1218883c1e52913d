package serve

import (
	"crypto/tls"
	"log/slog"
	"net/http"
	"time"

	"github.com/tenantedge/tenantedge/edge/config"
	"github.com/tenantedge/tenantedge/edge/internal/errorpage"
	"github.com/tenantedge/tenantedge/edge/upstream"
)

// proxy passes requests to the application of a urlconf.
type proxy struct {
	*upstream.Handler
	server  *generation
	host    string // of the application's URL, with its port
	tls     *tls.Config
	accel   *accel // nil: the application may not order files
	latency *upstreamLatency
}

func (s *generation) newProxy(c config.URLConf, a *accel) (*proxy, error) {
	p := &proxy{server: s, host: c.Upstream.Host, tls: &tls.Config{}, accel: a, latency: s.latencies.upstream(c.Upstream.Host)}
	limits := s.options.Limits
	conf := upstream.Config{
		URL: c.Upstream, Host: s.host, Inner: c.Path == "inner", OwnHost: c.Host == "upstream",
		Reuse: upstream.Reuse(c.Reuse), Client: clientOf,
		Limits: upstream.Limits{
			DialTimeout: limits.DialTimeout, HeaderTimeout: limits.ResponseHeaderTimeout,
			HeaderBytes: limits.MaxAnswerHeaderBytes, Headers: limits.MaxAnswerHeaders,
			Idle: max(s.bounds.idle/len(s.options.URLConfs), 1),
		},
		TLS: p.tls, Failed: p.failed, Logger: s.log,
	}
	if a != nil {
		conf.SendFile = a.send
	}
	conf.Answered = func(r *http.Request, answer *http.Response, took time.Duration) {
		if answer != nil {
			p.latency.answers.observe(answer.StatusCode, took)
		}
		s.answered(r, answer, took)
	}
	if s.accounts != nil {
		conf.Meter = s.meterOf
	}
	s.trace(&conf)
	var err error
	if p.Handler, err = upstream.New(conf); err != nil {
		return nil, err
	}
	s.proxies = append(s.proxies, p)
	return p, nil
}

// failed answers a request that the application did not answer. Failures that the
// client causes are counted, and logged at INFO at most.
func (p *proxy) failed(w http.ResponseWriter, r *http.Request, f upstream.Failure) {
	s, status := p.server, f.Cause.Status()
	switch {
	case f.Cause == upstream.Closing || s.base.Err() != nil:
		refuseShutdown(w, r)
	case f.Cause.Client():
		s.clientFailures.of(f.Cause).Add(1)
		noteOf(r.Context()).reason = f.Cause.String()
		if f.Cause == upstream.ClientMalformed {
			s.log.LogAttrs(r.Context(), slog.LevelInfo, "the client sent a malformed body", slog.String("host", r.Host))
		}
		if f.Cause == upstream.ClientClosed {
			w.WriteHeader(status) // for the access log
			return
		}
		errorpage.Write(w, r, status)
	default:
		p.latency.refused(status)
		reason := f.Cause.String()
		id := noteFailure(r.Context(), reason)
		s.log.LogAttrs(r.Context(), slog.LevelError, reason,
			slog.Int("status", status), slog.String("upstream", p.host),
			slog.String("host", r.Host), slog.String("request", id), slog.Any("error", f.Err))
		errorpage.Write(w, r, status)
	}
}

// upstreamStats returns the counters for each application's address. Several
// urlconfs may have the same address.
func (s *generation) upstreamStats() map[string]upstream.Stats {
	all := make(map[string]upstream.Stats, len(s.proxies))
	for _, p := range s.proxies {
		stats := p.Stats()
		if other, ok := all[p.host]; ok {
			stats.Opened += other.Opened
			stats.Reused += other.Reused
			stats.Surplus += other.Surplus
			stats.Idle += other.Idle
			stats.Reuses = stats.Reuses && other.Reuses
		}
		all[p.host] = stats
	}
	return all
}

// passingWebsockets returns how many websockets pass through to applications.
func (s *generation) passingWebsockets() (n int) {
	for _, p := range s.proxies {
		n += p.Websockets()
	}
	return n
}
