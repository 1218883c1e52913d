package tenancy_test

import (
	"bufio"
	"encoding/json"
	"os"
	"reflect"
	"strconv"
	"testing"

	"github.com/tenantedge/tenantedge/guest/abi"
	"github.com/tenantedge/tenantedge/guest/tenancy"
)

// testdata/urlrouter.jsonl has results of the URLRouter of Channels 4.0, with path()
// and re_path() of Django 3.2 on Python 3.11.7, for random route tables and targets.
// Each line is a table with targets. Each target has the index of its route and the
// values; those of unnamed groups, positional arguments there, are numbered.
func TestRoutesAgreeWithURLRouter(t *testing.T) {
	file, err := os.Open("testdata/urlrouter.jsonl")
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	compared := 0
	for lines := bufio.NewScanner(file); lines.Scan(); {
		var table struct {
			Routes  []abi.WSRoute
			Answers [][]json.RawMessage
		}
		if err := json.Unmarshal(lines.Bytes(), &table); err != nil {
			t.Fatalf("%q: %v", lines.Text(), err)
		}
		for i := range table.Routes {
			table.Routes[i].Name = strconv.Itoa(i)
		}
		config := &abi.Config{
			ABI: abi.Version, Compat: "strict", WSURLConfs: map[string][]abi.WSRoute{"ws": table.Routes},
			Tenants: []abi.StaticTenant{{Schema: "www", Domains: []string{"a.io"}, WSURLConf: "ws"}},
		}
		for _, answer := range table.Answers {
			var target, name, kwargs string
			if err := json.Unmarshal(answer[0], &target); err != nil {
				t.Fatal(err)
			}
			if len(answer) > 1 {
				name, kwargs = string(answer[1]), string(answer[2])
			}
			d := decide(t, config, &rows{}, tenancy.Request{Method: "GET", Host: "a.io", HasHost: true, Target: target, Websocket: true})
			compared++
			if d.RouteName != name || !sameJSON(d.RouteKwargs, kwargs) {
				t.Errorf("%s: route %q with %s, want %q with %s, table %s", target, d.RouteName, d.RouteKwargs, name, kwargs, lines.Text())
			}
		}
	}
	if compared < 500 {
		t.Errorf("compared %d targets, want at least 500", compared)
	}
}

// sameJSON reports whether two texts are equal, or JSON objects with equal values.
func sameJSON(a, b string) bool {
	if a == b {
		return true
	}
	var values [2]map[string]json.RawMessage
	if json.Unmarshal([]byte(a), &values[0]) != nil || json.Unmarshal([]byte(b), &values[1]) != nil || len(values[0]) != len(values[1]) {
		return false
	}
	for key, raw := range values[0] {
		var x, y any
		if json.Unmarshal(raw, &x) != nil || json.Unmarshal(values[1][key], &y) != nil || !reflect.DeepEqual(x, y) {
			return false
		}
	}
	return true
}
