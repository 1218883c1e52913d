package explain

import (
	"fmt"
	"net/http"
	"slices"

	"github.com/tenantedge/tenantedge/edge"
	"github.com/tenantedge/tenantedge/edge/tenant"
	"github.com/tenantedge/tenantedge/guest/abi"
	"github.com/tenantedge/tenantedge/guest/tenancy"
)

// rule writes which rule decided: the key of the configuration or the row of
// the directory, or that the guest has its own rules, and what it logged.
func (x *Explainer) rule(l *lines, a *Answer) {
	d := &a.Decision
	switch {
	case x.Guest != "":
		l.add("rule", "those of the guest %s", x.Guest)
	case d.Outcome == abi.Tenant || d.Outcome == abi.Redirect:
		if rule := x.ruleOf(d); rule != "" {
			l.add("rule", "%s", rule)
		}
	case d.Outcome == abi.Conflict:
		l.add("rule", "conflicts: %s", x.File.GuestConfig.Conflicts)
	}
	if d.Outcome == abi.Conflict && a.Request.Method != "" {
		x.conflict(l, a)
	}
	c := &x.File.GuestConfig
	if name := http.CanonicalHeaderKey(c.TenantHeader); slices.Contains(c.Routers, abi.ByHeader) && !a.Request.Trusted && len(a.Request.Header[name]) > 0 {
		l.add("ignored", "the header %s, since the peer is not trusted; see trusted_peers and tenant_header_proof", c.TenantHeader)
	}
	for _, note := range a.Logged {
		l.add("logged", "%s", note)
	}
}

// ruleOf returns what the built-in guest found the tenant by.
func (x *Explainer) ruleOf(d *edge.Decision) string {
	t := &d.Tenant
	if t.Dynamic && t.Routing.Router == abi.ByDomain {
		row := "the row of the directory with the domain " + t.Routing.Domain
		if t.Routing.Folder != "" {
			row += " and the folder " + t.Routing.Folder
		}
		return row
	}
	if t.Dynamic {
		return fmt.Sprintf("the row of the directory with the id or schema %q, which the %s names", t.Routing.Reference, x.routerKey(t.Routing.Router))
	}
	for i := range x.File.GuestConfig.Tenants {
		if s := &x.File.GuestConfig.Tenants[i]; s.Schema == t.Schema {
			if key := staticKey(s, d); key != "" {
				return x.File.Where("tenants", t.Schema, key)
			}
			return x.File.Where("tenants", t.Schema) + ", which the " + x.routerKey(t.Routing.Router) + " names"
		}
	}
	return ""
}

// staticKey returns the key of an entry of the TENANTS table that has the value by
// which the entry was found, or nothing if that is the entry's name.
func staticKey(s *abi.StaticTenant, d *edge.Decision) string {
	r := &d.Tenant.Routing
	has := func(domain string) bool {
		normal, err := tenancy.NormalizeHost(domain)
		return domain == r.Domain || err == nil && normal == r.Domain
	}
	switch {
	case r.Router == abi.ByDomain && slices.ContainsFunc(s.Domains, has):
		return "domains"
	case r.Router == abi.ByDomain:
		return "fallback_domains"
	case r.Router == abi.ByHeader && s.Header != nil && *s.Header == r.Reference:
		return "header"
	case r.Router == abi.BySession && s.SessionKey != nil && *s.SessionKey == r.Reference:
		return "session_key"
	}
	return ""
}

// routerKey describes what a router reads.
func (x *Explainer) routerKey(r abi.Router) string {
	switch r {
	case abi.ByHeader:
		return "header " + x.File.GuestConfig.TenantHeader
	case abi.BySession:
		return "session under " + x.File.GuestConfig.TenantSessionKey
	}
	return "host"
}

// conflict writes what each router read.
func (x *Explainer) conflict(l *lines, a *Answer) {
	c := &x.File.GuestConfig
	for _, r := range c.Routers {
		switch value := a.Request.Header.Get(c.TenantHeader); r {
		case abi.ByDomain:
			l.add("by domain", "%s%s", a.Request.Host, a.Request.Target)
		case abi.ByHeader:
			if a.Request.Trusted && value != "" {
				l.add("by header", "%s: %s", c.TenantHeader, value)
			}
		case abi.BySession:
			if a.Request.Session != "" {
				l.add("by session", "%s: %s", c.TenantSessionKey, a.Request.Session)
			}
		}
	}
}

// choices writes which attributes of the tenant's row chose what serves it.
func (x *Explainer) choices(l *lines, t *tenant.Tenant) {
	d := x.File.GuestConfig.Default
	if d == nil || !t.Dynamic {
		return
	}
	chosen := tenancy.Place(d, t.Attributes.Get)
	switch {
	case t.URLConf != chosen.URLConf: // the guest has its own rules
	case chosen.Status:
		l.add("chosen by", "%s", x.choice("status", d.Status, t))
		return
	case d.URLConfBy != nil:
		l.add("chosen by", "%s", x.choice("urlconf", d.URLConfBy, t))
	}
	if d.WSURLConfBy != nil && t.WSURLConf == chosen.WSURLConf {
		l.add("websockets", "%s", x.choice("ws_urlconf", d.WSURLConfBy, t))
	}
}

// choice describes why an attribute chose what it did, with the key of the file.
func (x *Explainer) choice(key string, c *abi.Choice, t *tenant.Tenant) string {
	value, has := t.Attributes.Get(c.Attribute)
	if _, listed := c.Values[value]; has && listed {
		return fmt.Sprintf("attribute %s is %s: %s", c.Attribute, value, x.File.Where("tenants", "default", key, "values", value))
	}
	otherwise := x.File.Where("tenants", "default", key, "default")
	if !has {
		return fmt.Sprintf("the row has no attribute %s: %s", c.Attribute, otherwise)
	}
	return fmt.Sprintf("attribute %s is %q, which is not listed: %s", c.Attribute, value, otherwise)
}
