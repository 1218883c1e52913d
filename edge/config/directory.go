package config

import (
	"strings"
	"time"

	"github.com/tenantedge/tenantedge/tenantdb"
)

// Directory is the source of the dynamic tenants.
type Directory struct {
	// Source is "file" or "postgres"; empty: there is no directory.
	Source string `key:"source,required,one=file|postgres"`

	// Path is the file of source file; empty: the rows are in Tenants and Domains.
	Path    string `key:"path,path"`
	Tenants []tenantdb.Tenant
	Domains []tenantdb.Domain

	Database                   // of source postgres
	TenantTable  string        `key:"tenant_table,table"` // empty: the tables that `tenantedge db init` creates
	DomainTable  string        `key:"domain_table,table"`
	Attributes   []string      `key:"attributes,nonempty"` // further columns of the tenant table
	StateFile    string        `key:"state_file,path"`     // keeps the last good state; empty: it is not saved
	StateWait    time.Duration `key:"state_wait"`          // how long a start waits for the database before it uses the saved state; 0: the source's default
	PollInterval time.Duration `key:"poll_interval"`       // how often to look for changes without triggers; 0: the source's default
}

// Keys that only one source accepts.
var (
	fileKeys     = []string{"path", "tenants", "domains"}
	postgresKeys = []string{"dsn", "dsn_env", "dsn_file", "tenant_table", "domain_table", "attributes", "state_file", "state_wait", "poll_interval"}
)

// directoryEntry has the keys of directory.
type directoryEntry struct {
	*Directory
	Tenants []tenantRow `key:"tenants"`
	Domains []domainRow `key:"domains"`
}

func (dir *Directory) decode(v value) {
	failed := v.d.failed
	var entry directoryEntry
	entry.Directory = dir
	found := v.object(&entry)
	if found == nil || v.d.failed > failed {
		return
	}
	others := postgresKeys
	if dir.Source == "postgres" {
		others = fileKeys
	}
	for _, key := range others {
		if at, ok := found[key]; ok {
			at.fail("expected a key that applies to source %s, found one that does not; remove it or change the source", dir.Source)
		}
	}
	if dir.Source == "postgres" {
		dir.Database.check(v, found)
		if found.has("tenant_table") != found.has("domain_table") {
			v.fail("expected tenant_table and domain_table together, found only one; add the other")
		}
		return
	}
	inline := found.has("tenants") || found.has("domains")
	if found.has("path") == inline {
		v.fail("expected either path or tenants and domains, found %s", bothOrNeither(inline))
	}
	dir.Tenants = make([]tenantdb.Tenant, len(entry.Tenants))
	for i, t := range entry.Tenants {
		dir.Tenants[i] = tenantdb.Tenant(t)
	}
	dir.Domains = make([]tenantdb.Domain, len(entry.Domains))
	for i, dom := range entry.Domains {
		dir.Domains[i] = tenantdb.Domain(dom)
	}
	dir.checkRows(found)
}

// checkRows enforces the constraints of the database tables.
func (dir *Directory) checkRows(found seen) {
	ids := make(map[string]bool, len(dir.Tenants))
	schemas := make(map[string]bool, len(dir.Tenants))
	for i, t := range dir.Tenants {
		if id := strings.ToLower(t.ID); ids[id] {
			found["tenants"].item(i).fail("expected each id once, found %q again; change one of them", shorten(t.ID))
		} else {
			ids[id] = true
		}
		if schemas[t.Schema] {
			found["tenants"].item(i).fail("expected each schema_name once, found %q again; change one of them", shorten(t.Schema))
		}
		schemas[t.Schema] = true
	}
	type pair struct{ domain, folder string }
	pairs := make(map[pair]bool, len(dir.Domains))
	for i, d := range dir.Domains {
		if !ids[strings.ToLower(d.TenantID)] {
			found["domains"].item(i).fail("expected the id of one of the tenants, found %q; add the tenant or correct tenant_id", shorten(d.TenantID))
		}
		key := pair{d.Domain, d.Folder}
		if pairs[key] {
			found["domains"].item(i).fail("expected each pair of domain and folder once, found %q with folder %q again; remove one of the rows", shorten(d.Domain), shorten(d.Folder))
		}
		pairs[key] = true
	}
}

// checkSchemas rejects schemas that no tenant may have. Strict mode skips it, to
// accept whatever a database holds.
func (dir *Directory) checkSchemas(v value, t tenantTable) {
	if len(dir.Tenants) == 0 {
		return
	}
	list := value{v.d, v.n.get("tenants"), v.p.child("tenants")}
	taken := map[string]bool{"public": true, "default": true}
	for _, s := range t.static {
		taken[strings.ToLower(s.Schema)] = true
	}
	if t.fallback != nil && t.fallback.CloneReference != "" {
		taken[strings.ToLower(t.fallback.CloneReference)] = true
	}
	for i, t := range dir.Tenants {
		item := list.item(i)
		checkSchema(v.d, item.n.pos, item.p.child("schema_name"), t.Schema)
		if taken[strings.ToLower(t.Schema)] {
			item.fail("expected an unused schema, found %q, which the key tenants also uses; change one of them", t.Schema)
		}
	}
}

// item returns the i-th entry of a list.
func (v value) item(i int) value { return value{v.d, v.n.items[i], v.p.item(i)} }

// get returns the value of a key, or nil.
func (n *node) get(key string) *node {
	for _, kv := range n.pairs {
		if kv.key.text == key {
			return kv.val
		}
	}
	return nil
}
