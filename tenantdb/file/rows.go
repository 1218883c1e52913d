package file

import (
	"bytes"
	"fmt"
	"slices"

	"github.com/tenantedge/tenantedge/tenantdb"
	"github.com/tenantedge/tenantedge/tenantdb/internal/arena"
)

// kind is the kind of a value in YAML or JSON.
type kind uint8

const (
	text kind = iota
	integer
	number
	boolean
	null
	list
	mapping
)

var kindNames = [...]string{"text", "a whole number", "a number", "true or false", "null", "a list", "a mapping"}

// value is a scalar, or the kind of a list or mapping.
type value struct {
	kind kind
	text string // a boolean is true or false
	// plain values are written without quotes in YAML, where 2026 may be meant
	// as text.
	plain bool
}

// found describes the value for an error.
func (v value) found() string {
	if v.kind >= null {
		return kindNames[v.kind]
	}
	return kindNames[v.kind] + " " + show(v.text)
}

// field is one key of a row with its value. at is a byte offset in
// JSON, the index of a node in YAML.
type field struct {
	key   string
	value value
	at    int
}

// problem is an Error whose position is that of the format's reader.
type problem struct {
	at                           int
	key, expected, found, advice string
}

const (
	expectRow    = "a mapping of column names to values"
	expectRows   = "a list of rows"
	expectTop    = "a mapping with the lists tenants and domains"
	expectScalar = "text, a number, true, false or null"
)

// rows collects the rows of a file.
type rows struct {
	data  []byte // the file; nil if positions are not offsets in it
	first int    // position of the first row of the current list
	state tenantdb.State
	texts arena.Arena // of the rows
}

// room returns the list with room for the row at a position. If it is full, it gets
// room for all rows up to the list called other, assuming that they are as long as
// those so far: append would copy a million rows several times.
func room[T any](r *rows, list []T, at int, other string) []T {
	n := len(list)
	if n == 0 {
		r.first = at
	}
	if n < cap(list) {
		return list
	}
	more := 16
	if read := at - r.first; read > 0 {
		rest := bytes.Index(r.data[at:], []byte(other))
		if rest < 0 {
			rest = len(r.data) - at
		}
		more += int(1.1 * float64(n) / float64(read) * float64(rest))
	}
	return slices.Grow(list, more)
}

// add adds a row to the list tenants or domains.
func (r *rows) add(name string, fields []field, at int) *problem {
	for i := range fields {
		for j := range i {
			if fields[i].key == fields[j].key {
				return &problem{fields[i].at, "." + fields[i].key, "each key once", "it twice", "remove one of them"}
			}
		}
	}
	if name == "tenants" {
		return r.tenant(fields, at)
	}
	return r.domain(fields, at)
}

func (r *rows) tenant(fields []field, at int) *problem {
	var t tenantdb.Tenant
	var id, schema bool
	for _, f := range fields {
		var bad *problem
		switch f.key {
		case "id":
			t.ID, bad = f.primaryKey()
			id = true
		case "schema_name":
			t.Schema, bad = f.name()
			schema = true
		default:
			if f.value.kind >= list {
				bad = f.wrong(expectScalar, "")
			} else if f.value.kind != null {
				t.Attributes = append(t.Attributes, tenantdb.Attribute{Name: f.key, Value: f.value.text})
			}
		}
		if bad != nil {
			return bad
		}
	}
	if !id {
		return missing(at, "id")
	}
	if !schema {
		return missing(at, "schema_name")
	}
	r.state.Tenants = append(room(r, r.state.Tenants, at, "domains"), t)
	return nil
}

func (r *rows) domain(fields []field, at int) *problem {
	var d tenantdb.Domain
	var tenant, domain bool
	for _, f := range fields {
		var bad *problem
		switch f.key {
		case "tenant_id":
			d.TenantID, bad = f.primaryKey()
			tenant = true
		case "domain":
			d.Domain, bad = f.name()
			domain = true
		case "folder":
			if f.value.kind != null {
				d.Folder, bad = f.name()
			}
		case "is_primary":
			d.IsPrimary, bad = f.flag()
		case "redirect_to_primary":
			d.RedirectToPrimary, bad = f.flag()
		case "id": // of a table dump; not used
		default:
			bad = &problem{f.at, "." + f.key, "tenant_id, domain, folder, is_primary or redirect_to_primary", "key " + show(f.key), "correct or remove it"}
		}
		if bad != nil {
			return bad
		}
	}
	if !tenant {
		return missing(at, "tenant_id")
	}
	if !domain {
		return missing(at, "domain")
	}
	r.state.Domains = append(room(r, r.state.Domains, at, "tenants"), d)
	return nil
}

func missing(at int, key string) *problem {
	return &problem{at, "", "the key " + key, "none", "add it to the row"}
}

func (f field) wrong(expected, advice string) *problem {
	return &problem{f.at, "." + f.key, expected, f.value.found(), advice}
}

// primaryKey returns a primary key: text or a whole number.
func (f field) primaryKey() (string, *problem) {
	if f.value.kind > integer {
		return "", f.wrong("text or a whole number", "")
	}
	return f.value.text, nil
}

// name returns a text, which may be a plain number in YAML.
func (f field) name() (string, *problem) {
	if f.value.kind == text || f.value.plain && f.value.kind <= number {
		return f.value.text, nil
	}
	return "", f.wrong("text", "put it in double quotes")
}

// flag returns a boolean, which may be a plain one of YAML 1.1.
func (f field) flag() (bool, *problem) {
	if f.value.plain && f.value.kind == text {
		switch f.value.text {
		case "yes", "on":
			return true, nil
		case "no", "off":
			return false, nil
		}
	}
	if f.value.kind != boolean {
		return false, f.wrong("true or false", "")
	}
	return f.value.text == "true", nil
}

// keyOf returns the path of a key: name[index]rest.
func keyOf(name string, index int, rest string) string {
	if name == "" {
		return ""
	}
	if index < 0 {
		return name + rest
	}
	return fmt.Sprintf("%s[%d]%s", name, index, rest)
}
