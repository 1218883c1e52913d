package serve

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/url"
	"strings"

	"github.com/tenantedge/tenantedge/edge"
	"github.com/tenantedge/tenantedge/edge/config"
	"github.com/tenantedge/tenantedge/edge/internal/files"
	"github.com/tenantedge/tenantedge/edge/storage"
	"github.com/tenantedge/tenantedge/edge/tenant"
)

// FileAccess reports how a Server of the same configuration answers requests for
// files, for programs that explain decisions. It sends and changes no file.
type FileAccess struct {
	server  *generation
	uploads map[string]bool // urlconfs whose clients may change files
}

// FileAccess lets guests read the files of tenants, and returns the FileAccess of
// the urlconfs. Call it before edge.New, then its method Open with the new Host.
func (p *Parts) FileAccess() (*FileAccess, error) {
	keys, err := signingKeys(p.file)
	if err != nil {
		return nil, err
	}
	o := settings{Media: p.file.Media, SigningKeys: keys, URLConfs: map[string]config.URLConf{}, Logger: p.log}
	uploads := map[string]bool{}
	for name, c := range p.file.URLConfs {
		uploads[name] = c.Uploads != nil
		c.Upstream, c.Accel, c.Reply, c.Uploads = nil, nil, nil, nil
		if c.Media || c.Files != "" {
			o.URLConfs[name] = c
		}
	}
	s := &generation{options: o, core: core{log: p.log, static: p.Config.GuestConfig.Tenants, directory: p.Config.Directory, cache: files.NewCache(0)}}
	s.base, s.interrupt = context.WithCancel(context.Background())
	if o.Media != nil {
		p.Config.Files = func(l storage.Locator) (storage.Storage, error) {
			opened, err := s.openMedia(l)
			return readOnly{opened}, err
		}
	}
	return &FileAccess{s, uploads}, nil
}

// Open opens the files with the host of the configuration. The caller closes the
// FileAccess before the host. An error is about files that cannot be read.
func (a *FileAccess) Open(ctx context.Context, host *edge.Host) (err error) {
	a.server.host = host
	if a.server.table, err = a.server.newTable(); err != nil {
		return err
	}
	return a.server.checkFiles(ctx)
}

// Close closes the files.
func (a *FileAccess) Close() error {
	a.server.interrupt()
	if a.server.table == nil {
		return nil
	}
	return a.server.table.close()
}

// Status returns the status of the answer to a request that was routed to t, and why
// it is no success, as in the access log. It reports false for requests that are not
// for files, and for those that might change a file.
func (a *FileAccess) Status(ctx context.Context, q *edge.Request, t *tenant.Tenant) (status int, reason string, ok bool) {
	c := a.server.options.URLConfs[t.URLConf]
	media := c.Media && strings.HasPrefix(t.Path, a.server.options.Media.BaseURL)
	reads := q.Method == http.MethodGet || q.Method == http.MethodHead || !a.uploads[t.URLConf]
	if !media && c.Files == "" || !reads {
		return 0, "", false
	}
	_, query, _ := strings.Cut(q.Target, "?")
	n := &note{}
	ctx = context.WithValue(tenant.NewContext(ctx, t), noteKey{}, n)
	r := (&http.Request{
		Method: q.Method, URL: &url.URL{Path: t.Path, RawQuery: query}, RequestURI: q.Target, Host: q.Host,
		Header: a.server.host.ApplicationHeader(q), Body: http.NoBody, Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
	}).WithContext(ctx)
	w := &unsent{header: http.Header{}}
	a.server.table.urlconfs[t.URLConf].ServeHTTP(w, r)
	w.WriteHeader(http.StatusOK)
	return w.status, n.reason, true
}

// unsent is a response of which only the status is kept.
type unsent struct {
	header http.Header
	status int
}

func (u *unsent) Header() http.Header { return u.header }

func (u *unsent) WriteHeader(status int) {
	if u.status == 0 && status >= http.StatusOK {
		u.status = status
	}
}

// Write fails, so that no file is read to its end.
func (u *unsent) Write([]byte) (int, error) {
	u.WriteHeader(http.StatusOK)
	return 0, errUnsent
}

var errUnsent = errors.New("serve: the response is not sent")

// readOnly is a storage whose files cannot be changed.
type readOnly struct{ storage.Storage }

// View implements storage.Storage.
func (s readOnly) View(ctx context.Context, t storage.Tenant) (storage.View, error) {
	v, err := s.Storage.View(ctx, t)
	if err != nil {
		return nil, err
	}
	return readOnlyView{v}, nil
}

type readOnlyView struct{ storage.View }

var errReadOnly = errorf("the files are not changed by requests that are only evaluated")

func (readOnlyView) Save(context.Context, string, io.Reader, int) (string, error) {
	return "", errReadOnly
}

func (readOnlyView) Delete(string) error { return errReadOnly }
