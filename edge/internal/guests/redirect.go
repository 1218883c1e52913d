package guests

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"

	"github.com/tenantedge/tenantedge/edge/tenant"
	"github.com/tenantedge/tenantedge/guest/abi"
)

func (s *services) decodeRedirect(d *Decision, m abi.Message, r *Request, status int) error {
	switch status {
	case http.StatusMovedPermanently, http.StatusFound, http.StatusSeeOther, http.StatusTemporaryRedirect, http.StatusPermanentRedirect:
		d.Status = status
	default:
		return fmt.Errorf("the redirect has status %d: expected 301, 302, 303, 307 or 308", status)
	}
	d.Location = string(m.Get(abi.DecLocation))
	if !s.registered(d.Location) {
		return fmt.Errorf("the redirect leads to %.200q: expected //host/… with a registered domain", d.Location)
	}
	if s.match != &noMatch {
		d.Tenant = tenant.Tenant{Schema: s.match.Tenant.Schema, ID: s.match.Tenant.ID, Dynamic: true, Attributes: tenant.NewAttributes(s.match.Tenant.Attributes)}
	}
	return s.decodeRouting(&d.Tenant.Routing, m, r)
}

// registered reports whether location is //host/…, http://host/… or https://host/…
// with the domain of a tenant as host, and its folder if the domain has only rows
// with folders. Browsers accept more spellings of a host
// (the URL standard drops tabs and line breaks, reads a backslash as a slash, and
// any number of slashes as two); all of these are rejected.
func (s *services) registered(location string) bool {
	for i := range len(location) {
		if c := location[i]; c <= ' ' || c == '\\' || c == 0x7f {
			return false
		}
	}
	scheme, rest, ok := strings.Cut(location, "//")
	if !ok || scheme != "" && scheme != "https:" && scheme != "http:" {
		return false
	}
	host, path, _ := strings.Cut(rest, "/")
	// Strict rules percent-encode a domain that is stored in Unicode.
	host, err := url.PathUnescape(host)
	if err != nil || host == "" || strings.ContainsAny(host, "@?#/\\\r\n") {
		return false
	}
	tenants := s.tenants
	if _, static := tenants.domains[host]; static || strings.EqualFold(host, s.primary) {
		return true
	}
	folder, _, _ := strings.Cut(path, "/")
	folder, _, _ = strings.Cut(folder, "?")
	folder, _ = url.PathUnescape(folder) // empty, if it is malformed
	match, ok := tenants.rows.ByDomain(host, folder)
	return ok && match.Domain != ""
}
