package storage

import (
	"context"
	"strings"
	"unicode/utf8"

	"github.com/tenantedge/tenantedge/guest/tenancy"
)

// Tenant is whose files are meant.
type Tenant struct {
	Schema string
	Folder string // by which the tenant was routed, empty if none
	// Pathname is the tenant's own identifier (schema_pathname), if it has one.
	Pathname    string
	HasPathname bool
}

func (t *Tenant) query(s *Namespace) tenancy.PathQuery {
	return tenancy.PathQuery{
		Schema: t.Schema, Folder: t.Folder, SchemaPathname: t.Pathname, HasSchemaPathname: t.HasPathname,
		Location: s.location, BaseURL: s.baseURL,
	}
}

// Locator says where a tenant's files are. It is how the guest's decision gets
// here: an edge's Host is one.
type Locator interface {
	// Locate answers q. An error is a failure to answer; a name that is refused
	// is told by Err of the answer.
	Locate(ctx context.Context, q *tenancy.PathQuery) (tenancy.Pathname, error)
}

// native is the default guest's logic without the guest.
type native struct{}

func (native) Locate(_ context.Context, q *tenancy.PathQuery) (tenancy.Pathname, error) {
	return tenancy.Locate(q, false), nil
}

// flaw tells what keeps an identifier from being one segment of a path.
func flaw(identifier string) string {
	switch {
	case identifier == "":
		return "is empty"
	case identifier == "." || identifier == "..":
		return "is a way through folders"
	case strings.ContainsAny(identifier, "/\\\x00"):
		return "has a slash or a NUL"
	case !utf8.ValidString(identifier):
		return "is not UTF-8"
	case reserved(identifier):
		return "begins as temporary files do"
	default:
		return ""
	}
}

var _ Locator = native{}
