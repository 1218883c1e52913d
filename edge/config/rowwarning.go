package config

import (
	"fmt"
	"strings"

	"github.com/tenantedge/tenantedge/edge"
	"github.com/tenantedge/tenantedge/guest/abi"
	"github.com/tenantedge/tenantedge/guest/tenancy"
	"github.com/tenantedge/tenantedge/tenantdb"
)

// rowChecker checks the rows of a directory one by one. It looks up other rows
// instead of collecting them, so that its memory does not grow with the directory.
type rowChecker struct {
	*Warnings
	file    *File
	dir     *tenantdb.Directory
	edge    edge.Config
	statics map[string]string // schemas of static tenants, by domain
}

// RowWarnings returns warnings about rows of a directory: invalid rows that were
// left out, rows that no request reaches, and rows with a wrong redirect or an
// ambiguous name. dir is the directory of the file, loaded.
func (f *File) RowWarnings(dir *tenantdb.Directory) Warnings {
	c := rowChecker{Warnings: &Warnings{}, file: f, dir: dir, edge: f.Edge(), statics: f.staticDomains()}
	for _, p := range dir.Problems() {
		w := Warning{Kind: WarnLeftOut, Row: fmt.Sprintf("domain %q folder %q of tenant %q", p.Domain, p.Folder, p.TenantID), Error: Error{Problem: "left out: " + p.Reason}}
		if p.Schema != "" {
			w.Row = fmt.Sprintf("tenant %q (schema %q)", p.TenantID, p.Schema)
		}
		c.add(w)
	}
	if more := dir.Stats().LeftOut - c.Counts[WarnLeftOut]; more > 0 {
		c.Counts[WarnLeftOut] += more // the directory counts more than it describes
	}
	if f.GuestConfig.Compat == abi.Strict {
		for t := range dir.Tenants() {
			if reason := c.edge.RefuseTenant(t); reason != "" {
				c.add(Warning{Kind: WarnAlias, Row: fmt.Sprintf("tenant %q (schema %q)", t.ID, t.Schema), Error: Error{Problem: reason}})
			}
		}
	}
	for range f.choices {
		for t := range dir.Tenants() {
			c.values(t)
		}
		break
	}
	for row := range dir.Domains() {
		c.row(row)
	}
	return c.sorted()
}

// staticDomains returns the schema of the first static tenant with each domain.
func (f *File) staticDomains() map[string]string {
	owners := map[string]string{}
	for _, t := range f.GuestConfig.Tenants {
		for _, domain := range t.Domains {
			if name := f.normalDomain(domain); owners[name] == "" {
				owners[name] = t.Schema
			}
		}
	}
	return owners
}

func (c *rowChecker) warn(row tenantdb.Domain, kind, format string, args ...any) {
	name := fmt.Sprintf("domain %q of tenant %q", row.Domain, row.TenantID)
	if row.Folder != "" {
		name = fmt.Sprintf("domain %q folder %q of tenant %q", row.Domain, row.Folder, row.TenantID)
	}
	c.add(Warning{Kind: kind, Row: name, Error: Error{Problem: fmt.Sprintf(format, args...)}})
}

// Unreachable returns why no request reaches a row of the domain table, regardless
// of the other rows, or the empty string.
func (f *File) Unreachable(row tenantdb.Domain) (reason string) {
	c := rowChecker{file: f, statics: f.staticDomains()}
	_, reason = c.unreachable(row)
	return reason
}

func (c *rowChecker) unreachable(row tenantdb.Domain) (kind, reason string) {
	if owner := c.statics[row.Domain]; owner != "" {
		return WarnShadowed, owner + " has the domain in the key tenants, which takes precedence; remove it from one of the two"
	}
	if row.Folder != "" && !tenancy.CanBeFolder(row.Folder) {
		return WarnFolder, fmt.Sprintf("the first segment of a path is never %q; write the folder without slashes", row.Folder)
	}
	if c.file.GuestConfig.Compat != abi.Strict {
		return "", ""
	}
	if _, err := tenancy.NormalizeHost(row.Domain); err != nil {
		return WarnDomain, fmt.Sprintf("%v; correct it", err)
	}
	if rest, www := strings.CutPrefix(row.Domain, "www."); www {
		return WarnWWW, fmt.Sprintf("strict rules look up %q for a host that begins with \"www.\"; remove \"www.\"", rest)
	}
	return "", ""
}

func (c *rowChecker) row(row tenantdb.Domain) {
	strict := c.file.GuestConfig.Compat == abi.Strict
	if kind, reason := c.unreachable(row); reason != "" {
		c.warn(row, kind, "never reached: %s", reason)
	}
	if rest, www := strings.CutPrefix(row.Domain, "www."); www && !strict {
		if m, found := c.dir.ByDomain(rest, row.Folder); found && m.Tenant.ID != row.TenantID && m.Folder == row.Folder {
			c.warn(row, WarnWWW, "%q, the name without \"www.\", belongs to tenant %q; give both names to one tenant", rest, m.Tenant.ID)
		} else if owner := c.statics[rest]; owner != "" {
			c.warn(row, WarnWWW, "%q, the name without \"www.\", belongs to %s in the key tenants; give both names to one tenant", rest, owner)
		}
	}
	if problem := c.redirect(row, strict); problem != "" {
		c.warn(row, WarnRedirect, "%s", problem)
	}
}

// redirect returns the problem with the redirect of a row, or the empty string.
func (c *rowChecker) redirect(row tenantdb.Domain, strict bool) string {
	if !row.RedirectToPrimary {
		return ""
	}
	if row.IsPrimary {
		if strict {
			return "redirects to itself endlessly: it is the primary domain; clear redirect_to_primary"
		}
		return "does not redirect: it is the primary domain; clear redirect_to_primary"
	}
	primary, found := c.dir.Primary(row.TenantID)
	if !found {
		return "does not redirect: the tenant has no primary domain; make one of its rows primary"
	}
	instead := "is served without a redirect"
	if strict {
		instead = "redirects to a page that is not the tenant's"
	}
	name := primary.Domain
	if primary.Ambiguous {
		return fmt.Sprintf("redirects to %q, one of several primary domains of the tenant; keep one of them", name)
	}
	if owner := c.statics[name]; owner != "" {
		return fmt.Sprintf("%s: the primary domain %q belongs to %s in the key tenants; remove it from one of the two", instead, name, owner)
	}
	if primary.Folder != "" && !tenancy.CanBeFolder(primary.Folder) {
		return fmt.Sprintf("%s: the first segment of a path is never %q, the folder of the primary domain; write it without slashes", instead, primary.Folder)
	}
	if _, err := tenancy.NormalizeHost(name); err != nil {
		return fmt.Sprintf("%s: the primary domain is not a host name: %v; correct it", instead, err)
	}
	if !strict {
		return ""
	}
	if rest, www := strings.CutPrefix(name, "www."); www {
		if next, found := c.dir.ByDomain(rest, primary.Folder); found && next.RedirectToPrimary {
			return fmt.Sprintf("redirects endlessly: strict rules look up %q for the primary domain %q, which redirects again; remove \"www.\" there", rest, name)
		}
		return fmt.Sprintf("%s: strict rules never find the primary domain %q; remove \"www.\" there", instead, name)
	}
	if primary.RedirectToPrimary {
		return fmt.Sprintf("redirects endlessly: the primary domain %q redirects too; clear its redirect_to_primary", name)
	}
	return ""
}
