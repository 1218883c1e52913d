// Package query runs the statements of the host's configuration and decodes their
// rows with encoding/json, which makes a guest much larger than [guest.Query] does.
//
//	var rows []struct {
//		Plan string `json:"plan"`
//	}
//	err := query.Rows(schema, "plan", []any{7}, &rows)
package query

import (
	"encoding/json"

	"github.com/tenantedge/tenantedge/guest"
)

// PublicRows is [Rows] in the schema public, for use before the tenant is known: to
// find the tenant of an API key, say. The error is abi.Denied unless the
// statement's configuration has "schema: public".
func PublicRows(name string, args []any, rows any) error { return Rows("", name, args, rows) }

// Rows runs the read-only statement that the host's configuration has under name,
// with args, in the search_path of schema. It decodes the result, a JSON array of
// objects, into rows, a pointer to a slice. Errors are those of [guest.Query].
func Rows(schema, name string, args []any, rows any) error {
	if args == nil {
		args = []any{}
	}
	encoded, err := json.Marshal(args)
	if err != nil {
		return err
	}
	result, err := guest.Query(schema, name, string(encoded))
	if err != nil {
		return err
	}
	return json.Unmarshal(result, rows)
}
