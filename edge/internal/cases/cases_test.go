package cases

import (
	"fmt"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/tenantedge/tenantedge/assets"
	"github.com/tenantedge/tenantedge/edge/internal/wasm/wasmtest"
)

func TestMain(m *testing.M) {
	// Tests share compiled guests, and write nothing to the user's home.
	cache, err := wasmtest.CompileCache("edge/internal/cases")
	if err == nil {
		err = os.Setenv("XDG_CACHE_HOME", cache)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	os.Exit(m.Run())
}

func parse(t *testing.T, name, text string) *File {
	t.Helper()
	f, err := Parse(name, []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return f
}

func run(t *testing.T, wasm []byte, f *File) (results []Result) {
	t.Helper()
	h, err := Open(t.Context(), wasm, f)
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := h.Close(); err != nil {
			t.Error(err)
		}
	}()
	for i := range f.Cases {
		results = append(results, h.Case(t.Context(), &f.Cases[i]))
	}
	return results
}

// expectPass fails for each case that does not pass.
func expectPass(t *testing.T, results []Result) {
	t.Helper()
	for _, r := range results {
		if !r.Passed() {
			t.Errorf("%s:%d: %s: %+v %q", r.File, r.Line, r.Name, r.Differences, r.Notes)
		}
	}
}

// Fuel depends on neither the order of the cases nor on what a guest did before.
func TestTheExampleHoldsInAnyOrderWithTheSameFuel(t *testing.T) {
	t.Parallel()
	f, err := Load("testdata/example.yaml")
	if err != nil {
		t.Fatal(err)
	}
	first := run(t, assets.Router, f)
	expectPass(t, first)
	slices.Reverse(f.Cases)
	if changes := BudgetOf(first).Compare(BudgetOf(run(t, assets.Router, f))); len(changes) > 0 {
		t.Errorf("in reverse order: %+v", changes)
	}
}

func TestTheRouterPassesTheGoldenCases(t *testing.T) {
	t.Parallel()
	files, err := Golden()
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		if f.Rejects == "" {
			expectPass(t, run(t, assets.Router, f))
			continue
		}
		_, err := Open(t.Context(), assets.Router, f)
		if r := f.Rejection(err); !r.Passed() {
			t.Errorf("%s: %+v", f.Name, r)
		}
	}
}

