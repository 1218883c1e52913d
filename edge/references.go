package edge

import (
	"fmt"
	"strings"

	"github.com/tenantedge/tenantedge/guest/tenancy"
	"github.com/tenantedge/tenantedge/tenantdb"
)

// RefuseTenant returns why a row of the tenant table is ambiguous with an entry of
// the TENANTS table, or the empty string. Headers and sessions name tenants by
// schema, id or alias. The edge and Django look for an entry first, but an
// application that resolves the row itself does not. Ids ignore case there, so
// RefuseTenant ignores case everywhere. Set tenantdb.Options.RefuseTenant to it
// under the hardened rules; strict rules keep such rows, as django-pgschemas does.
func (c *Config) RefuseTenant(t tenantdb.Tenant) (reason string) {
	for _, own := range [...]struct{ column, value string }{{"schema", t.Schema}, {"id", t.ID}} {
		if entry := c.claims(own.value); entry != "" {
			return fmt.Sprintf("the %s %q is also %s: a header or session with this value would match two tenants; change one of them", own.column, own.value, entry)
		}
	}
	return ""
}

// claims describes the entry of the TENANTS table that ref names; empty: none.
func (c *Config) claims(ref string) string {
	if strings.EqualFold(ref, tenancy.PublicSchema) || strings.EqualFold(ref, "default") {
		return "an entry of tenants that receives no requests"
	}
	if c.GuestConfig.Default != nil && c.GuestConfig.Default.CloneReference != "" && strings.EqualFold(ref, c.GuestConfig.Default.CloneReference) {
		return "the clone reference"
	}
	for i := range c.GuestConfig.Tenants {
		t := &c.GuestConfig.Tenants[i]
		switch {
		case strings.EqualFold(ref, t.Schema):
			return "the schema of the entry " + t.Schema + " of tenants"
		case t.Header != nil && strings.EqualFold(ref, *t.Header):
			return "the header of the entry " + t.Schema + " of tenants"
		case t.SessionKey != nil && strings.EqualFold(ref, *t.SessionKey):
			return "the session_key of the entry " + t.Schema + " of tenants"
		}
	}
	return ""
}
