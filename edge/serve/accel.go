package serve

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"mime"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/tenantedge/tenantedge/edge/internal/files"
	"github.com/tenantedge/tenantedge/edge/storage"
	"github.com/tenantedge/tenantedge/edge/storage/backend"
	"github.com/tenantedge/tenantedge/edge/tenant"
	"github.com/tenantedge/tenantedge/edge/upstream"
)

// accel sends the files that an application orders by X-Accel-Redirect or
// X-Sendfile, and only those of the tenant that the request was routed to.
type accel struct {
	store   *store
	prefix  string // of the paths in X-Accel-Redirect; empty: the header is not followed
	options files.Options
}

// fileHeaders are the headers of the application's answer that are sent with the
// file, as nginx does. ETag and Last-Modified come from the file.
var fileHeaders = []string{"Content-Type", "Content-Disposition", "Set-Cookie", "Cache-Control", "Expires"}

// send answers with the file that the application ordered. r is the request as it
// went to the application.
func (a *accel) send(w http.ResponseWriter, r *http.Request, o *upstream.FileOrder) {
	if err := a.deliver(w, r, o); err != nil {
		for _, name := range fileHeaders {
			if name != "Set-Cookie" {
				w.Header().Del(name)
			}
		}
		noteOf(r.Context()).reason = err.Error()
		a.store.log.Error("cannot send the file that the application named", "error", err, "host", r.Host)
		a.store.failFile(w, r, a.store.status(err))
	}
}

func (a *accel) deliver(w http.ResponseWriter, r *http.Request, o *upstream.FileOrder) error {
	for _, name := range fileHeaders {
		if values := o.Header[name]; len(values) > 0 {
			w.Header()[name] = values
		}
	}
	t, ok := tenant.From(r.Context())
	if !ok {
		return fmt.Errorf("expected the application to name a file for a request of a tenant, found a request without one: %w", fs.ErrNotExist)
	}
	lease, err := a.store.lease(r.Context(), t)
	if err != nil {
		return err
	}
	defer lease.Release()
	f, name, err := a.open(backend.WithContext(r.Context(), lease.View), o)
	if err != nil {
		return err
	}
	defer f.Close()
	out := *r
	if r.Method != http.MethodHead {
		out.Method = http.MethodGet // as nginx does: the answer to a form may be a file
	}
	options := a.options
	options.NoRanges = strings.EqualFold(o.Header.Get("Accept-Ranges"), "none")
	return f.Send(w, &out, name, options)
}

// open opens the ordered file in the tenant's view. No name leads out of the
// view.
func (a *accel) open(view storage.View, o *upstream.FileOrder) (files.File, string, error) {
	if len(o.Redirect) > 1 || len(o.Sendfile) > 1 {
		return files.File{}, "", fmt.Errorf("expected the application to name one file, found several: %w", fs.ErrNotExist)
	}
	if len(o.Redirect) > 0 {
		target, _, _ := strings.Cut(decodeHeader(o.Redirect[0]), "?")
		path, err := url.PathUnescape(target)
		name, ok := files.Name(path, a.prefix)
		if err != nil || !ok || a.prefix == "" {
			return files.File{}, "", fmt.Errorf("%s: expected a name below %q, found %.200q: %w", "X-Accel-Redirect", a.prefix, target, fs.ErrNotExist)
		}
		f, err := files.Open(view, name, a.options)
		return f, name, err
	}
	return a.openSendfile(view, o.Sendfile[0])
}

// openSendfile opens the file that X-Sendfile names. Some applications send the
// plain name, others encode it with percent signs, since Apache decodes it. The
// plain name is tried first: a user who may name a file a%2Fb must not get a/b.
func (a *accel) openSendfile(view storage.View, value string) (files.File, string, error) {
	names := []string{value, decodeHeader(value)}
	if !utf8.ValidString(value) {
		names = names[1:]
	}
	for _, name := range names {
		if decoded, err := url.PathUnescape(name); err == nil {
			names = append(names, decoded)
		}
	}
	var missing error
	for i, name := range names {
		if slices.Contains(names[:i], name) {
			continue
		}
		f, err := a.openNamed(view, name)
		if err == nil {
			return f, name, nil
		}
		if !errors.Is(err, fs.ErrNotExist) || errors.Is(err, files.ErrNotRegular) {
			return files.File{}, "", err
		}
		missing = cmp.Or(missing, err)
	}
	return files.File{}, "", missing
}

// openNamed opens the file that Django calls name.
func (a *accel) openNamed(view storage.View, name string) (files.File, error) {
	resolved, err := view.Resolve(name)
	if err != nil {
		return files.File{}, err
	}
	return files.Open(view, resolved, a.options)
}

// decodeHeader decodes the value of a header. Django sends text in Latin-1 if it can,
// and as an encoded word (RFC 2047) otherwise. Other UTF-8 is returned unchanged.
func decodeHeader(value string) string {
	if strings.HasPrefix(value, "=?") && strings.HasSuffix(value, "?=") {
		if text, err := new(mime.WordDecoder).DecodeHeader(value); err == nil {
			return text
		}
	}
	if utf8.ValidString(value) {
		return value
	}
	text := make([]rune, len(value))
	for i := range len(value) {
		text[i] = rune(value[i])
	}
	return string(text)
}
