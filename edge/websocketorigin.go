package edge

import (
	"net/http"
	"strings"

	"github.com/tenantedge/tenantedge/edge/internal/sockets"
	"github.com/tenantedge/tenantedge/edge/internal/trust"
	"github.com/tenantedge/tenantedge/edge/tenant"
	"github.com/tenantedge/tenantedge/guest/tenancy"
)

// passes refuses a handshake that must not reach an application: one that is
// not as RFC 6455 wants it, which the application may take for something else,
// and one that a page of another site asks for. A program that sends no Origin
// is the application's to judge.
func (h *Host) passes(w http.ResponseWriter, r *http.Request, t *tenant.Tenant) *RouteError {
	o := sockets.Options{
		AllowOrigin:   func(origin sockets.Origin) bool { return h.allowsOrigin(origin, r, t, nil) },
		AllowNoOrigin: true,
	}
	refusal := o.Check(r)
	if refusal == nil {
		return nil
	}
	refusal.SetHeader(w.Header())
	return &RouteError{Status: refusal.Status, Reason: refusal.Reason}
}

// allowsOrigin reports whether a page of origin may open this socket (W3): one
// of the request's own host, of a domain that is the tenant's alone, or of a
// list, the route's own among them. A domain on which tenants live in folders is
// not the tenant's alone.
func (h *Host) allowsOrigin(origin sockets.Origin, r *http.Request, t *tenant.Tenant, ofRoute []string) bool {
	c := &h.config.Websockets
	if origin.At(r.Host) || origin.SamePort(r.Host) && h.owns(t, origin.Host) {
		return true
	}
	if listed(origin, c.Origins) || listed(origin, ofRoute) {
		return true
	}
	if c.OriginsAttribute == "" {
		return false
	}
	own, _ := t.Attributes.Get(c.OriginsAttribute)
	return listed(origin, strings.FieldsFunc(own, func(c rune) bool { return c == ' ' || c == ',' || c == '\t' || c == '\n' }))
}

// owns reports whether a domain leads to this tenant, as requests find it: by
// its name as it stands, and then without "www.". Strict rules look at the name
// without it alone.
func (h *Host) owns(t *tenant.Tenant, domain string) bool {
	rest := strings.TrimPrefix(domain, "www.")
	if rest != domain && h.config.Compat != Strict {
		if schema, found := h.tenants.AtDomain(domain); found {
			return schema == t.Schema
		}
	}
	schema, found := h.tenants.AtDomain(rest)
	return found && schema == t.Schema
}

// listed reports whether an origin is in a list.
func listed(origin sockets.Origin, list []string) bool {
	for _, entry := range list {
		if entry == "*" {
			return true
		}
		scheme, host, found := strings.Cut(entry, "://")
		if !found {
			host = entry
		} else if !strings.EqualFold(scheme, origin.Scheme) {
			continue
		}
		if below, ok := strings.CutPrefix(host, "*."); ok {
			base, err := tenancy.NormalizeHost(trust.Hostname(below))
			if err == nil && strings.HasSuffix(origin.Host, "."+base) && origin.SamePort(below) {
				return true
			}
		} else if origin.At(host) {
			return true
		}
	}
	return false
}
