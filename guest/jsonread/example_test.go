package jsonread_test

import (
	"fmt"

	"github.com/tenantedge/tenantedge/guest/jsonread"
)

func ExampleObject() {
	for _, settings := range []string{`{"percent": 5, "tenants": ["acme"], "log": true}`, `{"percent": "5"}`, `{"prcent": 5}`, `{"log": true, "log": false}`} {
		var percent int
		var tenants []string
		var log bool
		err := jsonread.Object([]byte(settings), func(r *jsonread.Reader, key string) {
			switch key {
			case "percent":
				r.Integer(&percent)
			case "tenants":
				jsonread.Texts(r, &tenants)
			case "log":
				r.Bool(&log)
			default:
				r.Fail("percent, tenants or log, found " + key)
			}
		})
		fmt.Println(percent, tenants, log, err)
	}
	// Output:
	// 5 [acme] true <nil>
	// 0 [] false at byte 12: expected an integer
	// 0 [] false at byte 10: expected percent, tenants or log, found prcent
	// 0 [] true at byte 19: expected unique keys, found "log" twice
}
