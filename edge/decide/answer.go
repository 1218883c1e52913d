package decide

import (
	"net/http"
	"net/textproto"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/tenantedge/tenantedge/edge"
	"github.com/tenantedge/tenantedge/edge/internal/header"
	"github.com/tenantedge/tenantedge/edge/tenant"
	"github.com/tenantedge/tenantedge/guest/abi"
)

// The headers of an answer. Those of an accepted request are always present, empty
// without a value, so that they replace those of a client.
const (
	headerStatus      = "Tenantedge-Status"
	headerLocation    = "Tenantedge-Location"
	headerSchema      = "Tenantedge-Schema"
	headerID          = "Tenantedge-Id"
	headerRouting     = "Tenantedge-Routing"
	headerFolder      = "Tenantedge-Folder"
	headerPath        = "Tenantedge-Path"
	headerURLConf     = "Tenantedge-Urlconf"
	headerUpstream    = "Tenantedge-Upstream"
	headerTarget      = "Tenantedge-Target"
	headerHost        = "Tenantedge-Host"
	headerCachePrefix = "Tenantedge-Cache-Prefix"
	headerIdentifier  = "Tenantedge-Identifier"
	headerAttribute   = "Tenantedge-Attribute-" // followed by the name
)

// own are the folded names that only an answer has.
var own = foldAll(headerStatus, headerLocation, headerSchema, headerID, headerRouting, headerFolder, headerPath, headerURLConf, headerUpstream,
	headerTarget, headerHost, headerCachePrefix, headerIdentifier)

func foldAll(names ...string) []string {
	for i := range names {
		names[i] = header.Fold(names[i])
	}
	return names
}

// attribute is an attribute of the tenant in the answer.
type attribute struct{ name, header string }

func newAttribute(name string) attribute {
	return attribute{name, textproto.CanonicalMIMEHeaderKey(headerAttribute + header.Fold(name))}
}

// forged returns why the headers of a client must not be passed on, or an empty
// string. The server replaces headers in their usual spelling only, so a client
// must not send the headers of an answer, nor any guarded header in a spelling that
// an application may read as the usual one.
func (h *Handler) forged(q *edge.Request) string {
	passed := h.config.Host.ApplicationHeader(q)
	for name := range q.Header {
		folded := header.Fold(name)
		if slices.Contains(own, folded) || strings.HasPrefix(folded, header.Fold(headerAttribute)) {
			return "the client sent a header of the decision: " + name
		}
		if _, ok := passed[name]; !ok && header.Odd(name) {
			return "the client sent a guarded header in an unusual spelling: " + name
		}
	}
	return ""
}

// describe writes the headers of an accepted request.
func (h *Handler) describe(out http.Header, q *edge.Request, d *edge.Decision) {
	t := &d.Tenant
	app := h.config.Applications[t.URLConf]
	h.copyUpstreamHeaders(out, q, d, app.Inner)
	inner, query := innerPath(q.Target, t)
	target := q.Target
	if app.Inner {
		target = inner + query
	}
	var upstream string
	if app.URL != nil {
		upstream = app.URL.Scheme + "://" + app.URL.Host
		if base := strings.TrimSuffix(app.URL.EscapedPath(), "/"); base != "" {
			target = base + target
		}
	}
	routing := string(t.Routing.Router)
	if d.Outcome != abi.Tenant {
		routing = ""
	}
	for name, value := range map[string]string{
		headerSchema: t.Schema, headerID: t.ID, headerRouting: routing, headerFolder: t.Routing.Folder, headerURLConf: t.URLConf,
		headerCachePrefix: t.CachePrefix, headerIdentifier: t.Identifier,
	} {
		out[name] = []string{url.PathEscape(value)}
	}
	if app.URL != nil && out.Get(headerHost) == "" {
		out[headerHost] = []string{app.URL.Host} // the client sent none
	}
	out[headerPath], out[headerUpstream], out[headerTarget] = []string{inner}, []string{upstream}, []string{target}
	for _, a := range h.attributes {
		value, _ := t.Attributes.Get(a.name)
		out[a.header] = []string{url.PathEscape(value)}
	}
}

// copyUpstreamHeaders writes the headers that the edge itself would send to the
// application: those of upstream_headers and of the guest, the folder that is
// removed from the path, and the cookies that the edge has read.
func (h *Handler) copyUpstreamHeaders(out http.Header, q *edge.Request, d *edge.Decision, inner bool) {
	bare := *q
	bare.Header = nil
	host, fields := h.config.Host.UpstreamHeader(&bare, d, inner)
	for name, values := range fields {
		switch name {
		case "X-Forwarded-For", "X-Forwarded-Host", "X-Forwarded-Proto": // the server sets them
		default:
			out[name] = values
		}
	}
	if h.source.blank {
		h.blank(out, q, d)
	}
	out["Cookie"] = []string{strings.Join(q.Header["Cookie"], "; ")}
	out[headerHost] = []string{host}
}

// blank writes an empty header for each one of the client that the edge would not
// send to the application.
func (h *Handler) blank(out http.Header, q *edge.Request, d *edge.Decision) {
	_, sent := h.config.Host.UpstreamHeader(q, d, false)
	for name := range q.Header {
		if sent[name] == nil && out[name] == nil && !slices.Contains(oneHop, name) {
			out[name] = []string{""}
		}
	}
}

// innerPath returns the path that the tenant sees, percent-encoded: as the client
// has encoded it, if that is the same path. query is that of the target, with "?".
func innerPath(target string, t *tenant.Tenant) (path, query string) {
	raw := target
	if i := strings.IndexByte(target, '?'); i >= 0 {
		raw, query = target[:i], target[i:]
	}
	if t.Path == "" { // there is no tenant
		return raw, query
	}
	if t.Routing.Folder != "" {
		_, rest, found := strings.Cut(strings.TrimPrefix(raw, "/"), "/")
		raw = "/" + rest
		if !found {
			raw = ""
		}
	}
	if decoded, err := url.PathUnescape(raw); err == nil && decoded == t.Path && !strings.ContainsFunc(raw, unsafe) {
		return raw, query
	}
	return (&url.URL{Path: t.Path}).EscapedPath(), query
}

// unsafe reports whether a character must be percent-encoded in a header.
func unsafe(c rune) bool { return c <= ' ' || c >= 0x7f }

// absolute returns a location with its scheme: servers resolve one without it in
// different ways.
func absolute(location, scheme string) string {
	if strings.HasPrefix(location, "//") {
		return scheme + ":" + location
	}
	return location
}

func (h *Handler) setStatus(out http.Header, status int) {
	out[headerStatus] = []string{strconv.Itoa(status)}
}
