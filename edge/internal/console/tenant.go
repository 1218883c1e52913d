package console

import (
	"context"
	"net/http"
)

// tenantData is what the page of a tenant shows.
type tenantData struct {
	Tenant
	Domains  []domainRow
	More     int    // domains that are not listed
	Try      string // a URL of the tenant; empty: it has none
	Counted  bool   // its files were counted
	Usage    Usage
	UsageErr string // why they could not be counted
}

// domainRow is a domain of a tenant.
type domainRow struct {
	Address string
	Note    string
}

const maxDomains = 100

func (c *Console) tenant(w http.ResponseWriter, r *http.Request, v *visit) {
	e := c.options.Edge()
	found, ok := e.Tenant(r.PathValue("schema"))
	if !ok {
		c.render(w, r, v, http.StatusNotFound, "failed", "Not found", sentence("there is no such tenant; it may have been removed"))
		return
	}
	d := &tenantData{Tenant: found}
	d.addDomains(e)
	if len(d.Domains) > 0 {
		d.Try = "http://" + d.Domains[0].Address
	}
	if found.HasFiles && r.URL.Query().Has("files") {
		d.count(r.Context(), c)
	}
	c.render(w, r, v, http.StatusOK, "tenant", found.Schema, d)
}

func (d *tenantData) addDomains(e Edge) {
	add := func(row domainRow) {
		if len(d.Domains) < maxDomains {
			d.Domains = append(d.Domains, row)
		} else {
			d.More++
		}
	}
	if d.ID == "" {
		for _, t := range e.Static() {
			if t.Schema == d.Schema {
				for _, domain := range t.Domains {
					add(domainRow{domain, "in the configuration"})
				}
			}
		}
		return
	}
	for domain := range e.Directory().DomainsOf(d.ID) {
		row := domainRow{Address: address(domain)}
		switch {
		case domain.IsPrimary:
			row.Note = "primary"
		case domain.RedirectToPrimary:
			row.Note = "redirects to the primary domain"
		}
		add(row)
	}
}

// count counts the tenant's files, for a bounded time.
func (d *tenantData) count(ctx context.Context, c *Console) {
	ctx, cancel := context.WithTimeout(ctx, countTime)
	defer cancel()
	err := ctx.Err()
	if c.begin(ctx) {
		defer c.end()
		d.Usage, err = c.options.Edge().Usage(ctx, d.Schema)
	}
	switch {
	case ctx.Err() != nil:
		d.UsageErr = "Counting took longer than " + countTime.String() + ". The tenant has many files."
	case err != nil:
		d.UsageErr = sentence(err.Error())
	default:
		d.Counted = true
	}
}
