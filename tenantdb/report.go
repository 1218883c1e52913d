package tenantdb

import (
	"fmt"
	"strings"
)

// Problem names a row that was left out of the directory, and why.
type Problem struct {
	TenantID string
	Schema   string // of a tenant row; empty for a domain row
	Domain   string // of a domain row, as it is stored
	Folder   string
	Reason   string
}

// String tells the problem in one line.
func (p Problem) String() string {
	if p.Schema != "" || p.Domain == "" && p.Folder == "" {
		return fmt.Sprintf("tenant %q (schema %q): %s", p.TenantID, p.Schema, p.Reason)
	}
	return fmt.Sprintf("domain %q folder %q of tenant %q: %s", p.Domain, p.Folder, p.TenantID, p.Reason)
}

// MaxProblems is how many problems a Report names; it counts them all.
const MaxProblems = 100

// Report is what became of a Replace or an Apply. Rows that are not valid are
// left out and never take the rest down.
type Report struct {
	Tenants  int // in the directory now
	Domains  int
	Refused  int       // rows that were left out
	Problems []Problem // the first MaxProblems of them
}

// String tells the report in one line, with the first few problems.
func (r Report) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%d tenants, %d domains", r.Tenants, r.Domains)
	if r.Refused == 0 {
		return b.String()
	}
	fmt.Fprintf(&b, ", %d rows left out", r.Refused)
	for i, p := range r.Problems {
		if i == 3 {
			fmt.Fprintf(&b, "; …")
			break
		}
		fmt.Fprintf(&b, "; %s", p)
	}
	return b.String()
}

func (r *Report) refuse(p Problem) {
	r.Refused++
	if len(r.Problems) < MaxProblems {
		r.Problems = append(r.Problems, p)
	}
}

func (r *Report) refuseTenant(t Tenant, reason string) {
	r.refuse(Problem{TenantID: t.ID, Schema: t.Schema, Reason: reason})
}

func (r *Report) refuseDomain(d Domain, reason string) {
	r.refuse(Problem{TenantID: d.TenantID, Domain: d.Domain, Folder: d.Folder, Reason: reason})
}

// merge adds the refusals of o, which came after those of r.
func (r *Report) merge(o Report) {
	r.Refused += o.Refused
	room := MaxProblems - len(r.Problems)
	r.Problems = append(r.Problems, o.Problems[:min(room, len(o.Problems))]...)
}
