package config

import "time"

// Query is a statement that guests may run by its name.
type Query struct {
	SQL     string        `key:"sql,required,nonempty"`
	Timeout time.Duration `key:"timeout,min=1"`
	MaxRows int           `key:"max_rows,min=1"`
}

func (q *Query) decode(v value) {
	*q = Query{Timeout: time.Second, MaxRows: 1000}
	v.object(q)
}
