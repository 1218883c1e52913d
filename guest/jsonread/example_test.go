package jsonread_test

import (
	"fmt"

	"github.com/tenantedge/tenantedge/guest/jsonread"
)

func ExampleMembers() {
	for _, settings := range []string{
		`{"percent": 5, "tenants": ["acme"], "plans": {"acme": "gold"}, "since": 2}`, `{"percent": "5"}`, `{"prcent": 5}`, `{"log": true, "log": false}`,
	} {
		var percent, since int
		var tenants []string
		var log bool
		var plans map[string]string
		err := jsonread.Object([]byte(settings), jsonread.Members{
			"percent": &percent, "tenants": &tenants, "log": &log, "plans": &plans,
			"since": func(r *jsonread.Reader) { r.Integer(&since) },
		}.Read)
		fmt.Println(percent, tenants, log, plans, since, err)
	}
	// Output:
	// 5 [acme] false map[acme:gold] 2 <nil>
	// 0 [] false map[] 0 at byte 12: expected an integer
	// 0 [] false map[] 0 at byte 10: expected log, percent, plans, since, tenants, found prcent
	// 0 [] true map[] 0 at byte 19: expected unique keys, found "log" twice
}
