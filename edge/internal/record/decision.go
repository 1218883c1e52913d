package record

import (
	"slices"
	"strconv"
	"strings"

	"github.com/tenantedge/tenantedge/edge/internal/guests"
	"github.com/tenantedge/tenantedge/edge/tenant"
	"github.com/tenantedge/tenantedge/guest/abi"
)

// AppendDecision appends the decision on r as JSON. What follows from r, or is the same
// for most tenants, is left out: FORMAT.md has the list. Equal decisions give equal
// bytes.
func AppendDecision(b []byte, d *guests.Decision, r *guests.Request) []byte {
	o := object{append(b, '{')}
	o.text("outcome", d.Outcome.String())
	t := &d.Tenant
	switch d.Outcome {
	case abi.Redirect:
		o.number("status", int64(d.Status))
		o.text("location", d.Location)
	case abi.Tenant:
	default:
		if d.Outcome == abi.None && t.Path != targetPath(r.Target) {
			o.text("path", t.Path)
		}
		o.set("reason", d.Reason)
		return append(o.b, '}')
	}
	o.set("reason", d.Reason)
	o.set("schema", t.Schema)
	if t.Dynamic {
		o.text("id", t.ID)
	}
	if t.Routing.Router == abi.ByDomain {
		if t.Routing.Domain != r.Host {
			o.text("domain", t.Routing.Domain)
		}
		o.set("folder", t.Routing.Folder)
	} else {
		o.text("reference", t.Routing.Reference)
		o.flag("by_session", t.Routing.Router == abi.BySession)
	}
	if d.Outcome == abi.Tenant {
		appendServed(&o, d, r)
	}
	return append(o.b, '}')
}

// appendServed appends what decisions for tenants have besides.
func appendServed(o *object, d *guests.Decision, r *guests.Request) {
	t := &d.Tenant
	o.set("urlconf", t.URLConf)
	o.set("ws_urlconf", t.WSURLConf)
	if t.Path != targetPath(r.Target) {
		o.text("path", t.Path)
	}
	if t.Identifier != t.Schema {
		o.text("identifier", t.Identifier)
	}
	if t.CachePrefix != t.Schema {
		o.text("cache_prefix", t.CachePrefix)
	}
	if d.WSFound {
		o.text("route", d.WSRoute)
		o.text("kwargs", d.WSKwargs)
	}
	o.texts("headers", d.Headers)
}

// targetPath returns the part of a request target before the query.
func targetPath(target string) string {
	path, _, _ := strings.Cut(target, "?")
	return path
}

// ParseDecision parses the decision on r, which AppendDecision has written or another
// program.
func ParseDecision(b []byte, r *guests.Request, d *guests.Decision) error {
	p := newParser(b)
	p.decision(d, r)
	p.end()
	return p.failure()
}

var outcomes = [...]abi.Outcome{abi.Tenant, abi.Redirect, abi.Missing, abi.None, abi.BadRequest, abi.Conflict}

func (p *parser) decision(d *guests.Decision, r *guests.Request) {
	*d = guests.Decision{}
	t := &d.Tenant
	t.Routing = tenant.Routing{Router: abi.ByDomain, Domain: r.Host}
	t.Path = targetPath(r.Target)
	var identifier, prefix *string
	text := func() *string { s := p.text(); return &s }
	p.object(func(key string) {
		switch key {
		case "outcome":
			name := p.text()
			i := slices.IndexFunc(outcomes[:], func(o abi.Outcome) bool { return o.String() == name })
			if i < 0 {
				p.fail("expected an outcome, found %.40q", name)
				return
			}
			d.Outcome = outcomes[i]
		case "status":
			d.Status = int(p.number())
		case "location":
			d.Location = p.text()
		case "reason":
			d.Reason = p.text()
		case "schema":
			t.Schema = p.text()
		case "id":
			t.ID, t.Dynamic = p.text(), true
		case "domain":
			t.Routing.Domain = p.text()
		case "folder":
			t.Routing.Folder = p.text()
		case "reference":
			router := abi.ByHeader
			if t.Routing.Router == abi.BySession {
				router = abi.BySession
			}
			t.Routing = tenant.Routing{Router: router, Reference: p.text()}
		case "by_session":
			if p.flag() {
				t.Routing.Router, t.Routing.Domain = abi.BySession, ""
			}
		case "urlconf":
			t.URLConf = p.text()
		case "ws_urlconf":
			t.WSURLConf = p.text()
		case "path":
			t.Path = p.text()
		case "identifier":
			identifier = text()
		case "cache_prefix":
			prefix = text()
		case "route":
			d.WSRoute, d.WSFound = p.text(), true
		case "kwargs":
			d.WSKwargs = p.text()
		case "headers":
			d.Headers = p.texts()
		default:
			p.unknown(key)
		}
	})
	if d.Outcome == 0 {
		p.fail("expected the key outcome, found none")
	}
	t.Identifier, t.CachePrefix = t.Schema, t.Schema
	if identifier != nil {
		t.Identifier = *identifier
	}
	if prefix != nil {
		t.CachePrefix = *prefix
	}
}

// Field is a field of a decision, as text.
type Field struct{ Name, Value string }

// Fields returns all fields of a decision, in the order of their weight: the first in
// which two decisions differ says best how they differ.
func Fields(d *guests.Decision) []Field {
	t := &d.Tenant
	all := []Field{
		{"outcome", d.Outcome.String()}, {"schema", t.Schema}, {"id", ""}, {"status", ""}, {"location", d.Location},
	}
	if t.Dynamic {
		all[2].Value = t.ID
	}
	if d.Outcome == abi.Redirect {
		all[3].Value = strconv.Itoa(d.Status)
	}
	if d.Outcome == abi.Tenant || d.Outcome == abi.Redirect {
		all = append(all, Field{"router", string(t.Routing.Router)}, Field{"domain", t.Routing.Domain}, Field{"folder", t.Routing.Folder}, Field{"reference", t.Routing.Reference})
	}
	if d.Outcome == abi.Tenant || d.Outcome == abi.None {
		all = append(all, Field{"path", t.Path})
	}
	if d.Outcome == abi.Tenant {
		all = append(all, Field{"urlconf", t.URLConf}, Field{"ws_urlconf", t.WSURLConf},
			Field{"identifier", t.Identifier}, Field{"cache_prefix", t.CachePrefix}, Field{"route", d.WSRoute}, Field{"kwargs", d.WSKwargs},
			Field{"headers", strings.Join(d.Headers, " ")})
	}
	return append(all, Field{"reason", d.Reason})
}
