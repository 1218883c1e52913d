package serve

import (
	"errors"
	"log/slog"
	"net/http"

	"github.com/tenantedge/tenantedge/edge/config"
	"github.com/tenantedge/tenantedge/edge/internal/errorpage"
	"github.com/tenantedge/tenantedge/edge/internal/files"
	"github.com/tenantedge/tenantedge/edge/internal/hold"
	"github.com/tenantedge/tenantedge/edge/internal/uploads"
	"github.com/tenantedge/tenantedge/edge/storage"
	"github.com/tenantedge/tenantedge/edge/tenant"
)

// table passes each request to the handler of its urlconf.
type table struct {
	server   *generation
	urlconfs map[string]http.Handler
	media    map[string]*media // of the urlconfs with media
	fallback http.Handler      // nil: none
	pages    *errorpage.Pages  // nil: plain text
	stores   map[string]*store // by location
	uploads  []*uploads.Handler
	closers  []func() error
}

func (s *generation) newTable() (*table, error) {
	t := &table{server: s, urlconfs: make(map[string]http.Handler, len(s.options.URLConfs)), media: map[string]*media{}, stores: make(map[string]*store)}
	var err error
	if t.pages, err = errorpage.Load(s.options.ErrorPages); err != nil {
		return nil, errorf("error_pages: %w", err)
	}
	if s.media != nil {
		t.add(s.options.Media.Location, s.media)
	}
	for name, c := range s.options.URLConfs {
		h, err := t.handler(c)
		if err != nil {
			return nil, errors.Join(errorf("urlconfs: %s: %w", name, err), t.close())
		}
		t.urlconfs[name] = h
		switch h := h.(type) {
		case room:
			s.rooms[name] = h.Room
		case *media:
			t.media[name] = h
		}
	}
	if name := s.options.Fallback; name != "" {
		if t.fallback = t.urlconfs[name]; t.fallback == nil {
			return nil, errors.Join(errorf("fallback: expected an entry of urlconfs, found %q; add it to urlconfs", name), t.close())
		}
	}
	return t, nil
}

func (t *table) handler(c config.URLConf) (http.Handler, error) {
	gate, err := t.access(c)
	if err != nil {
		return nil, err
	}
	next, err := t.inner(c, gate)
	if err != nil || !c.Media {
		return next, err
	}
	s, err := t.store("")
	if err != nil {
		return nil, err
	}
	m := newMedia(s, t.server.options.Media, gate, next)
	if c.Uploads != nil {
		s.writable = true
		m.acceptUploads(c.Uploads, &t.server.busy)
		t.uploads = append(t.uploads, m.uploads)
	}
	return m, nil
}

// inner returns the handler of a urlconf for all requests but those for media.
func (t *table) inner(c config.URLConf, gate *access) (http.Handler, error) {
	switch {
	case c.Upstream != nil:
		return t.application(c)
	case c.Files != "":
		f, err := files.OpenFolder(c.Files)
		if err != nil {
			return nil, err
		}
		t.closers = append(t.closers, f.Close)
		return slashed{newFolder(f, gate)}, nil
	case c.Reply != nil:
		return reply{c.Reply}, nil
	case c.Hold != nil:
		return t.server.newRoom(c.Hold), nil
	case c.Media:
		return http.HandlerFunc(notFound), nil
	default:
		return nil, errors.New("expected one of upstream, files, reply, hold and media, found none")
	}
}

// application returns the handler of an application.
func (t *table) application(c config.URLConf) (http.Handler, error) {
	var a *accel
	if c.Accel != nil {
		s, err := t.store(c.Accel.Location)
		if err != nil {
			return nil, err
		}
		a = &accel{store: s, prefix: c.Accel.Prefix, options: files.Options{
			Active:       runsActive(t.server.options.Media),
			Descriptions: new(files.Descriptions),
			Cache:        s.fileCache(),
		}}
	}
	p, err := t.server.newProxy(c, a)
	if err != nil {
		return nil, err
	}
	t.closers = append(t.closers, p.Close)
	if c.Path == "inner" {
		return slashed{p}, nil
	}
	return p, nil
}

func (t *table) access(c config.URLConf) (*access, error) {
	a := &access{core: &t.server.core, kind: c.Access}
	switch c.Access {
	case config.AccessPrivate:
		if !t.server.host.Authorizes() {
			t.server.log.Warn("private files are denied to all clients: the guest does not export te_authorize")
		}
	case config.AccessSigned:
		var err error
		if a.signer, err = storage.NewSigner(t.server.options.SigningKeys...); err != nil {
			return nil, err
		}
	}
	return a, nil
}

