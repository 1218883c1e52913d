package edge

import (
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/tenantedge/tenantedge/edge/internal/sockets"
)

// passes refuses a handshake that must not reach an application: one that is
// not as RFC 6455 wants it, which the application may take for something else,
// and one that a page of another site asks for. A program that sends no Origin
// is the application's to judge.
func (h *Host) passes(w http.ResponseWriter, r *http.Request, t *Tenant) *RouteError {
	o := sockets.Options{
		AllowOrigin:   func(origin *url.URL) bool { return h.allowsOrigin(origin, r, t, nil) },
		AllowNoOrigin: true,
	}
	refusal := o.Check(r)
	if refusal == nil {
		return nil
	}
	refusal.SetHeader(w.Header())
	return &RouteError{Status: refusal.Status, Reason: refusal.Reason}
}

// allowsOrigin tells whether a page of origin may open this socket (W3): one of
// the request's own host, of a domain that is the tenant's alone, or of a list,
// the route's own among them. A domain on which tenants live in folders is not
// the tenant's alone.
func (h *Host) allowsOrigin(origin *url.URL, r *http.Request, t *Tenant, ofRoute []string) bool {
	c := &h.config.Websockets
	host := strings.ToLower(r.Host)
	if origin.Host == host {
		return true
	}
	if origin.Port() == portOf(host) && h.owns(t, strings.TrimPrefix(origin.Hostname(), "www.")) {
		return true
	}
	if listed(origin, c.Origins) || listed(origin, ofRoute) {
		return true
	}
	if c.OriginsAttribute == "" {
		return false
	}
	own, _ := t.Attribute(c.OriginsAttribute)
	return listed(origin, strings.FieldsFunc(own, func(c rune) bool { return c == ' ' || c == ',' || c == '\t' || c == '\n' }))
}

func portOf(host string) string {
	return (&url.URL{Host: host}).Port()
}

// owns tells whether a domain leads to this tenant. Static tenants come before
// rows, and the first of them prevails; fallback domains are shared.
func (h *Host) owns(t *Tenant, domain string) bool {
	for i := range h.config.Tenants {
		if s := &h.config.Tenants[i]; slices.Contains(s.Domains, domain) {
			return s.Schema == t.Schema
		}
	}
	if !t.Dynamic {
		return false
	}
	for row := range h.config.Directory.DomainsOf(t.ID) {
		if row.Domain == domain && row.Folder == "" {
			return true
		}
	}
	return false
}

// listed tells whether an origin, in lower case, is in a list.
func listed(origin *url.URL, list []string) bool {
	for _, entry := range list {
		if entry == "*" {
			return true
		}
		host := entry
		if scheme, rest, ok := strings.Cut(entry, "://"); ok {
			if scheme != origin.Scheme {
				continue
			}
			host = rest
		}
		if below, ok := strings.CutPrefix(host, "*."); ok {
			if strings.HasSuffix(origin.Host, "."+below) {
				return true
			}
		} else if host == origin.Host {
			return true
		}
	}
	return false
}
