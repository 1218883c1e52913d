package config

import "time"

// Schemas that a query sees.
const (
	SchemaTenant = "tenant" // the tenant's, then public
	SchemaPublic = "public" // public alone, for questions before the tenant is known
)

// Query is a statement that guests may run by its name.
type Query struct {
	SQL     string        `key:"sql,required,nonempty"`
	Schema  string        `key:"schema,one=tenant|public"` // that the statement sees
	Timeout time.Duration `key:"timeout,min=1"`
	MaxRows int           `key:"max_rows,min=1"`
}

func (q *Query) decode(v value) {
	*q = Query{Schema: SchemaTenant, Timeout: time.Second, MaxRows: 1000}
	v.object(q)
}
