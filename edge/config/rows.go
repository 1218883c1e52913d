package config

import (
	"slices"
	"strings"

	"github.com/tenantedge/tenantedge/tenantdb"
)

// tenantRow is a row of the tenant table: id, schema_name and further columns.
type tenantRow tenantdb.Tenant

func (t *tenantRow) decode(v value) {
	if v.n.kind != kindMapping {
		v.mismatch("a mapping with id and schema_name")
		return
	}
	for _, kv := range v.n.pairs {
		at := value{v.d, kv.val, v.p.child(kv.key.text)}
		switch kv.key.text {
		case "id":
			t.ID = at.id()
		case "schema_name":
			at.decodeTo(&t.Schema, "nonempty")
		default:
			at.attribute(t, kv.key.text)
		}
	}
	slices.SortFunc(t.Attributes, func(a, b tenantdb.Attribute) int { return strings.Compare(a.Name, b.Name) })
	for _, key := range []string{"id", "schema_name"} {
		if n := v.n.get(key); n == nil || n.isNull() {
			v.fail("expected the key %s, found none; add it", key)
		}
	}
}

// attribute adds a further column, whose plain value is kept as text. A null
// column is left out.
func (v value) attribute(t *tenantRow, name string) {
	switch v.n.kind {
	case kindNull:
		return
	case kindList, kindMapping:
		v.mismatch("a scalar value")
		return
	}
	t.Attributes = append(t.Attributes, tenantdb.Attribute{Name: name, Value: v.n.text})
}

// id returns the id of a row, a number or a text such as a UUID, as text.
func (v value) id() string {
	switch {
	case v.n.isNull():
		return ""
	case v.n.kind == kindString && v.n.text != "":
		return v.n.text
	case (v.n.kind == kindInt || v.n.kind == kindFloat) && isDecimal(v.n.text):
		return v.n.text
	}
	v.fail("expected an id (a whole number or a string in quotes), found %s", v.n.found())
	return ""
}

// isDecimal is stricter than YAML, where 010 is eight and 0x10 sixteen.
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

// domainRow is a row of the domain table.
type domainRow tenantdb.Domain

// domainEntry has the columns of the domain table.
type domainEntry struct {
	ID                rowID   `key:"id"`
	TenantID          rowID   `key:"tenant_id,required"`
	Domain            *string `key:"domain,required"`
	Folder            string  `key:"folder"`
	IsPrimary         bool    `key:"is_primary"`
	RedirectToPrimary bool    `key:"redirect_to_primary"`
}

func (dom *domainRow) decode(v value) {
	var row domainEntry
	v.object(&row)
	*dom = domainRow{TenantID: string(row.TenantID), Folder: row.Folder, IsPrimary: row.IsPrimary, RedirectToPrimary: row.RedirectToPrimary}
	if row.Domain != nil {
		dom.Domain = *row.Domain
	}
}

type rowID string

func (id *rowID) decode(v value) { *id = rowID(v.id()) }
