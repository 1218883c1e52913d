package tenantdb

import (
	"fmt"
	"strings"
)

// Problem is a row that was left out of the directory, and the reason.
type Problem struct {
	TenantID string
	Schema   string // of a tenant row; empty for a domain row
	Domain   string // of a domain row, as stored
	Folder   string
	Reason   string
}

// String returns the problem in one line.
func (p Problem) String() string {
	if p.Schema != "" || p.Domain == "" && p.Folder == "" {
		return fmt.Sprintf("tenant %q (schema %q): %s", p.TenantID, p.Schema, p.Reason)
	}
	return fmt.Sprintf("domain %q folder %q of tenant %q: %s", p.Domain, p.Folder, p.TenantID, p.Reason)
}

// MaxProblems is the number of problems that a Report lists; it counts all.
const MaxProblems = 100

// Report is the outcome of a Replace or an Apply. Invalid rows are left out; the
// others are used.
type Report struct {
	Tenants  int       // in the directory now
	Domains  int       // in the directory now
	LeftOut  int       // rows that were left out
	Problems []Problem // the first MaxProblems of them
}

// String returns the report in one line, with the first three problems.
func (r Report) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%d tenants, %d domains", r.Tenants, r.Domains)
	if r.LeftOut == 0 {
		return b.String()
	}
	fmt.Fprintf(&b, ", %d rows left out", r.LeftOut)
	for i, p := range r.Problems {
		if i == 3 {
			fmt.Fprintf(&b, "; …")
			break
		}
		fmt.Fprintf(&b, "; %s", p)
	}
	return b.String()
}

func (r *Report) leaveOut(p Problem) {
	r.LeftOut++
	if len(r.Problems) < MaxProblems {
		// The directory keeps the problems, but not the source's text.
		p.TenantID, p.Schema = strings.Clone(p.TenantID), strings.Clone(p.Schema)
		p.Domain, p.Folder = strings.Clone(p.Domain), strings.Clone(p.Folder)
		r.Problems = append(r.Problems, p)
	}
}

func (r *Report) leaveOutTenant(t Tenant, reason string) {
	r.leaveOut(Problem{TenantID: t.ID, Schema: t.Schema, Reason: reason})
}

func (r *Report) leaveOutDomain(d Domain, reason string) {
	r.leaveOut(Problem{TenantID: d.TenantID, Domain: d.Domain, Folder: d.Folder, Reason: reason})
}

// merge appends the problems of o.
func (r *Report) merge(o Report) {
	r.LeftOut += o.LeftOut
	room := MaxProblems - len(r.Problems)
	r.Problems = append(r.Problems, o.Problems[:min(room, len(o.Problems))]...)
}
