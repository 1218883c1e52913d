// Command reading is a guest whose urlconf is the content of the tenant's file
// a.txt, and whether it can save one. It allows all private files but denied.txt.
package main

import (
	"strings"

	"github.com/tenantedge/tenantedge/guest"
	"github.com/tenantedge/tenantedge/guest/abi"
	"github.com/tenantedge/tenantedge/guest/tenancy"
)

func init() { guest.Serve(guest.Handlers{Route: route, Authorize: authorize}) }

func main() {}

func route(r *guest.Request, d *guest.Decision) {
	row, err := guest.TenantByDomain(r.Host, "")
	if err != nil {
		d.Refuse(abi.Missing, "no such host")
		return
	}
	d.Serve(&row, tenancy.ByDomain, r.Host)
	if d.Path, _, _ = strings.Cut(r.Target, "?"); d.Path != "/" {
		return
	}
	content, err := guest.ReadFile("a.txt")
	if err != nil {
		content = []byte(err.Error())
	}
	saved := "saved"
	if _, err := guest.SaveFile("b.txt", []byte("y")); err != nil {
		saved = "not saved"
	}
	d.URLConf = string(content) + ", " + saved
}

func authorize(a *guest.Access) guest.Verdict {
	if a.Name == "denied.txt" {
		return guest.Deny
	}
	return guest.Allow
}
