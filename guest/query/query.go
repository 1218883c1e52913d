// Package query runs the statements of the host's configuration and reads their
// rows.
//
//	rows, err := query.Rows(schema, "plan", 7)
//	if err == nil && len(rows) == 1 {
//		plan, ok := rows[0].Text("plan")
//	}
package query

import (
	"errors"
	"strconv"
	"unicode/utf8"

	"github.com/tenantedge/tenantedge/guest"
	"github.com/tenantedge/tenantedge/guest/jsonread"
)

// PublicRows is [Rows] in the schema public, for use before the tenant is known: to
// find the tenant of an API key, say. The error is abi.Denied unless the
// statement's configuration has "schema: public".
func PublicRows(name string, args ...any) ([]Row, error) { return Rows("", name, args...) }

// Rows runs the read-only statement that the host's configuration has under name,
// with args, in the search_path of schema. An argument is a string, int, int64, bool
// or nil; pass other types as text. The rows are valid until the call ends. Errors
// are those of [guest.Query].
func Rows(schema, name string, args ...any) (rows []Row, err error) {
	encoded, err := encode(args)
	if err != nil {
		return nil, err
	}
	result, err := guest.Query(schema, name, encoded)
	if err != nil {
		return nil, err
	}
	err = jsonread.Document(result, func(r *jsonread.Reader) {
		r.Array(func() { rows = append(rows, Row{r.Value()}) })
	})
	return rows, err
}

// Row is a row of a result.
type Row struct {
	object []byte // JSON
}

// Text returns a column of a type that JSON has as a string. It is not ok if the
// row has no such column, or if the value is null or of another type.
func (row Row) Text(column string) (value string, ok bool) {
	ok = row.read(column, func(r *jsonread.Reader) { r.Text(&value) })
	return value, ok
}

// Integer returns a column of an integer type. It is not ok as for Text.
func (row Row) Integer(column string) (value int, ok bool) {
	ok = row.read(column, func(r *jsonread.Reader) { r.Integer(&value) })
	return value, ok
}

// Bool returns a column of the type boolean. It is not ok as for Text.
func (row Row) Bool(column string) (value, ok bool) {
	ok = row.read(column, func(r *jsonread.Reader) { r.Bool(&value) })
	return value, ok
}

// JSON returns a column of any type as JSON, nil if the row has no such column.
func (row Row) JSON(column string) (value []byte) {
	row.read(column, func(r *jsonread.Reader) { value = r.Value() })
	return value
}

// read reads a column, and reports whether it is there, not null, and read without error.
func (row Row) read(column string, value func(*jsonread.Reader)) (ok bool) {
	err := jsonread.Object(row.object, func(r *jsonread.Reader, key string) {
		if key != column {
			r.Value()
		} else if !r.Null() {
			ok = true
			value(r)
		}
	})
	return ok && err == nil
}

// encode returns args as a JSON array.
func encode(args []any) (string, error) {
	b := []byte{'['}
	for i, arg := range args {
		if i > 0 {
			b = append(b, ',')
		}
		switch v := arg.(type) {
		case string:
			b = appendString(b, v)
		case int:
			b = strconv.AppendInt(b, int64(v), 10)
		case int64:
			b = strconv.AppendInt(b, v, 10)
		case bool:
			b = strconv.AppendBool(b, v)
		case nil:
			b = append(b, "null"...)
		default:
			return "", errors.New("query: argument " + strconv.Itoa(i+1) + ": expected a string, int, int64, bool or nil")
		}
	}
	return string(append(b, ']')), nil
}

// appendString appends s as a JSON string. Invalid UTF-8 becomes U+FFFD.
func appendString(b []byte, s string) []byte {
	const digits = "0123456789abcdef"
	b = append(b, '"')
	for _, c := range s {
		switch {
		case c == '"' || c == '\\':
			b = append(b, '\\', byte(c))
		case c < ' ':
			b = append(b, '\\', 'u', '0', '0', digits[c>>4], digits[c&15])
		default:
			b = utf8.AppendRune(b, c)
		}
	}
	return append(b, '"')
}
