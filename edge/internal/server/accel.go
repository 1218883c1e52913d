package server

import (
	"fmt"
	"io/fs"
	"net/http"
	"net/url"
	"strings"

	"github.com/tenantedge/tenantedge/edge"
	"github.com/tenantedge/tenantedge/edge/internal/files"
	"github.com/tenantedge/tenantedge/edge/storage"
)

// Headers by which an application has the server in front of it send a file.
const (
	accelRedirect = "X-Accel-Redirect" // nginx: a URL inside of the server
	sendfile      = "X-Sendfile"       // Apache, lighttpd: a path on disk
	accelPrefix   = "X-Accel-"
)

// accel sends files of the tenant that a request was routed to, and of no
// other, where the application asks for it.
type accel struct {
	store   *store
	prefix  string // in front of the name in X-Accel-Redirect; empty: not followed
	options files.Options
}

// order is an answer of an application in whose place a file is to be sent. It
// is an error on its way from one hook of httputil.ReverseProxy to another.
type order struct {
	redirect, sendfile []string
	header             http.Header // of the answer
}

func (o *order) Error() string { return "server: the application has a file sent" }

// take keeps from clients what is meant for servers: the headers make one send
// any file it can read. It returns what the application ordered, nil for
// nothing.
func (a *accel) take(r *http.Response) *order {
	o := &order{redirect: r.Header[accelRedirect], sendfile: r.Header[sendfile], header: r.Header}
	r.Header.Del(accelRedirect)
	r.Header.Del(sendfile)
	if a == nil || r.StatusCode == http.StatusSwitchingProtocols {
		return nil
	}
	for name := range r.Header {
		if strings.HasPrefix(name, accelPrefix) {
			delete(r.Header, name)
		}
	}
	if len(o.redirect) == 0 && len(o.sendfile) == 0 {
		return nil
	}
	return o
}

// carried are the headers of the application's answer that go with the file,
// which are those of nginx. ETag and Last-Modified are the file's own.
var carried = []string{"Content-Type", "Content-Disposition", "Set-Cookie", "Cache-Control", "Expires"}

// send carries an order out. r is the request as it went to the application.
func (a *accel) send(w http.ResponseWriter, r *http.Request, o *order) {
	if err := a.deliver(w, r, o); err != nil {
		for _, name := range carried {
			if name != "Set-Cookie" {
				w.Header().Del(name)
			}
		}
		noteOf(r.Context()).reason = err.Error()
		a.store.server.log.Error("the application ordered a file that is not sent", "error", err, "host", r.Host)
		a.store.server.failFile(w, r, a.store.missed(err))
	}
}

func (a *accel) deliver(w http.ResponseWriter, r *http.Request, o *order) error {
	for _, name := range carried {
		if values := o.header[name]; len(values) > 0 {
			w.Header()[name] = values
		}
	}
	tenant, ok := edge.TenantFrom(r.Context())
	if !ok {
		return fmt.Errorf("a file was ordered for a request without a tenant: %w", fs.ErrNotExist)
	}
	view, err := a.store.lease(r.Context(), tenant)
	if err != nil {
		return err
	}
	defer view.Release()
	f, name, err := a.open(view.WithContext(r.Context()), o)
	if err != nil {
		return err
	}
	defer f.Close()
	out := *r
	if r.Method != http.MethodHead {
		out.Method = http.MethodGet // as nginx does: a form may be answered with a file
	}
	options := a.options
	options.NoRanges = strings.EqualFold(o.header.Get("Accept-Ranges"), "none")
	return files.SendOpen(w, &out, f, name, options)
}

// open opens the file that is ordered, in the tenant's view, whose root nothing
// leaves. Names are percent-decoded once.
func (a *accel) open(view storage.Files, o *order) (fs.File, string, error) {
	if len(o.redirect) > 1 || len(o.sendfile) > 1 {
		return nil, "", fmt.Errorf("expected one file to be ordered, found several: %w", fs.ErrNotExist)
	}
	if len(o.redirect) > 0 {
		target, _, _ := strings.Cut(o.redirect[0], "?")
		path, err := url.PathUnescape(target)
		name, ok := files.Name(path, a.prefix)
		if err != nil || !ok || a.prefix == "" {
			return nil, "", fmt.Errorf("%s: expected a name below %q, found %.200q: %w", accelRedirect, a.prefix, target, fs.ErrNotExist)
		}
		f, err := view.Open(name)
		return f, name, err
	}
	path, err := url.PathUnescape(o.sendfile[0])
	if err != nil {
		path = o.sendfile[0] // a percent sign that is one
	}
	f, err := view.OpenRead(path)
	if err != nil {
		return nil, "", err
	}
	return f, path, nil
}
