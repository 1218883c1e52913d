package tenantdb

// A record is an entry of a table: a domain row with its tenant, or a tenant with
// its primary domain row. A shard's text holds it as
//
//	offset  size  what
//	0       1     fingerprint: the low byte of the key's hash
//	1       1     flags
//	2       2     length of the domain
//	4       2     length of the folder
//	6       1     length of the tenant's id
//	7       1     length of the schema name
//	8       4     1 + index of its extra in the shard, 0 for none
//	12            domain, folder, id, schema
//
// so that one read from memory yields the complete result of a lookup.
type record struct {
	domain, folder, id, schema string
	flags                      byte
	extra                      *extra
}

// extra holds what few records have: attributes, and the tenant's domain rows
// other than the primary one, encoded by appendRow.
type extra struct {
	attributes []Attribute
	rows       string
}

const (
	extraAt    = 8
	recordHead = 12
)

const (
	flagPrimary  = 1 << iota // is_primary of the domain row
	flagRedirect             // redirect_to_primary of the domain row
	flagRow                  // in a tenant's record: the tenant has a primary domain row
	flagSeveral              // in a tenant's record: the tenant has several primary domain rows
)

// append appends the record to b, without the index of its extra.
func (r *record) append(b []byte, hash uint64) []byte {
	b = append(b, byte(hash), r.flags,
		byte(len(r.domain)), byte(len(r.domain)>>8), byte(len(r.folder)), byte(len(r.folder)>>8),
		byte(len(r.id)), byte(len(r.schema)), 0, 0, 0, 0)
	b = append(b, r.domain...)
	b = append(b, r.folder...)
	b = append(b, r.id...)
	return append(b, r.schema...)
}

// view is a record in a shard's text.
type view struct {
	text  string // starts with the record
	shard *shard
}

func (v view) domainLen() int { return int(v.text[2]) | int(v.text[3])<<8 }
func (v view) folderLen() int { return int(v.text[4]) | int(v.text[5])<<8 }
func (v view) idLen() int     { return int(v.text[6]) }
func (v view) schemaLen() int { return int(v.text[7]) }

func (v view) domain() string { return v.text[recordHead : recordHead+v.domainLen()] }
func (v view) folder() string {
	at := recordHead + v.domainLen()
	return v.text[at : at+v.folderLen()]
}

func (v view) id() string {
	at := recordHead + v.domainLen() + v.folderLen()
	return v.text[at : at+v.idLen()]
}

func (v view) schema() string {
	at := recordHead + v.domainLen() + v.folderLen() + v.idLen()
	return v.text[at : at+v.schemaLen()]
}

func (v view) size() int {
	return recordHead + v.domainLen() + v.folderLen() + v.idLen() + v.schemaLen()
}

func (v view) extra() *extra {
	i := int(v.text[extraAt]) | int(v.text[extraAt+1])<<8 | int(v.text[extraAt+2])<<16 | int(v.text[extraAt+3])<<24
	if i == 0 {
		return nil
	}
	return v.shard.extras[i-1]
}

// row returns the domain row of a record in the table of domains.
func (v view) row() Domain {
	return Domain{v.id(), v.domain(), v.folder(), v.text[1]&flagPrimary != 0, v.text[1]&flagRedirect != 0}
}

func (v view) tenant() Tenant {
	t := Tenant{ID: v.id(), Schema: v.schema()}
	if e := v.extra(); e != nil {
		t.Attributes = e.attributes
	}
	return t
}

func (v view) match() Match {
	return Match{
		Tenant: v.tenant(), Domain: v.domain(), Folder: v.folder(),
		IsPrimary:         v.text[1]&flagPrimary != 0,
		RedirectToPrimary: v.text[1]&flagRedirect != 0,
		Ambiguous:         v.text[1]&flagSeveral != 0,
	}
}

// rowHead is the size of flags and two lengths of two bytes each, before the
// domain and the folder of an encoded row.
const rowHead = 5

func rowFlags(row Domain) byte {
	var flags byte
	if row.IsPrimary {
		flags |= flagPrimary
	}
	if row.RedirectToPrimary {
		flags |= flagRedirect
	}
	return flags
}

func appendRow(b []byte, row Domain) []byte {
	b = append(b, rowFlags(row),
		byte(len(row.Domain)), byte(len(row.Domain)>>8), byte(len(row.Folder)), byte(len(row.Folder)>>8))
	b = append(b, row.Domain...)
	return append(b, row.Folder...)
}

// rows yields the domain rows of a tenant's record, the primary one first. It
// reports whether yield has accepted all of them.
func (v view) rows(yield func(Domain) bool) bool {
	if v.text[1]&flagRow != 0 {
		if !yield(v.row()) {
			return false
		}
	}
	e := v.extra()
	if e == nil {
		return true
	}
	for text := e.rows; text != ""; {
		n := int(text[1]) | int(text[2])<<8
		m := int(text[3]) | int(text[4])<<8
		end := rowHead + n + m
		row := Domain{
			v.id(), text[rowHead : rowHead+n], text[rowHead+n : end],
			text[0]&flagPrimary != 0, text[0]&flagRedirect != 0,
		}
		if !yield(row) {
			return false
		}
		text = text[end:]
	}
	return true
}

func domainRecord(row Domain, t Tenant, shared *extra) record {
	return record{row.Domain, row.Folder, t.ID, t.Schema, rowFlags(row), shared}
}

func schemaRecord(t Tenant, shared *extra) record {
	return record{id: t.ID, schema: t.Schema, extra: shared}
}

// sharedExtra returns the extra that all records of a tenant can share, nil if
// the tenant has no attributes.
func sharedExtra(attributes []Attribute) *extra {
	if len(attributes) == 0 {
		return nil
	}
	return &extra{attributes: attributes}
}

// newTenantRecord returns the record of a tenant. rows are in load order.
func newTenantRecord(t Tenant, rows []Domain, shared *extra) record {
	r := record{id: t.ID, schema: t.Schema, extra: shared}
	primary := -1
	for i, row := range rows {
		switch {
		case !row.IsPrimary:
		case primary < 0:
			primary = i
			r.domain, r.folder, r.flags = row.Domain, row.Folder, rowFlags(row)|flagRow
		default:
			r.flags |= flagSeveral
		}
	}
	size := 0
	for i, row := range rows {
		if i != primary {
			size += rowHead + len(row.Domain) + len(row.Folder)
		}
	}
	if size == 0 {
		return r
	}
	rest := make([]byte, 0, size)
	for i, row := range rows {
		if i != primary {
			rest = appendRow(rest, row)
		}
	}
	r.extra = &extra{rows: string(rest)}
	if shared != nil {
		r.extra.attributes = shared.attributes
	}
	return r
}
