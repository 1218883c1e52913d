package server

import (
	"errors"
	"log/slog"
	"net/http"

	"github.com/tenantedge/tenantedge/edge"
	"github.com/tenantedge/tenantedge/edge/config"
)

// table serves what a request's urlconf names.
type table struct {
	server   *Server
	urlconfs map[string]http.Handler
	fallback http.Handler // nil: none
	closers  []func() error
}

func (s *Server) newTable() (*table, error) {
	t := &table{server: s, urlconfs: make(map[string]http.Handler, len(s.options.URLConfs))}
	for name, c := range s.options.URLConfs {
		h, err := t.handler(c)
		if err != nil {
			return nil, errors.Join(errorf("urlconfs: %s: %w", name, err), t.close())
		}
		t.urlconfs[name] = h
	}
	if name := s.options.Fallback; name != "" {
		if t.fallback = t.urlconfs[name]; t.fallback == nil {
			return nil, errors.Join(errorf("fallback: expected an entry of urlconfs, found %q; add it there", name), t.close())
		}
	}
	return t, nil
}

func (t *table) handler(c config.URLConf) (http.Handler, error) {
	switch {
	case c.Upstream != nil:
		p := t.server.newProxy(c)
		t.closers = append(t.closers, p.close)
		return p, nil
	case c.Files != "":
		f, err := openFiles(c.Files)
		if err != nil {
			return nil, err
		}
		t.closers = append(t.closers, f.root.Close)
		return f, nil
	case c.Reply != nil:
		return reply{c.Reply}, nil
	default:
		return nil, errors.New("expected one of upstream, files and reply, found none")
	}
}

func (t *table) close() error {
	errs := make([]error, 0, len(t.closers))
	for _, c := range t.closers {
		errs = append(errs, c())
	}
	t.closers = nil
	return errors.Join(errs...)
}

// ServeHTTP serves a request that the Middleware let pass.
func (t *table) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	tenant, ok := edge.TenantFrom(r.Context())
	if !ok {
		t.serveNone(w, r)
		return
	}
	noteTenant(r.Context(), tenant)
	h, ok := t.urlconfs[tenant.URLConf]
	if !ok {
		// A configuration was checked before it was served, so it was the guest
		// that came up with the name.
		id := noteFailure(r.Context(), "unknown urlconf")
		t.server.log.LogAttrs(r.Context(), slog.LevelError, "the guest named a urlconf that is not configured",
			slog.String("urlconf", tenant.URLConf), slog.String("schema", tenant.Schema), slog.String("request", id))
		writeError(w, http.StatusBadGateway, id)
		return
	}
	t.serve(h, w, r)
}

// serveNone serves a request that has no tenant.
func (t *table) serveNone(w http.ResponseWriter, r *http.Request) {
	if t.fallback == nil {
		writeError(w, http.StatusNotFound, "")
		return
	}
	t.serve(t.fallback, w, r)
}

// serve hands the request on, with its body bounded.
func (t *table) serve(h http.Handler, w http.ResponseWriter, r *http.Request) {
	if most := t.server.options.Limits.MaxBodyBytes; most > 0 {
		if r.ContentLength > most {
			w.Header().Set("Connection", "close") // the body is not read
			writeError(w, http.StatusRequestEntityTooLarge, "")
			return
		}
		r.Body = http.MaxBytesReader(w, r.Body, most)
	}
	h.ServeHTTP(w, r)
}
