package websocket

import (
	"net/http"
	"strings"

	"github.com/tenantedge/tenantedge/edge/internal/guests"
	"github.com/tenantedge/tenantedge/edge/internal/sockets"
	"github.com/tenantedge/tenantedge/edge/internal/trust"
	"github.com/tenantedge/tenantedge/edge/tenant"
	"github.com/tenantedge/tenantedge/guest/tenancy"
)

// Origins decides which pages may open websockets. An edge.Host makes it.
type Origins struct {
	Config  *Config
	Tenants *guests.Tenants
	// WithoutWWW makes Owns look up only the domain without "www.", as the strict rules
	// do.
	WithoutWWW bool
}

// Check returns a Rejection for a handshake that must not be passed on to an
// application: one that is not valid (RFC 6455), which the application may read as
// something else, and one from a page of another site. Without Origin it comes from a
// program, and is allowed unless it looks like a browser's. ofRoute are the further
// origins of the route that matched. Check adds the headers of a rejection to those
// of its answer.
func (o *Origins) Check(answer http.Header, r *http.Request, t *tenant.Tenant, ofRoute []string) *Rejection {
	options := sockets.Options{
		AllowOrigin:   func(origin sockets.Origin) bool { return o.allows(origin, r, t, ofRoute) },
		AllowNoOrigin: true,
	}
	rejection := options.Check(r)
	if rejection == nil {
		return nil
	}
	rejection.SetHeader(answer)
	return &Rejection{Status: rejection.Status, Reason: rejection.Reason}
}

// allows reports whether a page of origin may open this websocket (W3): a page of
// the request's host, of a domain of the tenant, or of a listed origin. A domain
// on which tenants have folders belongs to none of them.
func (o *Origins) allows(origin sockets.Origin, r *http.Request, t *tenant.Tenant, ofRoute []string) bool {
	c := o.Config
	if origin.At(r.Host) || origin.SamePort(r.Host) && o.Owns(t, origin.Host) {
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

// Owns reports whether requests to a domain are routed to this tenant: by its full
// name, and then without "www.". The strict rules use only the name without it.
func (o *Origins) Owns(t *tenant.Tenant, domain string) bool {
	rest := strings.TrimPrefix(domain, "www.")
	if rest != domain && !o.WithoutWWW {
		if schema, found := o.Tenants.AtDomain(domain); found {
			return schema == t.Schema
		}
	}
	schema, found := o.Tenants.AtDomain(rest)
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
		if parent, ok := strings.CutPrefix(host, "*."); ok {
			base, err := tenancy.NormalizeHost(trust.Hostname(parent))
			if err == nil && strings.HasSuffix(origin.Host, "."+base) && origin.SamePort(parent) {
				return true
			}
		} else if origin.At(host) {
			return true
		}
	}
	return false
}
