package edge

import (
	"net/http"
	"net/url"
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
	if origin.Port() == portOf(host) && h.owns(t, origin.Hostname()) {
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

// owns reports whether a domain leads to this tenant, as requests find it: by
// its name as it stands, and then without "www.". Strict rules look at the name
// without it alone.
func (h *Host) owns(t *Tenant, domain string) bool {
	rest := strings.TrimPrefix(domain, "www.")
	if rest != domain && h.config.Compat != Strict {
		if schema, found := h.atDomain(domain); found {
			return schema == t.Schema
		}
	}
	schema, found := h.atDomain(rest)
	return found && schema == t.Schema
}

// atDomain finds the tenant that a domain without folder leads to. Static
// tenants come before rows, and the first of them prevails; fallback domains are
// shared, so they belong to no tenant.
func (h *Host) atDomain(domain string) (schema string, found bool) {
	if schema, found = h.domains[domain]; found {
		return schema, true
	}
	row, found := h.config.Directory.ByDomain(domain, "")
	return row.Tenant.Schema, found
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
