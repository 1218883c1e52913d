package config

import "time"

// Values of Query.Schema.
const (
	SchemaTenant = "tenant" // search_path: the tenant's schema, then public
	SchemaPublic = "public" // only public, for queries before the tenant is known
)

// Query is a statement that guests may run by name.
type Query struct {
	SQL     string        `key:"sql,required,nonempty"`
	Schema  string        `key:"schema,one=tenant|public"`
	Timeout time.Duration `key:"timeout,min=1"`
	MaxRows int           `key:"max_rows,min=1"`
}

func (q *Query) decode(v value) {
	*q = Query{Schema: SchemaTenant, Timeout: time.Second, MaxRows: 1000}
	v.object(q)
}