// store returns the store of a location. Empty: that of media.
func (t *table) store(location string) (*store, error) {
	m := t.server.options.Media
	c := &config.Media{Location: location} // without limits
	switch {
	case location == "" && m == nil:
		return nil, errors.New("expected the key media with the location of the tenants' files, found none")
	case m != nil && (location == "" || location == m.Location):
		c = m
	}
	if s, ok := t.stores[c.Location]; ok { // a bucket has the key ""
		return s, nil
	}
	opened, err := OpenFiles(c, t.server.host)
	if err != nil {
		return nil, err
	}
	s := newStore(&t.server.core, opened, c.S3 != nil)
	t.add(c.Location, s)
	return s, nil
}

func (t *table) add(location string, s *store) {
	t.stores[location] = s
	t.closers = append(t.closers, s.close)
}

// openMedia opens the files of media, for the guests and for urlconfs.
func (s *generation) openMedia(l storage.Locator) (storage.Storage, error) {
	m, open := s.options.Media, OpenFiles
	if bucket := s.options.OpenBucket; m.S3 != nil && bucket != nil {
		open = func(m *config.Media, l storage.Locator) (storage.Storage, error) {
			c := mediaStorage(m)
			c.Locator = l
			return bucket(m.S3, c)
		}
	}
	opened, err := open(m, l)
	if err != nil {
		return nil, errorf("media: %w", err)
	}
	s.media = newStore(&s.core, opened, m.S3 != nil)
	return guestStorage{opened, s.media}, nil
}

func (t *table) close() error {
	errs := make([]error, 0, len(t.closers))
	for _, c := range t.closers {
		errs = append(errs, c())
	}
	t.closers = nil
	return errors.Join(errs...)
}

// ServeHTTP serves a request that the Host's Middleware passed on.
func (t *table) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	found, ok := tenant.From(r.Context())
	if !ok {
		t.serveNone(w, r)
		return
	}
	if t.server.host.ServeWebsocket(w, r) {
		return
	}
	h, ok := t.urlconfs[found.URLConf]
	if !ok {
		// The urlconfs of the configuration were checked at the start, so the name
		// comes from the guest.
		id := noteFailure(r.Context(), "unknown urlconf")
		t.server.log.LogAttrs(r.Context(), slog.LevelError, "the guest named a urlconf that is not configured",
			slog.String("urlconf", found.URLConf), slog.String("schema", found.Schema), slog.String("request", id))
		errorpage.Write(w, r, http.StatusBadGateway)
		return
	}
	t.serve(h, w, r)
}

// serveFile is Server.ServeFile.
func (s *generation) serveFile(w http.ResponseWriter, r *http.Request) bool {
	t, ok := tenant.From(r.Context())
	if !ok {
		return false
	}
	m := s.table.media[t.URLConf]
	if m == nil || !m.has(r) {
		return false
	}
	s.files.ServeHTTP(w, r)
	return true
}

// serveFile serves a request for which generation.serveFile returns true.
func (t *table) serveFile(w http.ResponseWriter, r *http.Request) {
	found, _ := tenant.From(r.Context())
	noteTenant(r.Context(), found)
	t.serve(t.media[found.URLConf], w, r)
}

// serveNone serves a request that has no tenant.
func (t *table) serveNone(w http.ResponseWriter, r *http.Request) {
	if t.fallback == nil {
		errorpage.Write(w, r, http.StatusNotFound)
		return
	}
	t.serve(t.fallback, w, r)
}

// serve passes the request to h and limits its body. At a limit of concurrent
// requests it answers 503; a request that has waited in a hold waits for its turn.
func (t *table) serve(h http.Handler, w http.ResponseWriter, r *http.Request) {
	o, a := ownerOf(r), attemptOf(r.Context())
	if _, holds := h.(room); holds {
		h.ServeHTTP(w, r) // counts as waiting, not as running
		return
	}
	if !t.server.shares.acquire(o) && !(a.hasWaited() && t.server.shares.await(r.Context(), o, a.waiter.Deadline())) {
		if a.hasWaited() {
			a.waiter.Leave(hold.TimedOut)
		}
		noteOf(r.Context()).reason = "the limit of concurrent requests is reached; see limits.connections and limits.tenant_requests"
		closeUnread(w, r)
		errorpage.Write(w, r, http.StatusServiceUnavailable)
		return
	}
	defer t.server.shares.release(o)
	if a != nil {
		if t.server.isStale(r, a) {
			return
		}
		a.released()
	}
	if limit := t.server.options.Limits.MaxBodyBytes; limit > 0 && r.Body != http.NoBody {
		if r.ContentLength > limit {
			w.Header().Set("Connection", "close") // the body is not read
			errorpage.Write(w, r, http.StatusRequestEntityTooLarge)
			return
		}
		r.Body = http.MaxBytesReader(w, r.Body, limit)
	}
	h.ServeHTTP(w, r)
}
