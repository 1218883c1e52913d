package config

import (
	"strings"

	"github.com/tenantedge/tenantedge/guest/abi"
	"github.com/tenantedge/tenantedge/guest/tenancy"
	"github.com/tenantedge/tenantedge/tenantdb"
)

// tenantTable is the TENANTS table of django-pgschemas.
type tenantTable struct {
	static   []abi.StaticTenant
	fallback *abi.DefaultTenant
}

// tenantEntry has the keys of all entries of TENANTS. Which entry may have which
// key is checked later, so that the error can give the reason.
type tenantEntry struct {
	Domains         []string     `key:"domains"`
	FallbackDomains []string     `key:"fallback_domains"`
	URLConf         chosenName   `key:"urlconf"`
	WSURLConf       chosenName   `key:"ws_urlconf"`
	Status          *statusTable `key:"status"`
	Header          *string      `key:"header"`
	SessionKey      *string      `key:"session_key"`
	CloneReference  string       `key:"clone_reference"`
	Apps            ignored      `key:"apps"`
	TenantModel     ignored      `key:"tenant_model"`
	DomainModel     ignored      `key:"domain_model"`
}

// ignored accepts values that only Django uses.
type ignored struct{}

func (ignored) decode(value) {}

// Keys that the special entries may not have, as in the checks of
// django-pgschemas.
var (
	notInPublic  = []string{"domains", "fallback_domains", "urlconf", "ws_urlconf", "status", "header", "session_key"}
	notInDefault = []string{"domains", "fallback_domains", "header", "session_key"}
)

func (t *tenantTable) decode(v value) {
	if v.n.kind != kindMapping {
		v.mismatch("a mapping of schema names, like Django's TENANTS")
		return
	}
	var clone value
	for _, kv := range v.n.pairs {
		schema := kv.key.text
		at := value{v.d, kv.val, v.p.child(schema)}
		v.d.mark(at.p, at.p, kv.key.pos)
		var e tenantEntry
		found := at.djangoObject(&e)
		switch schema {
		case "public":
			at.reject(found, notInPublic, "public is not routable")
		case "default":
			at.reject(found, notInDefault, "each dynamic tenant has its own")
			t.fallback = &abi.DefaultTenant{
				URLConf: e.URLConf.name, URLConfBy: e.URLConf.by, WSURLConf: e.WSURLConf.name, WSURLConfBy: e.WSURLConf.by,
				Status: (*abi.Choice)(e.Status), CloneReference: e.CloneReference,
			}
			clone = found["clone_reference"]
		default:
			checkSchema(v.d, kv.key.pos, at.p, schema)
			at.rejectChoices(found, &e)
			t.static = append(t.static, abi.StaticTenant{
				Schema: schema, Domains: e.Domains, FallbackDomains: e.FallbackDomains,
				URLConf: e.URLConf.name, WSURLConf: e.WSURLConf.name, Header: e.Header, SessionKey: e.SessionKey,
			})
		}
	}
	if t.fallback == nil || t.fallback.CloneReference == "" {
		return
	}
	for _, kv := range v.n.pairs {
		if kv.key.text == t.fallback.CloneReference {
			clone.fail("expected a schema that is not in tenants, found %q, which is; name the schema that new tenants are cloned from", kv.key.text)
		}
	}
}

func (v value) reject(found seen, keys []string, why string) {
	for _, key := range keys {
		if sub, ok := found[key]; ok {
			sub.fail("expected a key that applies here, found one that does not; %s, so remove it", why)
		}
	}
}

func checkSchema(d *decoder, at position, p *path, name string) {
	if err := tenantdb.CheckSchema(name); err != nil {
		d.fail(at, p, "expected the name of a tenant's schema, found %q; %v", shorten(name), err)
	}
}

// checkDomains reports domains that can never be the Host of a request. Strict mode
// accepts any text, as django-pgschemas does.
func (doc *document) checkDomains(v value) {
	if doc.GuestConfig.Compat != abi.Hardened {
		return
	}
	for _, entry := range v.n.pairs {
		if entry.val.kind != kindMapping {
			continue
		}
		for _, kv := range entry.val.pairs {
			key := strings.ToLower(kv.key.text)
			if key != "domains" && key != "fallback_domains" {
				continue
			}
			p := v.p.child(entry.key.text).child(kv.key.text)
			for i, n := range kv.val.items {
				if problem := checkDomain(n.text); n.kind == kindString && problem != "" {
					v.d.fail(n.pos, p.item(i), "expected a domain, found %s; %s", n.found(), problem)
				}
			}
		}
	}
}

// checkDomain returns how to correct a domain that no Host can be, or the empty
// string.
func checkDomain(s string) string {
	switch {
	case s == "":
		return "fill it in or remove it"
	case strings.Contains(s, "//"):
		return "leave out the scheme"
	case strings.Contains(s, "*"):
		return "wildcards are not supported: a tenant's domains are rows of the directory"
	case strings.ContainsAny(s, "/ \t\r\n@,?#"):
		return "write only the host name"
	case strings.Count(s, ":") == 1:
		return "leave out the port: routing ignores it"
	}
	if _, err := tenancy.NormalizeHost(s); err != nil {
		reason, _, _ := strings.Cut(err.Error(), ": \"") // the caller's error has what was found
		return "the " + reason
	}
	return ""
}
