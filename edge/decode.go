package edge

import (
	"cmp"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"unsafe"

	"github.com/tenantedge/tenantedge/edge/internal/header"
	"github.com/tenantedge/tenantedge/edge/internal/trust"
	"github.com/tenantedge/tenantedge/edge/tenant"
	"github.com/tenantedge/tenantedge/guest/abi"
	"github.com/tenantedge/tenantedge/tenantdb"
)

// decode reads the guest's decision about r. The guest is not believed: a
// tenant must exist, a redirect must lead to a domain that is registered, and
// no value may smuggle a line break into a header.
func (s *services) decode(d *Decision, m abi.Message, r *Request) error {
	word := m.Word()
	d.Outcome = Outcome(word & abi.DecOutcomeMask)
	if d.Outcome != OutcomeTenant || r.Explain {
		d.Reason = string(m.Get(abi.DecReason))
	}
	switch d.Outcome {
	case OutcomeTenant:
		d.Status = http.StatusOK
		return s.decodeTenant(d, m, r)
	case OutcomeRedirect:
		return s.decodeRedirect(d, m, r, int(word>>abi.DecStatusShift))
	case OutcomeNotFound:
		d.Status = http.StatusNotFound
	case OutcomeNone:
		d.Status = http.StatusOK
		d.Tenant.Path = s.path(m.Get(abi.DecPath), r)
	case OutcomeBadRequest:
		d.Status = http.StatusBadRequest
	case OutcomeConflict:
		d.Status = http.StatusMisdirectedRequest
	default:
		return fmt.Errorf("the outcome is %d: expected one of guest/abi", word&abi.DecOutcomeMask)
	}
	return nil
}

func (s *services) decodeTenant(d *Decision, m abi.Message, r *Request) error {
	t := &d.Tenant
	schema := m.Get(abi.DecSchema)
	if m.Word()&abi.DecDynamic != 0 {
		if len(schema) == 0 || s.match.Tenant.Schema != string(schema) {
			// The guest did not look it up in this call, or looked further.
			if s.match = s.ahead; len(schema) == 0 || s.match.Tenant.Schema != string(schema) {
				known, ok := s.host.config.Directory.BySchema(view(schema))
				if !ok {
					return fmt.Errorf("the tenant is %.80q: expected the schema of a row in the directory", schema)
				}
				s.asked = tenantdb.Match{Tenant: known}
				s.match = &s.asked
			}
		}
		t.Dynamic, t.Schema, t.ID, t.Attributes = true, s.match.Tenant.Schema, s.match.Tenant.ID, tenant.NewAttributes(s.match.Tenant.Attributes)
	} else {
		known := s.host.static[string(schema)]
		if known == nil {
			return fmt.Errorf("the tenant is %.80q: expected a schema of the TENANTS table", schema)
		}
		t.Schema = known.Schema
	}
	if err := s.decodeRouting(&t.Routing, m, r); err != nil {
		return err
	}
	t.URLConf = s.names.pick(m.Get(abi.DecURLConf))
	if standard := s.host.config.Default; t.URLConf == "" && t.Dynamic && standard != nil {
		t.URLConf = standard.URLConf
	}
	t.WSURLConf = s.names.pick(m.Get(abi.DecWSURLConf))
	t.Path = s.path(m.Get(abi.DecPath), r)
	own, _ := t.Pathname()
	if t.Identifier = s.names.pick(m.Get(abi.DecIdentifier), t.Schema, own); t.Identifier == "" {
		t.Identifier = cmp.Or(own, t.Schema)
	}
	if t.CachePrefix = s.names.pick(m.Get(abi.DecCachePrefix), t.Schema); t.CachePrefix == "" {
		t.CachePrefix = t.Schema
	}
	if err := s.checkNames(t, own); err != nil {
		return err
	}
	if name, ok := m.Field(abi.DecRouteName); ok {
		d.WSRoute = WSMatch{Name: s.names.pick(name), Kwargs: string(m.Get(abi.DecRouteKwargs)), Found: true}
	}
	return decodeHeaders(d, m, s.host.trust)
}

