package cases

import (
	"errors"
	"fmt"
	"os"
	"runtime"
	"strings"
	"testing"

	"github.com/tenantedge/tenantedge/edge"
	"github.com/tenantedge/tenantedge/edge/config"
	"github.com/tenantedge/tenantedge/edge/internal/explain"
	"github.com/tenantedge/tenantedge/guest/abi"
)

func TestMistakesHaveAFileAndALine(t *testing.T) {
	const good = "\ncases: [{name: a, request: http://a/, expect: {status: 404}}]"
	for _, c := range []struct{ name, file, text, want string }{
		{"an unknown key", "c.yaml", "case: []" + good, "c.yaml:1:1: case: expected a known key, found an unknown one; did you mean cases?"},
		{"an unknown field", "c.yaml", "cases:\n- name: a\n  request: http://a/\n  expect: {shcema: x}", "c.yaml:4:12: cases[0].expect.shcema: expected a known key, found an unknown one; did you mean schema?"},
		{"a field of another question", "c.yaml", "cases:\n- name: a\n  request: http://a/\n  expect: {verdict: x}", "c.yaml:4:11: cases[0].expect.verdict: expected a key that applies to request"},
		{"a value of the wrong type", "c.yaml", "cases:\n- name: a\n  request: http://a/\n  expect: {schema: [x]}", "c.yaml:4:20: cases[0].expect.schema: expected a string, a number, true or false, found a list"},
		{"a name twice", "c.yaml", "cases:\n- {name: a, request: http://a/, expect: {status: 1}}\n- {name: a, request: http://a/, expect: {status: 1}}", `c.yaml:3:3: cases[1].name: expected each name once, found "a" again, first on line 2`},
		{"two questions", "c.yaml", "cases:\n- {name: a, request: http://a/, reverse_key: a, expect: {status: 1}}", "c.yaml:2:3: cases[0]: expected one of request"},
		{"no question", "c.yaml", "cases:\n- {name: a, expect: {status: 1}}", "c.yaml:2:3: cases[0]: expected one of request"},
		{"no expectation", "c.yaml", "cases:\n- {name: a, request: http://a/, expect: {}}", "c.yaml:2:41: cases[0].expect: expected at least one of"},
		{"no case", "c.yaml", "tenants: []", "c.yaml:1:1: expected the key cases"},
		{"cases of a rejected configuration", "c.yaml", "rejects: x" + good, "c.yaml:2:9: cases[0]: expected no cases"},
		{"not a URL", "c.yaml", "cases:\n- {name: a, request: ftp://a/, expect: {status: 1}}", "c.yaml:2:22: cases[0].request: expected a method and a URL"},
		{"a URL and a host", "c.yaml", "cases:\n- {name: a, request: {url: http://a/, host: b}, expect: {status: 1}}", "expected url, or scheme, host and target, found both"},
		{"a Host among the headers", "c.yaml", "cases:\n- {name: a, request: {url: http://a/, headers: {HOST: b}}, expect: {status: 1}}", "expected the Host in url or host"},
		{"no address", "c.yaml", "cases:\n- {name: a, request: {url: http://a/, remote: b}, expect: {status: 1}}", "remote: expected the IP address"},
		{"a tenant twice", "c.yaml", "tenants:\n- {id: 1, schema: a}\n- {id: 1, schema: b}" + good, "c.yaml:3:3: tenants[1]: expected each id and schema once"},
		{"a domain twice", "c.yaml", "tenants:\n- {id: 1, schema: a, domains: [{domain: a.b}]}\n- {id: 2, schema: b, domains: [{domain: a.b}]}" + good, "c.yaml:3:3: tenants[1]: expected each pair of domain and folder once"},
		{"tenants twice", "c.yaml", "config: {directory: {source: file, tenants: [], domains: []}}\ntenants: [{id: 1, schema: a}]" + good, "expected the rows in tenants or in config.directory, found both"},
		{"a directory elsewhere", "c.yaml", "config: {directory: {source: file, path: a.yaml}}" + good, "config.directory: expected a directory with rows, found one that is read from elsewhere"},
		{"an error of the configuration", "c.yaml", "config:\n  routers: [cookie]" + good, `c.yaml:2:13: routers[0]: expected domain, header or session, found the string "cookie"`},
		{"an unknown errno", "c.yaml", "queries: {q: [{error: gone}]}" + good, `c.yaml:1:15: queries.q[0].error: expected one of denied`},
		{"rows and an error", "c.yaml", "queries: {q: [{error: limit, rows: []}]}" + good, `queries.q[0]: expected rows or error, found both`},
		{"a row that is no mapping", "c.yaml", "queries: {q: [{rows: [1]}]}" + good, `expected a list of rows, mappings of columns, found 1`},
		{"no time", "c.yaml", "now: noon" + good, `now: expected a time such as 2026-01-01T00:00:00Z, found "noon"`},
		{"an unknown outcome", "c.yaml", "cases:\n- {name: a, request: http://a/, expect: {outcome: tennant}}", `c.yaml:2:41: cases[0].expect.outcome: expected one of tenant, redirect, not_found, none, bad_request, conflict, found "tennant"`},
		{"an unknown verdict", "c.yaml", "cases:\n- {name: a, authorize: {schema: a}, expect: {verdict: yes please}}", `cases[0].expect.verdict: expected one of allow, deny, hide, found "yes please"`},
		{"an unknown effect", "c.yaml", "cases:\n- {name: a, websocket: {event: timer}, expect: {effects: [{kind: send}]}}", `cases[0].expect.effects[0]: expected one of send_text`},
		{"no hexadecimal digits", "c.yaml", "cases:\n- {name: a, websocket: {event: message, hex: xy}, expect: {effects: []}}", `expected pairs of hexadecimal digits, found "xy"`},
		{"a line of JSON", "c.jsonl", "{\"tenants\": []}\n\n{\"name\": 5}", "c.jsonl:3:10: name: expected a string, found the number 5"},
		{"a line of YAML", "c.jsonl", "\n{name: a}", "c.jsonl:2:2: expected JSON"},
		{"a line that is not UTF-8", "c.jsonl", "\n\n{\"name\": \"\xff\"}", "c.jsonl:3:11: expected UTF-8"},
		{"a first line that is neither", "c.jsonl", "{\"name\": \"a\", \"tenants\": []}\n", "c.jsonl:1:"},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := Parse(c.file, []byte(c.text))
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("found %v\nexpected %s", err, c.want)
			}
		})
	}
}

