package guests

import (
	"fmt"
	"strings"

	"github.com/tenantedge/tenantedge/edge/internal/header"
	"github.com/tenantedge/tenantedge/edge/tenant"
)

// checkNames rejects a cache prefix or an identifier of another tenant, a folder
// that is not one segment of a path, and names that are invalid in a header. The
// schema itself is valid; so is the pathname of the tenant's row as identifier.
func (ts *Tenants) checkNames(t *tenant.Tenant, pathname string) error {
	if t.CachePrefix != t.Schema {
		if !hasSchemaPrefix(t.CachePrefix, t.Schema) {
			return fmt.Errorf("the cache prefix of tenant %.80q is %.80q: expected the schema, optionally followed by a colon and a suffix", t.Schema, t.CachePrefix)
		}
		if !header.ValidValue(t.CachePrefix) {
			return invalidName(t, t.CachePrefix)
		}
	}
	if t.Identifier != t.Schema {
		if !header.ValidValue(t.Identifier) {
			return invalidName(t, t.Identifier)
		}
		if t.Identifier != pathname && ts.isSchema(t.Identifier) {
			return fmt.Errorf("the identifier of tenant %.80q is %.80q: expected one that is not the schema of another tenant", t.Schema, t.Identifier)
		}
	}
	if folder := t.Routing.Folder; folder != "" {
		if !header.ValidValue(folder) {
			return invalidName(t, folder)
		}
		if strings.ContainsAny(folder, `/\`) {
			return fmt.Errorf("the folder of tenant %.80q is %.80q: expected one path segment", t.Schema, folder)
		}
	}
	return nil
}

func invalidName(t *tenant.Tenant, name string) error {
	return fmt.Errorf("a name of tenant %.80q is %.80q: expected no control characters and no leading or trailing blanks", t.Schema, name)
}

// hasSchemaPrefix reports whether a cache prefix or key is the schema, or begins with
// the schema and a colon. No schema has a colon, so keys of two tenants differ.
func hasSchemaPrefix(text, schema string) bool {
	rest, ok := strings.CutPrefix(text, schema)
	return ok && (rest == "" || rest[0] == ':')
}
