package guests

import (
	"cmp"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"unsafe"

	"github.com/tenantedge/tenantedge/edge/internal/header"
	"github.com/tenantedge/tenantedge/edge/tenant"
	"github.com/tenantedge/tenantedge/guest/abi"
	"github.com/tenantedge/tenantedge/tenantdb"
)

// decode reads the guest's decision about r, and checks it: the tenant exists, a
// redirect leads to a registered domain, and every value is valid in a header.
func (s *services) decode(d *Decision, m abi.Message, r *Request) error {
	word := m.Word()
	d.Outcome = abi.Outcome(word & abi.DecOutcomeMask)
	if d.Outcome != abi.Tenant || r.Explain {
		d.Reason = string(m.Get(abi.DecReason))
	}
	switch d.Outcome {
	case abi.Tenant:
		d.Status = http.StatusOK
		return s.decodeTenant(d, m, r)
	case abi.Redirect:
		return s.decodeRedirect(d, m, r, int(word>>abi.DecStatusShift))
	case abi.Missing:
		d.Status = http.StatusNotFound
	case abi.None:
		d.Status = http.StatusOK
		d.Tenant.Path = s.path(m.Get(abi.DecPath), r)
	case abi.BadRequest:
		d.Status = http.StatusBadRequest
	case abi.Conflict:
		d.Status = http.StatusMisdirectedRequest
	default:
		return fmt.Errorf("the outcome is %d: expected one that guest/abi defines", word&abi.DecOutcomeMask)
	}
	return nil
}

func (s *services) decodeTenant(d *Decision, m abi.Message, r *Request) error {
	t := &d.Tenant
	if err := s.decodeSchema(t, m); err != nil {
		return err
	}
	if err := s.decodeRouting(&t.Routing, m, r); err != nil {
		return err
	}
	t.URLConf = s.names.pick(m.Get(abi.DecURLConf))
	if t.URLConf == "" && t.Dynamic {
		t.URLConf = s.tenants.Place(t.Attributes).URLConf
	}
	t.WSURLConf = s.names.pick(m.Get(abi.DecWSURLConf))
	t.Path = s.path(m.Get(abi.DecPath), r)
	pathname, _ := t.Pathname()
	if t.Identifier = s.names.pick(m.Get(abi.DecIdentifier), t.Schema, pathname); t.Identifier == "" {
		t.Identifier = cmp.Or(pathname, t.Schema)
	}
	if t.CachePrefix = s.names.pick(m.Get(abi.DecCachePrefix), t.Schema); t.CachePrefix == "" {
		t.CachePrefix = t.Schema
	}
	if err := s.tenants.checkNames(t, pathname); err != nil {
		return err
	}
	if name, ok := m.Field(abi.DecRouteName); ok {
		d.WSRoute, d.WSKwargs, d.WSFound = s.names.pick(name), string(m.Get(abi.DecRouteKwargs)), true
	}
	return s.decodeHeaders(d, m)
}

// decodeSchema sets the fields that the directory or the TENANTS table has for the
// tenant.
func (s *services) decodeSchema(t *tenant.Tenant, m abi.Message) error {
	schema := m.Get(abi.DecSchema)
	if m.Word()&abi.DecDynamic == 0 {
		entry := s.tenants.static[string(schema)]
		if entry == nil {
			return fmt.Errorf("the tenant is %.80q: expected a schema of the TENANTS table", schema)
		}
		t.Schema = entry.Schema
		return nil
	}
	if len(schema) == 0 || s.match.Tenant.Schema != string(schema) {
		// It is not the guest's last lookup.
		if s.match = s.lookahead; len(schema) == 0 || s.match.Tenant.Schema != string(schema) {
			row, ok := s.tenants.rows.BySchema(view(schema))
			if !ok {
				return fmt.Errorf("the tenant is %.80q: expected the schema of a row in the directory", schema)
			}
			s.found(tenantdb.Match{Tenant: row})
		}
	}
	t.Dynamic, t.Schema, t.ID, t.Attributes = true, s.match.Tenant.Schema, s.match.Tenant.ID, tenant.NewAttributes(s.match.Tenant.Attributes)
	return nil
}

func (s *services) decodeRouting(r *tenant.Routing, m abi.Message, req *Request) error {
	if domain, ok := m.Field(abi.DecDomain); ok {
		*r = tenant.Routing{Router: abi.ByDomain, Domain: s.names.pick(domain, s.match.Domain, req.Host), Folder: s.names.pick(m.Get(abi.DecFolder), s.match.Folder)}
		return nil
	}
	ref, ok := m.Field(abi.DecReference)
	if !ok {
		return errors.New("the decision has neither domain nor reference: expected the one by which the guest found the tenant")
	}
	r.Router = abi.ByHeader
	if m.Word()&abi.DecBySession != 0 {
		r.Router = abi.BySession
	}
	r.Reference = s.names.pick(ref, s.match.Tenant.Schema, s.match.Tenant.ID)
	return nil
}

// path returns b, the path that the tenant sees, as a string; an empty b is the
// request's path, decoded. It shares the string of the request's path if b is a part
// of it, which saves an allocation.
func (s *services) path(b []byte, r *Request) string {
	if len(b) == 0 {
		return decodedPath(r)
	}
	if len(b) <= len(r.Target) && r.Target[:len(b)] == string(b) {
		return r.Target[:len(b)]
	}
	for _, path := range [...]string{r.Path, rawPath(r.Target)} {
		if at := len(path) - len(b); at >= 0 && path[at:] == string(b) {
			return path[at:]
		}
	}
	return string(b)
}

// decodeHeaders reads the headers for the upstream. The host removes from clients'
// requests only those that the guest has named, so a client could forge any other.
func (s *services) decodeHeaders(d *Decision, m abi.Message) error {
	for i := abi.DecHeader0; i+1 < m.Len(); i += 2 {
		name, value := string(m.Get(i)), string(m.Get(i+1))
		if !header.Valid(name, value) {
			return fmt.Errorf("the upstream header %.80q is malformed: expected a token, and a value without control characters", name)
		}
		if !s.set.config.MaySet(name) {
			return fmt.Errorf("the upstream header %.80q is set by the edge or by proxies: expected another name", name)
		}
		if !slices.ContainsFunc(s.generation.sets, func(named string) bool { return strings.EqualFold(named, name) }) {
			return fmt.Errorf("the upstream header %.80q is not among those that te_configure named (%q): expected it there, so that no client can forge it; add it to set_headers", name, s.generation.sets)
		}
		d.Headers = append(d.Headers, name, value)
	}
	return nil
}

// view returns a string that shares b's memory.
func view(b []byte) string { return unsafe.String(unsafe.SliceData(b), len(b)) }
