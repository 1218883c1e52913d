package console

import (
	"context"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/tenantedge/tenantedge/tenantdb"
)

// tenantsData is a page of the list of tenants.
type tenantsData struct {
	Query    string
	Rows     []tenantRow
	Found    int    // tenants that the query selects
	From     int    // number of the first row
	Next     string // path and query of the next page; empty: there is none
	Previous string
	First    string
	Busy     bool // other searches are in progress
}

// tenantRow is a tenant in the list.
type tenantRow struct {
	Schema, ID string
	Static     bool
	Domains    []string
	More       int // domains that are not listed
}

const (
	pageRows    = 50
	rowDomains  = 3
	maxQuery    = 253
	searchTime  = 5 * time.Second
	checkRows   = 1024 // rows between two looks at the context
	tenantsPath = "/console/tenants"
)

func (c *Console) tenants(w http.ResponseWriter, r *http.Request, v *visit) {
	q := r.URL.Query()
	query := strings.TrimSpace(q.Get("q"))
	if len(query) > maxQuery {
		query = query[:maxQuery]
	}
	ctx, cancel := context.WithTimeout(r.Context(), searchTime)
	defer cancel()
	d := &tenantsData{Query: strings.ToValidUTF8(query, "")}
	if !c.begin(ctx) {
		d.Busy = true
		c.render(w, r, v, http.StatusServiceUnavailable, "tenants", "Tenants", d)
		return
	}
	defer c.end()
	d.find(ctx, c.options.Edge(), q.Get("after"), q.Get("before"))
	c.render(w, r, v, http.StatusOK, "tenants", "Tenants", d)
}

// find fills the page that begins after a schema, or ends before one. It looks at all
// tenants and keeps those of the page only.
func (d *tenantsData) find(ctx context.Context, e Edge, after, before string) {
	p := &pager{after: after, before: before}
	needle := strings.ToLower(d.Query)
	static := map[string]bool{}
	for _, t := range e.Static() {
		static[t.Schema] = true
		if contains(t.Schema, needle) || slices.ContainsFunc(t.Domains, func(domain string) bool { return contains(domain, needle) }) {
			p.add(t.Schema)
		}
	}
	if rows := e.Directory(); rows != nil {
		n := 0
		for t := range rows.Tenants() {
			if n++; n%checkRows == 0 && ctx.Err() != nil {
				break
			}
			if !static[t.Schema] && matches(rows, &t, needle) {
				p.add(t.Schema)
			}
		}
	}
	d.page(e, p)
}

// matches reports whether the schema, the id or a domain of a row contains the text.
func matches(rows *tenantdb.Directory, t *tenantdb.Tenant, needle string) bool {
	if contains(t.Schema, needle) || contains(t.ID, needle) {
		return true
	}
	for domain := range rows.DomainsOf(t.ID) {
		if contains(domain.Domain, needle) {
			return true
		}
	}
	return false
}

func contains(s, needle string) bool {
	return needle == "" || strings.Contains(strings.ToLower(s), needle)
}

// page describes the tenants of the page, and links to its neighbours.
func (d *tenantsData) page(e Edge, p *pager) {
	d.Found, d.From = p.found, p.skipped+1
	for _, schema := range p.kept {
		d.Rows = append(d.Rows, rowOf(e, schema))
	}
	link := func(name, schema string) string {
		q := url.Values{}
		if d.Query != "" {
			q.Set("q", d.Query)
		}
		if name != "" {
			q.Set(name, schema)
		}
		return tenantsPath + "?" + q.Encode()
	}
	if n := len(p.kept); n > 0 {
		if p.skipped > 0 {
			d.Previous, d.First = link("before", p.kept[0]), link("", "")
		}
		if p.skipped+n < p.found {
			d.Next = link("after", p.kept[n-1])
		}
	} else if p.found > 0 {
		d.First = link("", "")
	}
}

func rowOf(e Edge, schema string) tenantRow {
	row := tenantRow{Schema: schema}
	add := func(domain string) {
		if len(row.Domains) < rowDomains {
			row.Domains = append(row.Domains, domain)
		} else {
			row.More++
		}
	}
	for _, t := range e.Static() {
		if t.Schema == schema {
			row.Static = true
			for _, domain := range t.Domains {
				add(domain)
			}
			return row
		}
	}
	rows := e.Directory()
	if rows == nil {
		return row
	}
	if t, ok := rows.BySchema(schema); ok {
		row.ID = t.ID
		for domain := range rows.DomainsOf(t.ID) {
			add(address(domain))
		}
	}
	return row
}

// address returns the domain of a row with its folder.
func address(d tenantdb.Domain) string {
	if d.Folder == "" {
		return d.Domain
	}
	return d.Domain + "/" + d.Folder + "/"
}

// pager keeps the schemas of one page: the first ones after a schema, or the last ones
// before one.
type pager struct {
	after, before string
	kept          []string // ascending
	found         int
	skipped       int // those before the page
	below         int // those below before, or up to after
}

func (p *pager) add(schema string) {
	p.found++
	switch {
	case p.before != "":
		if schema >= p.before {
			return
		}
		p.below++
		p.insert(schema)
		if len(p.kept) > pageRows {
			p.kept = slices.Delete(p.kept, 0, 1)
		}
		p.skipped = p.below - len(p.kept)
	case schema <= p.after && p.after != "":
		p.skipped++
	default:
		if len(p.kept) == pageRows && schema > p.kept[pageRows-1] {
			return
		}
		p.insert(schema)
		p.kept = p.kept[:min(pageRows, len(p.kept))]
	}
}

func (p *pager) insert(schema string) {
	i, _ := slices.BinarySearch(p.kept, schema)
	p.kept = slices.Insert(p.kept, i, schema)
}