// checkNames refuses names that stand for another tenant or for none, that cannot
// stand in the header that tells an upstream of them, and a folder that is no
// segment of a path. A name that is the schema is not looked at: it was checked
// with the directory or the table of tenants. The identifier may be the one of
// the tenant's own row whatever others are called.
func (s *services) checkNames(t *tenant.Tenant, own string) error {
	if t.CachePrefix != t.Schema {
		if !beginsWith(t.CachePrefix, t.Schema) {
			return fmt.Errorf("the cache prefix of tenant %.80q is %.80q: expected its schema, or its schema and a colon at the beginning", t.Schema, t.CachePrefix)
		}
		if !header.ValidValue(t.CachePrefix) {
			return unfit(t, t.CachePrefix)
		}
	}
	if t.Identifier != t.Schema {
		if !header.ValidValue(t.Identifier) {
			return unfit(t, t.Identifier)
		}
		if t.Identifier != own && s.host.taken(t.Identifier) {
			return fmt.Errorf("the identifier of tenant %.80q is %.80q: expected none that is the schema of another", t.Schema, t.Identifier)
		}
	}
	if folder := t.Routing.Folder; folder != "" {
		if !header.ValidValue(folder) {
			return unfit(t, folder)
		}
		if strings.ContainsAny(folder, `/\`) {
			return fmt.Errorf("the folder of tenant %.80q is %.80q: expected one segment of a path", t.Schema, folder)
		}
	}
	return nil
}

func unfit(t *tenant.Tenant, name string) error {
	return fmt.Errorf("a name of tenant %.80q is %.80q: expected no control characters, and no blank at its ends", t.Schema, name)
}

// beginsWith reports whether a cache prefix or key is the schema, alone or with a
// colon and more after it. No schema has a colon, so those of two tenants are
// never the same.
func beginsWith(text, schema string) bool {
	more, ok := strings.CutPrefix(text, schema)
	return ok && (more == "" || more[0] == ':')
}

// taken reports whether a name is a schema, in any case of its letters where
// the file system may not tell them apart.
func (h *Host) taken(name string) bool {
	lower := strings.ToLower(name)
	return lower == publicSchema || h.knows(name) || h.knows(lower)
}

func (s *services) decodeRouting(r *tenant.Routing, m abi.Message, req *Request) error {
	if domain, ok := m.Field(abi.DecDomain); ok {
		*r = tenant.Routing{Router: abi.ByDomain, Domain: s.names.pick(domain, s.match.Domain, req.Host), Folder: s.names.pick(m.Get(abi.DecFolder), s.match.Folder)}
		return nil
	}
	ref, ok := m.Field(abi.DecReference)
	if !ok {
		return fmt.Errorf("neither domain nor reference is given: expected how the tenant was found")
	}
	r.Router = abi.ByHeader
	if m.Word()&abi.DecBySession != 0 {
		r.Router = abi.BySession
	}
	r.Reference = s.names.pick(ref, s.match.Tenant.Schema, s.match.Tenant.ID)
	return nil
}

// path makes a string of the inner path, which is the request's own path or
// its end unless something in it was encoded.
func (s *services) path(b []byte, r *Request) string {
	if len(b) <= len(r.Target) && r.Target[:len(b)] == string(b) {
		return r.Target[:len(b)]
	}
	for _, whole := range [...]string{r.path, rawPath(r.Target)} {
		if at := len(whole) - len(b); at >= 0 && whole[at:] == string(b) {
			return whole[at:]
		}
	}
	return string(b)
}

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
	if s.match != &nothing {
		d.Tenant = tenant.Tenant{Schema: s.match.Tenant.Schema, ID: s.match.Tenant.ID, Dynamic: true, Attributes: tenant.NewAttributes(s.match.Tenant.Attributes)}
	}
	return s.decodeRouting(&d.Tenant.Routing, m, r)
}

// registered reports whether location is //host/…, or the same after one http:
// or https:, with a host that is some tenant's domain. Browsers read more than
// this as a host (the URL standard drops tabs and line breaks, takes a backslash
// for a slash and any number of slashes for two), so whatever they would read in
// another way is refused.
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
	host, _, _ := strings.Cut(rest, "/")
	// Strict rules percent-encode a domain that is stored in Unicode.
	host, err := url.PathUnescape(host)
	if err != nil || host == "" || strings.ContainsAny(host, "@?#/\\\r\n") {
		return false
	}
	if _, static := s.host.domains[host]; static || strings.EqualFold(host, s.primary) {
		return true
	}
	match, ok := s.host.config.Directory.ByDomain(host, "")
	return ok && match.Domain != ""
}

func decodeHeaders(d *Decision, m abi.Message, rules *trust.Rules) error {
	for i := abi.DecHeader0; i+1 < m.Len(); i += 2 {
		name, value := string(m.Get(i)), string(m.Get(i+1))
		if !header.Valid(name, value) {
			return fmt.Errorf("the upstream header %.80q is malformed: expected a token, and a value without control characters", name)
		}
		if !rules.GuestMaySet(name) {
			return fmt.Errorf("the upstream header %.80q is one that the edge or a proxy sets: expected a name of the guest's own", name)
		}
		d.Headers = append(d.Headers, name, value)
	}
	return nil
}

func view(b []byte) string { return unsafe.String(unsafe.SliceData(b), len(b)) }
