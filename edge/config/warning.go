package config

import (
	"fmt"
	"slices"
	"strings"

	"github.com/tenantedge/tenantedge/guest/abi"
	"github.com/tenantedge/tenantedge/guest/tenancy"
)

// Kinds of warnings. They do not change, as they are labels of a metric and in the
// output of `tenantedge check --json`.
const (
	WarnStaticDomain = "static_domain" // a domain of a static tenant that never leads to it
	WarnStaticAlias  = "static_alias"  // a schema, HEADER or SESSION_KEY that an earlier static tenant has too
	WarnLeftOut      = "row_left_out"  // an invalid row
	WarnShadowed     = "row_shadowed"  // a row whose domain is a static tenant's
	WarnFolder       = "row_folder"    // a row whose folder cannot be the first segment of a path
	WarnDomain       = "row_domain"    // a row whose domain is not a host name
	WarnWWW          = "row_www"       // a row with "www." whose domain without it is another tenant's, or that strict rules never find
	WarnRedirect     = "row_redirect"  // a row whose redirect does not work, never ends or is ambiguous
	WarnAlias        = "row_alias"     // a row that is ambiguous with an entry of TENANTS, see edge.Config.RefuseTenant
	WarnValue        = "row_value"     // a row with an attribute that chooses no urlconf
)

// WarningKinds are all kinds of warnings.
var WarningKinds = []string{
	WarnStaticDomain, WarnStaticAlias, WarnLeftOut, WarnShadowed, WarnFolder, WarnDomain, WarnWWW, WarnRedirect, WarnAlias, WarnValue,
}

// Warning is about something that is valid but most likely a mistake, because its
// effect is not what its author expects.
type Warning struct {
	Kind string
	// Error is the problem and, without Row, its position in the file.
	Error
	Row string // names a row of the directory; empty: the warning is about the file
}

// String returns the warning in one line.
func (w Warning) String() string {
	if w.Row == "" {
		return w.Error.Error()
	}
	return w.Row + ": " + w.Problem
}

// MaxWarnings is the limit of Warnings.Named for each kind.
const MaxWarnings = 20

// Warnings is the result of File.Warnings or File.RowWarnings.
type Warnings struct {
	Named  []Warning      // the first MaxWarnings of each kind
	Counts map[string]int // number of all warnings, by kind
}

func (ws *Warnings) add(w Warning) {
	if ws.Counts == nil {
		ws.Counts = map[string]int{}
	}
	if ws.Counts[w.Kind]++; ws.Counts[w.Kind] <= MaxWarnings {
		ws.Named = append(ws.Named, w)
	}
}

// Join adds the warnings of o.
func (ws *Warnings) Join(o Warnings) {
	for kind, n := range o.Counts {
		if ws.Counts == nil {
			ws.Counts = map[string]int{}
		}
		ws.Counts[kind] += n
	}
	ws.Named = append(ws.Named, o.Named...)
}

// at returns a warning about the key p of the file.
func (f *File) at(kind string, p *path, format string, args ...any) Warning {
	m := f.markOf(p)
	return Warning{Kind: kind, Error: Error{File: f.Name, Line: m.pos.line, Column: m.pos.col, Path: m.path.String(), Problem: fmt.Sprintf(format, args...)}}
}

// Warnings returns warnings about values in the TENANTS table that never take
// effect.
func (f *File) Warnings() Warnings {
	var ws Warnings
	domains, fallbacks := map[string]string{}, map[string]string{}
	for _, t := range f.GuestConfig.Tenants {
		f.claimDomains(&ws, t.Schema, "domains", t.Domains, domains, nil)
	}
	for _, t := range f.GuestConfig.Tenants {
		f.claimDomains(&ws, t.Schema, "fallback_domains", t.FallbackDomains, fallbacks, domains)
	}
	f.claimAliases(&ws, "header", func(t *abi.StaticTenant) *string { return t.Header })
	f.claimAliases(&ws, "session_key", func(t *abi.StaticTenant) *string { return t.SessionKey })
	return ws
}

// claimDomains records in taken which tenant has a domain first, and warns about
// the others. The domains in before are looked up earlier.
func (f *File) claimDomains(ws *Warnings, schema, key string, list []string, taken, before map[string]string) {
	for i, domain := range list {
		p := root("tenants", schema, key).item(i)
		name := f.normalDomain(domain)
		owner, again := taken[name]
		if !again {
			owner, again = before[name]
		}
		switch {
		case f.GuestConfig.Compat == abi.Strict && strings.HasPrefix(domain, "www."):
			ws.add(f.at(WarnStaticDomain, p, "%q never matches: strict rules remove one \"www.\" from the host before comparing; leave it out here", domain))
		case !again:
			taken[name] = schema
		case owner == schema:
			ws.add(f.at(WarnStaticDomain, p, "%q is a duplicate of an earlier entry; remove one of them", domain))
		default:
			ws.add(f.at(WarnStaticDomain, p, "%q leads to %s, which also lists it and takes precedence; remove it from one of them", domain, owner))
		}
	}
}

// claimAliases warns about a schema or alias that is also that of an earlier static
// tenant, which prevails.
func (f *File) claimAliases(ws *Warnings, key string, alias func(*abi.StaticTenant) *string) {
	taken := map[string]string{}
	for i := range f.GuestConfig.Tenants {
		t := &f.GuestConfig.Tenants[i]
		names := []string{t.Schema}
		if a := alias(t); a != nil && *a != t.Schema {
			names = append(names, *a)
		}
		for _, name := range names {
			owner, again := taken[name]
			if !again {
				taken[name] = t.Schema
				continue
			}
			ws.add(f.at(WarnStaticAlias, root("tenants", t.Schema, key), "%q refers to %s, which takes precedence; rename one of them", name, owner))
		}
	}
}

// normalDomain returns the form in which requests look a domain up.
func (f *File) normalDomain(domain string) string {
	if f.GuestConfig.Compat == abi.Strict {
		return domain
	}
	if normal, err := tenancy.NormalizeHost(domain); err == nil {
		return normal
	}
	return domain // the guest rejects it
}

// sorted sorts the warnings by kind, in the order of WarningKinds.
func (ws *Warnings) sorted() Warnings {
	slices.SortStableFunc(ws.Named, func(a, b Warning) int {
		return slices.Index(WarningKinds, a.Kind) - slices.Index(WarningKinds, b.Kind)
	})
	return *ws
}
