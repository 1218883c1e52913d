package config

import (
	"fmt"
	"slices"
	"strings"

	"github.com/tenantedge/tenantedge/edge"
	"github.com/tenantedge/tenantedge/guest/abi"
	"github.com/tenantedge/tenantedge/guest/tenancy"
)

// Kinds of warnings. They are labels of a metric and part of what `tenantedge
// check --json` prints, so they stay.
const (
	WarnStaticDomain = "static_domain" // a domain of a static tenant that never leads to it
	WarnStaticAlias  = "static_alias"  // a HEADER or SESSION_KEY that another static tenant has
	WarnLeftOut      = "row_left_out"  // a row that is not valid
	WarnShadowed     = "row_shadowed"  // a row whose domain is a static tenant's
	WarnFolder       = "row_folder"    // a row whose folder no path has
	WarnDomain       = "row_domain"    // a row whose domain no request has
	WarnTwin         = "row_www"       // a row that differs from another tenant's by "www." alone
	WarnRedirect     = "row_redirect"  // a row that redirects nowhere, or for ever
	WarnAlias        = "row_alias"     // a row that a reference to a static tenant names
)

// WarningKinds are all kinds of warnings.
var WarningKinds = []string{
	WarnStaticDomain, WarnStaticAlias, WarnLeftOut, WarnShadowed, WarnFolder, WarnDomain, WarnTwin, WarnRedirect, WarnAlias,
}

// Warning is something that is valid but most likely a mistake: it is served, but not
// as whoever wrote it expects.
type Warning struct {
	Kind string
	// Error is the place in the configuration, or, with Row, in the directory.
	Error
	Row string // names a row of the directory; empty: it is no row's
}

// String returns the warning in one line.
func (w Warning) String() string {
	if w.Row == "" {
		return w.Error.Error()
	}
	return w.Row + ": " + w.Problem
}

// MostWarnings is how many warnings of each kind a Warnings names.
const MostWarnings = 20

// Warnings are what Warnings and RowWarnings found.
type Warnings struct {
	Named  []Warning      // MostWarnings of each kind at most
	Counts map[string]int // how many there are of each kind
}

func (ws *Warnings) add(w Warning) {
	if ws.Counts == nil {
		ws.Counts = map[string]int{}
	}
	if ws.Counts[w.Kind]++; ws.Counts[w.Kind] <= MostWarnings {
		ws.Named = append(ws.Named, w)
	}
}

// Join adds what o found.
func (ws *Warnings) Join(o Warnings) {
	for kind, n := range o.Counts {
		if ws.Counts == nil {
			ws.Counts = map[string]int{}
		}
		ws.Counts[kind] += n
	}
	ws.Named = append(ws.Named, o.Named...)
}

// at is a warning about the key p of the file.
func (f *File) at(kind string, p *path, format string, args ...any) Warning {
	m := f.markOf(p)
	return Warning{Kind: kind, Error: Error{File: f.Name, Line: m.pos.line, Column: m.pos.col, Path: m.path.String(), Problem: fmt.Sprintf(format, args...)}}
}

// Warnings finds what can never take effect in the TENANTS table.
func (f *File) Warnings() Warnings {
	var ws Warnings
	domains, fallbacks := map[string]string{}, map[string]string{}
	for _, t := range f.Tenants {
		f.claimDomains(&ws, t.Schema, "domains", t.Domains, domains, nil)
	}
	for _, t := range f.Tenants {
		f.claimDomains(&ws, t.Schema, "fallback_domains", t.FallbackDomains, fallbacks, domains)
	}
	f.claimAliases(&ws, "header", func(t *abi.StaticTenant) *string { return t.Header })
	f.claimAliases(&ws, "session_key", func(t *abi.StaticTenant) *string { return t.SessionKey })
	return ws
}

// claimDomains notes which tenant has a domain first. before are domains that
// are looked up before these.
func (f *File) claimDomains(ws *Warnings, schema, key string, list []string, taken, before map[string]string) {
	for i, domain := range list {
		p := root("tenants", schema, key).item(i)
		name := f.lookedUp(domain)
		owner, again := taken[name]
		if !again {
			owner, again = before[name]
		}
		switch {
		case f.Compat == edge.Strict && strings.HasPrefix(domain, "www."):
			ws.add(f.at(WarnStaticDomain, p, "%q never matches: strict rules take one \"www.\" off the host before they compare; leave it out here", domain))
		case !again:
			taken[name] = schema
		case owner == schema:
			ws.add(f.at(WarnStaticDomain, p, "%q is a duplicate of an earlier entry; remove one of them", domain))
		default:
			ws.add(f.at(WarnStaticDomain, p, "%q leads to %s, which has it too and comes first; remove it from one of them", domain, owner))
		}
	}
}

// claimAliases finds aliases that are another static tenant's schema or alias:
// the first in the order of the table prevails.
func (f *File) claimAliases(ws *Warnings, key string, alias func(*abi.StaticTenant) *string) {
	taken := map[string]string{}
	for i := range f.Tenants {
		t := &f.Tenants[i]
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
			ws.add(f.at(WarnStaticAlias, root("tenants", t.Schema, key), "%q means %s, which comes first; give one of them another name", name, owner))
		}
	}
}

// lookedUp is a domain as requests look it up.
func (f *File) lookedUp(domain string) string {
	if f.Compat == edge.Strict {
		return domain
	}
	if normal, err := tenancy.NormalizeHost(domain); err == nil {
		return normal
	}
	return domain // the guest refuses it
}

// sorted puts the kinds in the order of WarningKinds.
func (ws *Warnings) sorted() Warnings {
	slices.SortStableFunc(ws.Named, func(a, b Warning) int {
		return slices.Index(WarningKinds, a.Kind) - slices.Index(WarningKinds, b.Kind)
	})
	return *ws
}
