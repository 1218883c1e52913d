package config

import (
	"strings"
	"time"

	"github.com/tenantedge/tenantedge/guest/abi"
)

// Directory says where the dynamic tenants come from.
type Directory struct {
	// Source is "file", "postgres", or empty: there is no directory.
	Source string `key:"source,required,one=file|postgres"`

	// Path is the file of source file; empty: the rows stand in Tenants and
	// Domains.
	Path    string   `key:"path,path"`
	Tenants []Tenant `key:"tenants"`
	Domains []Domain `key:"domains"`

	Database                   // of source postgres
	TenantTable  string        `key:"tenant_table,table"` // empty: the tables that `tenantedge db init` creates
	DomainTable  string        `key:"domain_table,table"`
	Attributes   []string      `key:"attributes,nonempty"` // further columns of the tenant table
	StateFile    string        `key:"state_file,path"`     // keeps the last good state; empty: nothing does
	PollInterval time.Duration `key:"poll_interval"`       // where there are no triggers; 0: the source's default
}

// Tenant is a row of the tenant table.
type Tenant struct {
	ID         string // as text
	SchemaName string
	Attributes map[string]string // further columns, as text; nil: none
}

// Domain is a row of the domain table.
type Domain struct {
	TenantID          string
	Domain            string
	Folder            string
	IsPrimary         bool
	RedirectToPrimary bool
}

// Keys that only one of the sources takes.
var (
	fileKeys     = []string{"path", "tenants", "domains"}
	postgresKeys = []string{"dsn", "dsn_env", "dsn_file", "tenant_table", "domain_table", "attributes", "state_file", "poll_interval"}
)

func (dir *Directory) decode(v value) {
	failed := v.d.failed
	found := v.object(dir)
	if found == nil || v.d.failed > failed {
		return
	}
	others := postgresKeys
	if dir.Source == "postgres" {
		others = fileKeys
	}
	for _, key := range others {
		if at, ok := found[key]; ok {
			at.fail("expected no such key with source %s, found it; remove it or change the source", dir.Source)
		}
	}
	if dir.Source == "postgres" {
		dir.Database.check(v, found)
		if found.has("tenant_table") != found.has("domain_table") {
			v.fail("expected tenant_table and domain_table together, found one of them; add the other")
		}
		return
	}
	inline := found.has("tenants") || found.has("domains")
	if found.has("path") == inline {
		v.fail("expected either path or tenants and domains, found %s", both(inline))
	}
	dir.checkRows(v, found)
}

// checkRows holds what the constraints of a database would.
func (dir *Directory) checkRows(v value, found seen) {
	ids := make(map[string]bool, len(dir.Tenants))
	schemas := make(map[string]bool, len(dir.Tenants))
	for i, t := range dir.Tenants {
		if id := strings.ToLower(t.ID); ids[id] {
			found["tenants"].item(i).fail("expected each id once, found %q again; change one of them", shorten(t.ID))
		} else {
			ids[id] = true
		}
		if schemas[t.SchemaName] {
			found["tenants"].item(i).fail("expected each schema_name once, found %q again; change one of them", shorten(t.SchemaName))
		}
		schemas[t.SchemaName] = true
	}
	type place struct{ domain, folder string }
	places := make(map[place]bool, len(dir.Domains))
	for i, d := range dir.Domains {
		if !ids[strings.ToLower(d.TenantID)] {
			found["domains"].item(i).fail("expected the id of a tenant above, found %q; add the tenant or correct tenant_id", shorten(d.TenantID))
		}
		at := place{d.Domain, d.Folder}
		if places[at] {
			found["domains"].item(i).fail("expected domain and folder once, found %q with folder %q again; remove one of the rows", shorten(d.Domain), shorten(d.Folder))
		}
		places[at] = true
	}
}

// checkSchemas refuses schemas that no tenant may have; strict takes whatever
// a database held.
func (dir *Directory) checkSchemas(v value, static []abi.StaticTenant) {
	if len(dir.Tenants) == 0 {
		return
	}
	list := value{v.d, v.n.get("tenants"), v.p.child("tenants")}
	taken := map[string]bool{"public": true, "default": true}
	for _, s := range static {
		taken[strings.ToLower(s.Schema)] = true
	}
	for i, t := range dir.Tenants {
		item := list.item(i)
		checkSchema(v.d, item.n.pos, item.p.child("schema_name"), t.SchemaName)
		if taken[strings.ToLower(t.SchemaName)] {
			item.fail("expected a schema of its own, found %q, which is an entry of tenants; change one of them", t.SchemaName)
		}
	}
}

// item is the i-th entry of a list that was decoded already.
func (v value) item(i int) value { return value{v.d, v.n.items[i], v.p.item(i)} }

// get returns the value of a key, nil if there is none.
func (n *node) get(key string) *node {
	for _, kv := range n.pairs {
		if kv.key.text == key {
			return kv.val
		}
	}
	return nil
}

func (t *Tenant) decode(v value) {
	if v.n.kind != kindMapping {
		v.want("a mapping with id and schema_name")
		return
	}
	for _, kv := range v.n.pairs {
		at := value{v.d, kv.val, v.p.child(kv.key.text)}
		switch kv.key.text {
		case "id":
			t.ID = at.id()
		case "schema_name":
			at.plain(&t.SchemaName, "nonempty")
		default:
			at.attribute(t, kv.key.text)
		}
	}
	for _, key := range []string{"id", "schema_name"} {
		if n := v.n.get(key); n == nil || n.isNull() {
			v.fail("expected the key %s, found none; add it", key)
		}
	}
}

// attribute takes any plain value as the text of a further column; NULL is a
// column that is not there.
func (v value) attribute(t *Tenant, name string) {
	switch v.n.kind {
	case kindNull:
		return
	case kindList, kindMapping:
		v.want("a plain value, as a column holds")
		return
	}
	if t.Attributes == nil {
		t.Attributes = make(map[string]string)
	}
	t.Attributes[name] = v.n.text
}

// id takes the key of a row, a number or a text (a UUID, say), as text.
func (v value) id() string {
	switch {
	case v.n.isNull():
		return ""
	case v.n.kind == kindString && v.n.text != "":
		return v.n.text
	case (v.n.kind == kindInt || v.n.kind == kindFloat) && isDecimal(v.n.text):
		return v.n.text
	}
	v.fail("expected an id, a whole number or a text in quotes, found %s", v.n.found())
	return ""
}

// isDecimal is stricter than YAML, to which 010 is eight and 0x10 sixteen.
func isDecimal(s string) bool {
	digits := strings.TrimPrefix(s, "-")
	if digits == "" || len(digits) > 1 && digits[0] == '0' {
		return false
	}
	for i := range len(digits) {
		if digits[i] < '0' || digits[i] > '9' {
			return false
		}
	}
	return true
}

func (dom *Domain) decode(v value) {
	var row struct {
		ID                rowID   `key:"id"`
		TenantID          rowID   `key:"tenant_id,required"`
		Domain            *string `key:"domain,required"`
		Folder            string  `key:"folder"`
		IsPrimary         bool    `key:"is_primary"`
		RedirectToPrimary bool    `key:"redirect_to_primary"`
	}
	v.object(&row)
	*dom = Domain{TenantID: string(row.TenantID), Folder: row.Folder, IsPrimary: row.IsPrimary, RedirectToPrimary: row.RedirectToPrimary}
	if row.Domain != nil {
		dom.Domain = *row.Domain
	}
}

type rowID string

func (id *rowID) decode(v value) { *id = rowID(v.id()) }