func TestARecordedDecisionIsACase(t *testing.T) {
	r := &explain.Request{URL: "https://acme.example.com/a<b?c", Headers: explain.Headers{"Tenant": {"x", "y"}}, Remote: "10.0.0.1", Trusted: true}
	if err := r.Complete(); err != nil {
		t.Fatal(err)
	}
	r.SetSession("tenant", `"acme"`)
	d := edge.Decision{Outcome: abi.Tenant, Status: 200, Headers: []string{"X-Plan", "gold"}, Reason: "because"}
	d.Tenant.Schema = "acme"
	found := AnswerOf(&d)
	line, err := Record("a name", r, &found)
	if err != nil {
		t.Fatal(err)
	}
	f := parse(t, "recorded.jsonl", string(line))
	c := &f.Cases[0]
	if q := c.Request; *q.Host != "acme.example.com" || q.Target != "/a<b?c" || q.Scheme != "https" || len(q.Headers["Tenant"]) != 2 || string(q.Session["tenant"]) != `"acme"` || !q.Trusted {
		t.Errorf("the request is %+v", q)
	}
	if differences := c.Expect.Compare(&found); len(differences) > 0 {
		t.Errorf("%+v", differences)
	}
	d.Headers, d.Tenant.Schema = nil, "beta"
	found = AnswerOf(&d)
	if differences := c.Expect.Compare(&found); len(differences) != 2 {
		t.Errorf("of another decision: %+v", differences)
	}
}

// A recording may have hundreds of thousands of lines: the work for one must not
// grow with their number.
func TestEachLineOfARecordingCostsTheSame(t *testing.T) {
	perLine := func(lines int) uint64 {
		var text strings.Builder
		for i := range lines {
			fmt.Fprintf(&text, `{"name":"%d","request":"http://a/","expect":{"status":404}}`+"\n", i)
		}
		data := []byte(text.String())
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		f, err := Parse("c.jsonl", data)
		runtime.ReadMemStats(&after)
		if err != nil || f.Cases[lines-1].Line != lines {
			t.Fatalf("%d lines: %v", lines, err)
		}
		return (after.TotalAlloc - before.TotalAlloc) / uint64(lines)
	}
	if few, many := perLine(500), perLine(10000); many > few+few/2 {
		t.Errorf("a line allocates %d bytes of 500 lines, and %d of 10,000", few, many)
	}
}

func TestLoadReadsRegularFilesOnly(t *testing.T) {
	if _, err := Load(os.DevNull); err == nil || !strings.Contains(err.Error(), "device") {
		t.Errorf("a device, which may have no end: %v", err)
	}
}

// For any input, Parse returns a file or an error with the file's name.
func FuzzParse(f *testing.F) {
	example, err := os.ReadFile("testdata/example.yaml")
	if err != nil {
		f.Fatal(err)
	}
	f.Add(false, example)
	f.Add(true, []byte(`{"tenants":[{"id":1,"schema":"a"}]}`+"\n"+`{"name":"a","request":{"host":"a"},"expect":{"kwargs":{"a":1}}}`))
	f.Add(false, []byte(`{"queries":{"q":[{"args":[1],"rows":[{}]}]},"cases":[{"name":"w","websocket":{"event":"close","code":1000,"hex":"ff"},"expect":{"effects":[{"kind":"close","data":"x"}]}}]}`))
	f.Fuzz(func(t *testing.T, lines bool, data []byte) {
		name := "fuzz.yaml"
		if lines {
			name = "fuzz.jsonl"
		}
		file, err := Parse(name, data)
		if (file == nil) == (err == nil) {
			t.Fatalf("file %v and error %v", file, err)
		}
		if err != nil {
			var e *config.Error
			if !errors.As(err, &e) || e.File != name {
				t.Fatalf("error without a position: %v", err)
			}
			return
		}
		for i := range file.Cases {
			c := &file.Cases[i]
			if _, q := c.question(); q == nil || Exports[c.Op()] == "" {
				t.Fatalf("a case without a question: %+v", c)
			}
			c.Expect.Compare(&Answer{})
		}
	})
}
