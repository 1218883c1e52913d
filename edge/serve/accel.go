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
	"github.com/tenantedge/tenantedge/edge/internal/upstream"
	"github.com/tenantedge/tenantedge/edge/storage"
	"github.com/tenantedge/tenantedge/edge/storage/backend"
	"github.com/tenantedge/tenantedge/edge/tenant"
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

func (o *order) Error() string { return "serve: the application has a file sent" }

// take keeps from clients what is meant for servers: the headers make one send
// any file it can read. It returns what the application ordered, nil for
// nothing.
func (a *accel) take(r *http.Response) *order {
	o := &order{redirect: r.Header[accelRedirect], sendfile: r.Header[sendfile], header: r.Header}
	upstream.CleanOrders(r.Header)
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
	t, ok := tenant.From(r.Context())
	if !ok {
		return fmt.Errorf("a file was ordered for a request without a tenant: %w", fs.ErrNotExist)
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
		out.Method = http.MethodGet // as nginx does: a form may be answered with a file
	}
	options := a.options
	options.NoRanges = strings.EqualFold(o.header.Get("Accept-Ranges"), "none")
	return files.SendOpen(w, &out, f, name, options)
}

// open opens the file that is ordered, in the tenant's view, whose root nothing
// leaves.
func (a *accel) open(view storage.View, o *order) (fs.File, string, error) {
	if len(o.redirect) > 1 || len(o.sendfile) > 1 {
		return nil, "", fmt.Errorf("expected one file to be ordered, found several: %w", fs.ErrNotExist)
	}
	if len(o.redirect) > 0 {
		target, _, _ := strings.Cut(sentText(o.redirect[0]), "?")
		path, err := url.PathUnescape(target)
		name, ok := files.Name(path, a.prefix)
		if err != nil || !ok || a.prefix == "" {
			return nil, "", fmt.Errorf("%s: expected a name below %q, found %.200q: %w", accelRedirect, a.prefix, target, fs.ErrNotExist)
		}
		f, err := view.Open(name)
		return f, name, err
	}
	return openSendfile(view, o.sendfile[0])
}

// openSendfile opens the file that X-Sendfile names. Some applications send the
// name as it is, others percent-encoded, since Apache decodes it. The name as it
// is comes first: a user who may name a file a%2Fb must not get a/b by it.
func openSendfile(view storage.View, value string) (fs.File, string, error) {
	names := []string{value, sentText(value)}
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
		f, err := storage.Django{View: view}.OpenRead(name)
		if err == nil {
			return f, name, nil
		}
		if !errors.Is(err, fs.ErrNotExist) {
			return nil, "", err
		}
		missing = cmp.Or(missing, err)
	}
	return nil, "", missing
}

// sentText is the text that an application meant by the value of a header.
// Django sends what is in Latin-1 in that, and all other text as an encoded
// word (RFC 2047).
func sentText(value string) string {
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
