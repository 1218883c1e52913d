// Command redirects is a guest that routes like the default guest, and redirects
// the paths of an old site: a table of 10,000 paths, legacy.txt, which is part of
// the module.
//
//	guest:
//	  path: redirects.wasm
//	  settings: {status: 301} # or 302; 308 and 307 for methods other than GET and HEAD
//
// A line of the table is a schema, or * for all tenants, and an old path, decoded; then a
// tab and the new path, encoded as in a URL and optionally with a query:
//
//	acme/article.php	/articles
//
// The lines are in the order of their bytes, so that a lookup searches the text,
// and neither start nor configuration have to build an index. The self-test checks
// them: a guest with a wrong table is not loaded. `go generate` writes a table for
// the tests; replace it by yours.
//
// A redirect keeps the query and goes to a path of the table on the domain, and
// below the folder, by which the tenant was found: a client cannot make it lead to
// another site. Tenants that are found by header or session are not redirected.
//
//	GOOS=wasip1 GOARCH=wasm go build -buildmode=c-shared -o redirects.wasm ./guest/examples/redirects
package main

import (
	"errors"
	"strings"

	"github.com/tenantedge/tenantedge/guest"
	"github.com/tenantedge/tenantedge/guest/abi"
	"github.com/tenantedge/tenantedge/guest/jsonread"
	"github.com/tenantedge/tenantedge/guest/tenancy"
)

func init() {
	guest.Serve(guest.Handlers{Configure: configure, Route: route, SelfTest: func() error { return check(legacy) }})
}

func main() {}

var (
	byDefault guest.Default
	status    int // 301 or 302
)

func configure(c *abi.Config) (abi.Configured, error) {
	status = 301
	if err := guest.Settings(c, jsonread.Members{"status": &status}); err != nil {
		return abi.Configured{}, err
	}
	if status != 301 && status != 302 {
		return abi.Configured{}, errors.New("settings: status: expected 301 or 302")
	}
	return byDefault.Configure(c, abi.Configured{Name: "redirects"})
}

func route(r *guest.Request, d *guest.Decision) {
	byDefault.Route(r, d)
	if d.Outcome != abi.Tenant || d.Kind != tenancy.ByDomain || r.Websocket {
		return
	}
	to, ok := find(legacy, d.Schema, d.Path)
	if !ok {
		if to, ok = find(legacy, "*", d.Path); !ok {
			return
		}
	}
	location, ok := locate(d.Domain, d.Folder, to, r.Target)
	if !ok {
		return
	}
	d.Outcome, d.Status, d.Location = abi.Redirect, status, location
	if r.Method != "GET" && r.Method != "HEAD" {
		d.Status = map[int]int{301: 308, 302: 307}[status] // these keep the method
	}
	d.Reason = "the path is one of the old site"
}

// locate returns the URL of a new path, with the query of target. It is not ok if
// it has characters that have no place in a Location.
func locate(domain, folder, to, target string) (string, bool) {
	location := "//" + domain
	if folder != "" {
		location += "/" + folder
	}
	location += to
	_, query, _ := strings.Cut(target, "?")
	query, _, _ = strings.Cut(query, "#")
	switch {
	case query == "":
	case strings.Contains(to, "?"):
		location += "&" + query
	default:
		location += "?" + query
	}
	return location, printable(location)
}