// A guest queries, authorizes, handles websockets and reads the clock with what the
// file has.
func TestAGuestSeesTheWorldOfTheFile(t *testing.T) {
	t.Parallel()
	all := run(t, wasmtest.Guest(t, "edge/internal/cases/testdata/guest"), parse(t, "world.yaml", `
now: 2027-03-04T05:06:07Z
tenants: [{id: 1, schema: acme}]
queries:
  tenant_of_key:
    - {args: [k1], rows: [{schema: beta}]} # not for queries in public
    - {schema: public, args: [k1], rows: [{schema: acme}]}
    - {schema: public, args: [down], error: unavailable}
    - {schema: public, args: [none], rows: []}
  member: [{schema: acme, args: [m=1], rows: [{verdict: 1}]}, {schema: acme, args: ["m=2\nm=3"], rows: [{verdict: 3}]}]
cases:
  - name: a known key
    request: {url: "http://api.example.com/", headers: {x-api-key: k1}}
    expect: {schema: acme, reference: acme, headers: {X-Plan: gold, x-other: ""}}
  - name: no such key
    request: {url: "http://api.example.com/", headers: {x-api-key: none}}
    expect: {outcome: not_found, reason: no tenant has this key}
  - name: the time
    request: http://api.example.com/
    expect: {reason: at 1804136767}
  - name: no database
    request: {url: "http://api.example.com/", headers: {x-api-key: down}}
    expect: {error: "looking up a key: tenantedge: unavailable"}
  - name: a member
    authorize: {schema: acme, name: a.txt, headers: {Cookie: m=1}}
    expect: {verdict: allow}
  - name: two headers
    authorize: {schema: acme, name: a.txt, headers: {Cookie: [m=2, m=3]}}
    expect: {verdict: hide}
  - name: a stranger
    authorize: {schema: acme, name: a.txt}
    expect: {verdict: deny}
  - name: open
    websocket: {event: open, schema: acme, route: echo, protocols: [chat], kwargs: {a: 1}}
    expect: {status: 0, protocol: "", effects: []}
  - name: text
    websocket: {event: message, schema: acme, data: hello, state: kept}
    expect: {effects: [{kind: send_text, data: hello}], state: kept}
  - name: bytes
    websocket: {event: message, schema: acme, binary: true, hex: ff 00}
    expect: {effects: [{kind: send_binary, hex: ff00}]}
  - name: invalid text
    websocket: {event: message, schema: acme, hex: ff}
    expect: {error: valid UTF-8}
  - name: a close that is not requested
    websocket: {event: message, schema: acme, data: hello}
    expect: {effects: [{kind: send_text, data: hello}, {kind: close}]}
  - name: a query without an answer
    request: {url: "http://api.example.com/", headers: {x-api-key: other}}
    expect: {schema: acme}
`))
	n := len(all) - 2
	expectPass(t, all[:n])
	if d := all[n].Differences; len(d) != 1 || d[0] != (Difference{"effects[1]", "close", ""}) {
		t.Errorf("the differences are %+v", d)
	}
	if notes := strings.Join(all[n+1].Notes, "\n"); all[n+1].Passed() || !strings.Contains(notes, `no answer in queries fits the query "tenant_of_key" in schema public with the arguments ["other"]`) {
		t.Errorf("a query without an answer: %+v", all[n+1])
	}
}

// Every field that differs is reported with both values, also a limit of fuel.
func TestDifferencesNameTheFieldAndBothValues(t *testing.T) {
	t.Parallel()
	results := run(t, assets.Router, parse(t, "differ.yaml", `
tenants: [{id: 1, schema: acme, domains: [{domain: acme.example.com}]}]
cases:
  - name: a
    request: http://acme.example.com/x
    expect: {schema: beta, path: /x, dynamic: false, error: trap}
    fuel: 10
  - name: b
    request: http://unknown.example.com/
    expect: {reason: "", status: 404}
`))
	var found []string
	for _, r := range results {
		for _, d := range r.Differences {
			found = append(found, fmt.Sprintf("%s %s=%s", r.Name, d.Field, d.Expected))
		}
	}
	want := []string{"a error=trap", "a dynamic=false", "a schema=beta", "a fuel=at most 10", "b reason="}
	if !slices.Equal(found, want) {
		t.Errorf("found %q, expected %q", found, want)
	}
	if notes := results[1].Notes; len(notes) != 1 || notes[0] != "not_found 404: no router finds a tenant" {
		t.Errorf("the notes are %q", notes)
	}
}

var yamlBlock = regexp.MustCompile("(?s)```(yaml|json)\n(.*?)```")

// Every example in the description of the files can be read, and the first one
// holds.
func TestTheDescribedExamplesAreValid(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("../../cmd/tenantedge/CASES.md")
	if err != nil {
		t.Fatal(err)
	}
	blocks := yamlBlock.FindAllStringSubmatch(string(text), -1)
	for i, block := range blocks {
		name, example := "CASES.yaml", block[2]
		switch {
		case block[1] == "json":
			name = "CASES.jsonl"
		case strings.HasPrefix(example, "  - "):
			example = "cases:\n" + example
		case strings.HasPrefix(example, "queries:"):
			example += "cases: [{name: a, request: http://a/, expect: {status: 404}}]\n"
		}
		f, err := Parse(name, []byte(example))
		if err != nil {
			t.Errorf("%v\n%s", err, example)
		} else if i == 0 || block[1] == "json" {
			expectPass(t, run(t, assets.Router, f))
		}
	}
	if len(blocks) < 8 {
		t.Errorf("found %d examples", len(blocks))
	}
}
