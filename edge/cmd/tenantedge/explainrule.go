package main

import (
	"fmt"
	"net/http"
	"slices"

	"github.com/tenantedge/tenantedge/edge"
	"github.com/tenantedge/tenantedge/edge/tenant"
	"github.com/tenantedge/tenantedge/guest/abi"
	"github.com/tenantedge/tenantedge/guest/tenancy"
)

// explainRule writes which rule decided: the key of the configuration or the row of
// the directory, or that the guest has its own rules, and what it logged.
func (e *evaluator) explainRule(line func(string, string, ...any), q *question, a *routeAnswer) {
	d := &a.decision
	switch {
	case e.file.Guest.Path != "":
		line("rule", "those of the guest %s", e.file.Guest.Path)
	case d.Outcome == abi.Tenant || d.Outcome == abi.Redirect:
		if rule := e.ruleOf(d); rule != "" {
			line("rule", "%s", rule)
		}
	case d.Outcome == abi.Conflict:
		line("rule", "conflicts: %s", e.file.GuestConfig.Conflicts)
	}
	if d.Outcome == abi.Conflict && a.request.Method != "" {
		e.explainConflict(line, q, a)
	}
	c := &e.file.GuestConfig
	if name := http.CanonicalHeaderKey(c.TenantHeader); slices.Contains(c.Routers, abi.ByHeader) && !a.request.Trusted && len(a.request.Header[name]) > 0 {
		line("ignored", "the header %s, since the peer is not trusted; see trusted_peers and tenant_header_proof", c.TenantHeader)
	}
	for _, note := range a.notes {
		line("logged", "%s", note)
	}
}

// ruleOf returns what the built-in guest found the tenant by.
func (e *evaluator) ruleOf(d *edge.Decision) string {
	t := &d.Tenant
	if t.Dynamic && t.Routing.Router == abi.ByDomain {
		row := "the row of the directory with the domain " + t.Routing.Domain
		if t.Routing.Folder != "" {
			row += " and the folder " + t.Routing.Folder
		}
		return row
	}
	if t.Dynamic {
		return fmt.Sprintf("the row of the directory with the id or schema %q, which the %s names", t.Routing.Reference, e.routerKey(t.Routing.Router))
	}
	for i := range e.file.GuestConfig.Tenants {
		if s := &e.file.GuestConfig.Tenants[i]; s.Schema == t.Schema {
			if key := staticKey(s, d); key != "" {
				return e.file.Where("tenants", t.Schema, key)
			}
			return e.file.Where("tenants", t.Schema) + ", which the " + e.routerKey(t.Routing.Router) + " names"
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
func (e *evaluator) routerKey(r abi.Router) string {
	switch r {
	case abi.ByHeader:
		return "header " + e.file.GuestConfig.TenantHeader
	case abi.BySession:
		return "session under " + e.file.GuestConfig.TenantSessionKey
	}
	return "host"
}

// explainConflict writes what each router read.
func (e *evaluator) explainConflict(line func(string, string, ...any), q *question, a *routeAnswer) {
	c := &e.file.GuestConfig
	for _, r := range c.Routers {
		switch value := a.request.Header.Get(c.TenantHeader); r {
		case abi.ByDomain:
			line("by domain", "%s%s", a.request.Host, q.Target)
		case abi.ByHeader:
			if a.request.Trusted && value != "" {
				line("by header", "%s: %s", c.TenantHeader, value)
			}
		case abi.BySession:
			if a.request.Session != "" {
				line("by session", "%s: %s", c.TenantSessionKey, a.request.Session)
			}
		}
	}
}

// explainChoices writes which attributes of the tenant's row chose what serves it.
func (e *evaluator) explainChoices(line func(string, string, ...any), t *tenant.Tenant) {
	d := e.file.GuestConfig.Default
	if d == nil || !t.Dynamic {
		return
	}
	chosen := tenancy.Place(d, t.Attributes.Get)
	switch {
	case t.URLConf != chosen.URLConf: // the guest has its own rules
	case chosen.Status:
		line("chosen by", "%s", e.choice("status", d.Status, t))
		return
	case d.URLConfBy != nil:
		line("chosen by", "%s", e.choice("urlconf", d.URLConfBy, t))
	}
	if d.WSURLConfBy != nil && t.WSURLConf == chosen.WSURLConf {
		line("websockets", "%s", e.choice("ws_urlconf", d.WSURLConfBy, t))
	}
}

// choice describes why an attribute chose what it did, with the key of the file.
func (e *evaluator) choice(key string, c *abi.Choice, t *tenant.Tenant) string {
	value, has := t.Attributes.Get(c.Attribute)
	if _, listed := c.Values[value]; has && listed {
		return fmt.Sprintf("attribute %s is %s: %s", c.Attribute, value, e.file.Where("tenants", "default", key, "values", value))
	}
	otherwise := e.file.Where("tenants", "default", key, "default")
	if !has {
		return fmt.Sprintf("the row has no attribute %s: %s", c.Attribute, otherwise)
	}
	return fmt.Sprintf("attribute %s is %q, which is not listed: %s", c.Attribute, value, otherwise)
}
