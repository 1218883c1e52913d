package file_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"

	"github.com/tenantedge/tenantedge/tenantdb"
	"github.com/tenantedge/tenantedge/tenantdb/file"
)

func TestDecode(t *testing.T) {
	for _, c := range []struct{ name, file, text, want string }{
		{"block rows", "a.yaml", "tenants:\n- id: 1\n  schema_name: t1\ndomains:\n- tenant_id: 1\n  domain: a.io\n  folder: f\n  is_primary: true\n  redirect_to_primary: no\n",
			"{1 t1 []}|{1 a.io f true false}"},
		{"flow rows", "a.yaml", "tenants: [{id: '1', schema_name: t1}]\ndomains: [{tenant_id: \"1\", domain: a.io, redirect_to_primary: yes}]",
			"{1 t1 []}|{1 a.io  false true}"},
		{"an id may be a number or text", "a.yaml", "tenants: [{id: -5, schema_name: a}, {id: 12345678901234567890123, schema_name: b}, {id: x-1, schema_name: c}]",
			"{-5 a []}|{12345678901234567890123 b []}|{x-1 c []}"},
		{"further keys are attributes", "a.yaml", "tenants: [{id: 1, schema_name: a, n: 1.50, b: true, s: x, absent: null, t: 2026-01-02}]",
			"{1 a [{n 1.50} {b true} {s x} {t 2026-01-02}]}"},
		{"names that look like numbers", "a.yaml", "tenants: [{id: 1, schema_name: a}]\ndomains: [{tenant_id: 1, domain: 127.0, folder: 0123}]", "{1 a []}|{1 127.0 0123 false false}"},
		{"anchors and aliases", "a.yaml", "tenants: [&t {id: 1, schema_name: a}, *t]", "{1 a []}|{1 a []}"},
		{"a byte order mark", "a.yaml", "\xef\xbb\xbftenants: []", ""},
		{"empty lists", "a.yaml", "tenants:\ndomains: []", ""},
		{"a dump of the table", "a.json", `{"tenants": [{"id": 1, "schema_name": "a", "x": "1"}], "domains": [{"id": 9, "tenant_id": 1, "domain": "a.io", "folder": null, "is_primary": true}]}`,
			"{1 a [{x 1}]}|{1 a.io  true false}"},
		{"surrogate pairs in JSON", "a.json", `{"tenants": [{"id": "\ud83d\ude00", "schema_name": "a", "b": "\u00e9😀\n"}]}`, "{😀 a [{b é😀\n}]}"},
		{"surrogate pairs in JSON called YAML", "a.yaml", " {\"tenants\": [{\"id\": \"\\ud83d\\ude00\", \"schema_name\": \"a\"}]}\n", "{😀 a []}"},
		{"YAML that starts like JSON", "a.yaml", "{tenants: [{id: 1, schema_name: a}]}", "{1 a []}"},
		{"JSON that is empty", "a.json", ` { "tenants" : null , "domains" : [ ] } `, ""},
		{"numbers in JSON keep their text", "a.json", `{"tenants": [{"id": 12345678901234567890123, "schema_name": "a", "x": 1.50e3, "y": -0}]}`,
			"{12345678901234567890123 a [{x 1.50e3} {y -0}]}"},
	} {
		t.Run(c.name, func(t *testing.T) {
			s, err := file.Decode(c.file, []byte(c.text))
			if err != nil {
				t.Fatal(err)
			}
			if got := format(s); got != c.want {
				t.Errorf("got %s, want %s", got, c.want)
			}
		})
	}
}

func format(s tenantdb.State) string {
	var rows []string
	for _, t := range s.Tenants {
		rows = append(rows, fmt.Sprint(t))
	}
	for _, d := range s.Domains {
		rows = append(rows, fmt.Sprint(d))
	}
	return strings.Join(rows, "|")
}

func TestErrorsNameThePositionAndTheCorrection(t *testing.T) {
	for _, c := range []struct{ name, file, text, want string }{
		{"nothing", "a.yaml", "# empty\n", "a.yaml:1:1: expected a mapping with the lists tenants and domains, found nothing; write `tenants: []` if there are none"},
		{"a list", "a.yaml", "- 1", "a.yaml:1:1: expected a mapping with the lists tenants and domains, found a list"},
		{"broken YAML", "a.yaml", "tenants:\n  - id: 1\n schema: [", "a.yaml:2:1: expected valid YAML, found did not find expected key; the mistake may be on the line before"},
		{"two documents", "a.yaml", "tenants: []\n---\ntenants: []", "a.yaml:2:1: expected one document, found a second one"},
		{"an unknown key", "a.yaml", "tenants: []\ndomain: []", `a.yaml:2:1: expected tenants or domains, found key "domain"`},
		{"a list twice", "a.yaml", "tenants: []\ntenants: []", `a.yaml:2:1: expected each key once, found "tenants" twice`},
		{"rows that are not a list", "a.yaml", "tenants:\n  id: 1", "a.yaml:2:3: tenants: expected a list of rows, found a mapping; start each row with a hyphen"},
		{"a row that is not a mapping", "a.yaml", "tenants:\n- id: 1\n  schema_name: a\n- 5", `a.yaml:4:3: tenants[1]: expected a mapping of column names to values, found "5"`},
		{"no id", "a.yaml", "tenants:\n- schema_name: a", "a.yaml:2:3: tenants[0]: expected the key id, found none; add it to the row"},
		{"no schema", "a.yaml", "tenants:\n- id: a", "a.yaml:2:3: tenants[0]: expected the key schema_name, found none"},
		{"no tenant", "a.yaml", "domains:\n- domain: a", "a.yaml:2:3: domains[0]: expected the key tenant_id, found none"},
		{"no domain", "a.yaml", "domains:\n- tenant_id: 1", "a.yaml:2:3: domains[0]: expected the key domain, found none"},
		{"a list for an attribute", "a.yaml", "tenants:\n- id: 1\n  schema_name: a\n  x: [1]", "a.yaml:4:6: tenants[0].x: expected text, a number, true, false or null, found a list"},
		{"a flag that is not a boolean", "a.yaml", "domains:\n- {tenant_id: 1, domain: a, is_primary: 1}", `a.yaml:2:41: domains[0].is_primary: expected true or false, found a whole number "1"`},
		{"an id that is a boolean", "a.yaml", "domains:\n- {tenant_id: true, domain: a}", `a.yaml:2:15: domains[0].tenant_id: expected text or a whole number, found true or false "true"`},
		{"an id with leading zeros", "a.yaml", "tenants:\n- {id: 007, schema_name: a}", `a.yaml:2:8: tenants[0].id: expected a whole number in plain decimal digits, found "007"; put it in double quotes if it is text`},
		{"a folder that is not text", "a.yaml", "domains:\n- {tenant_id: 1, domain: a, folder: true}", `a.yaml:2:37: domains[0].folder: expected text, found true or false "true"; put it in double quotes`},
		{"a misspelt column", "a.yaml", "domains:\n- {tenant_id: 1, domain: a, is_primry: true}", `a.yaml:2:40: domains[0].is_primry: expected tenant_id, domain, folder, is_primary or redirect_to_primary, found key "is_primry"`},
		{"a key twice", "a.yaml", "tenants:\n- {id: 1, id: 2, schema_name: a}", "a.yaml:2:15: tenants[0].id: expected each key once, found it twice"},
		{"a merge key", "a.yaml", "tenants:\n- &a {id: 1, schema_name: a}\n- {<<: *a, id: 2}", "a.yaml:3:4: tenants[1]: expected the name of a column"},
		{"half a character in YAML", "a.yaml", "tenants:\n- {id: \"\\ud83d\\ude00\", schema_name: a}", `a.yaml:2:1: expected valid YAML, found found invalid Unicode character escape code`},
		{"a tag", "a.yaml", "tenants:\n- {id: !x 1, schema_name: a}", "a.yaml:2:8: tenants[0].id: expected text, a number, true, false or null, found tag !x"},
		{"JSON: truncated", "a.json", `{"tenants": [{"id": 1`, "a.json:1:22: tenants[0]: expected valid JSON, found the end of the file; the file may be incomplete"},
		{"JSON: no quotes", "a.json", "{\n  tenants: []}", `a.json:2:3: expected a key in double quotes, found "tenants"`},
		{"JSON: a list", "a.json", `[]`, `a.json:1:1: expected a mapping with the lists tenants and domains, found "["`},
		{"JSON: an unknown key", "a.json", `{"x": 1}`, `a.json:1:7: expected tenants or domains, found key "x"`},
		{"JSON: a list twice", "a.json", `{"tenants": [], "tenants": []}`, `a.json:1:28: expected each key once, found key "tenants" twice`},
		{"JSON: rows that are not a list", "a.json", `{"tenants": {}}`, `a.json:1:13: tenants: expected a list of rows, found "{"`},
		{"JSON: a row that is a number", "a.json", "{\"domains\": [\n 1]}", `a.json:2:2: domains[0]: expected a mapping of column names to values, found "1"`},
		{"JSON: a number for a folder", "a.json", `{"domains": [{"tenant_id": 1, "domain": "a", "folder": 5}]}`, `a.json:1:56: domains[0].folder: expected text, found a whole number "5"; put it in double quotes`},
		{"JSON: an id with a fraction", "a.json", `{"tenants": [{"id": 1.0, "schema_name": "a"}]}`, `a.json:1:21: tenants[0].id: expected text or a whole number, found a number "1.0"`},
		{"JSON: an object for an attribute", "a.json", `{"tenants": [{"id": 1, "schema_name": "a", "x": {}}]}`, `a.json:1:49: tenants[0].x: expected text, a number, true, false or null, found an object`},
		{"JSON: leading zeros", "a.json", `{"tenants": [{"id": 01}]}`, `a.json:1:22: tenants[0]: expected valid JSON, found invalid character '1' after object value (expecting ',' or '}')`},
		{"JSON: data after the end", "a.json", "{}\n{}", `a.json:2:1: expected the end of the file, found "{"`},
		{"JSON: a bad escape", "a.json", `{"tenants": [{"id": "\x"}]}`, "a.json:1:22: tenants[0].id: expected valid JSON, found invalid escape sequence `\\x` in string"},
		{"JSON: a line break in a text", "a.json", "{\"tenants\": [{\"id\": \"a\nb\"}]}", `a.json:1:23: tenants[0].id: expected valid JSON, found invalid character '\n' in string (expecting non-control character)`},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := file.Decode(c.file, []byte(c.text))
			var e *file.Error
			if !errors.As(err, &e) || !strings.Contains(err.Error(), c.want) {
				t.Errorf("got  %v\nwant %s", err, c.want)
			}
		})
	}
}

func TestFromNodeIgnoresOtherKeys(t *testing.T) {
	var config struct{ Directory yaml.Node }
	text := "directory:\n  source: file\n  tenants: [{id: 1, schema_name: t1}]\n  domains:\n    - {tenant_id: 1, domain: 5}\n    - {tenant_id: 1}\n"
	if err := yaml.Unmarshal([]byte(text), &config); err != nil {
		t.Fatal(err)
	}
	_, err := file.FromNode("serve.yaml", &config.Directory)
	if err == nil || !strings.HasPrefix(err.Error(), "serve.yaml:6:7: domains[1]: expected the key domain") {
		t.Errorf("error: %v", err)
	}
	config.Directory.Content[5].Content = config.Directory.Content[5].Content[:1]
	s, err := file.FromNode("serve.yaml", &config.Directory)
	if err != nil || format(s) != "{1 t1 []}|{1 5  false false}" {
		t.Errorf("got %s, %v", format(s), err)
	}
}

func FuzzDecodeJSON(f *testing.F) {
	f.Add([]byte(`{"tenants": [{"id": 1, "schema_name": "a", "x": -1.5e+3}], "domains": [{"tenant_id": "1", "domain": "\ud83d\ude00", "folder": null, "is_primary": true}]}`))
	f.Add([]byte(`{"tenants":null}`))
	f.Add([]byte(`{"domains":[{"domain":"\ud83d","tenant_id":01}]}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		s, err := file.Decode("f.json", data)
		if err != nil {
			var e *file.Error
			if !errors.As(err, &e) || e.Line < 1 || e.Column < 1 {
				t.Fatalf("error %v", err)
			}
			return
		}
		data = bytes.TrimPrefix(data, []byte("\xef\xbb\xbf"))
		var want struct {
			Tenants []map[string]any `json:"tenants"`
			Domains []map[string]any `json:"domains"`
		}
		in := json.NewDecoder(bytes.NewReader(data))
		in.UseNumber()
		if err := in.Decode(&want); err != nil {
			t.Fatalf("accepted JSON that encoding/json rejects: %v", err)
		}
		if len(want.Tenants) != len(s.Tenants) || len(want.Domains) != len(s.Domains) {
			t.Fatalf("got %v, want %v", s, want)
		}
		for i, row := range want.Tenants {
			if fmt.Sprint(row["id"]) != s.Tenants[i].ID || row["schema_name"] != s.Tenants[i].Schema {
				t.Fatalf("got %v, want %v", s.Tenants[i], row)
			}
			for _, a := range s.Tenants[i].Attributes {
				if fmt.Sprint(row[a.Name]) != a.Value {
					t.Fatalf("got %v, want %v", a, row)
				}
			}
		}
		for i, row := range want.Domains {
			if row["domain"] != s.Domains[i].Domain || row["is_primary"] == true != s.Domains[i].IsPrimary {
				t.Fatalf("got %v, want %v", s.Domains[i], row)
			}
		}
	})
}

func FuzzDecodeYAML(f *testing.F) {
	f.Add([]byte("tenants:\n- &a {id: 1, schema_name: t1, x: !!int 0x5}\n- *a\ndomains:\n- tenant_id: 1\n  domain: a.io\n  folder: |\n    x\n"))
	f.Add([]byte("{\"tenants\": [{\"id\": \"\\ud83d\"}]}"))
	f.Add([]byte("tenants: *x"))
	f.Add([]byte("? [a]\n: b\n---\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		_, err := file.Decode("f.yaml", data)
		var e *file.Error
		if err != nil && !errors.As(err, &e) {
			t.Fatalf("error %T %v", err, err)
		}
	})
}

func jsonRows(n int) []byte {
	var b bytes.Buffer
	b.WriteString(`{"tenants": [`)
	for i := range n {
		if i > 0 {
			b.WriteString(",\n")
		}
		b.WriteString(`{"id": ` + strconv.Itoa(i) + `, "schema_name": "tenant_` + strconv.Itoa(i) + `"}`)
	}
	b.WriteString("],\n\"domains\": [")
	for i := range n {
		if i > 0 {
			b.WriteString(",\n")
		}
		b.WriteString(`{"tenant_id": ` + strconv.Itoa(i) + `, "domain": "host-` + strconv.Itoa(i) + `.example.com", "folder": "", "is_primary": true, "redirect_to_primary": false}`)
	}
	b.WriteString("]}\n")
	return b.Bytes()
}

func yamlRows(n int) []byte {
	var b bytes.Buffer
	b.WriteString("tenants:\n")
	for i := range n {
		b.WriteString("- {id: " + strconv.Itoa(i) + ", schema_name: tenant_" + strconv.Itoa(i) + "}\n")
	}
	b.WriteString("domains:\n")
	for i := range n {
		b.WriteString("- {tenant_id: " + strconv.Itoa(i) + ", domain: host-" + strconv.Itoa(i) + ".example.com, is_primary: true}\n")
	}
	return b.Bytes()
}

func TestBothFormatsOfTheSameRowsAgree(t *testing.T) {
	a, err := file.Decode("a.json", jsonRows(1000))
	if err != nil {
		t.Fatal(err)
	}
	b, err := file.Decode("a.yaml", yamlRows(1000))
	if err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(a.Domains, b.Domains) || format(a) != format(b) {
		t.Error("JSON and YAML differ")
	}
}

func BenchmarkLoad(b *testing.B) {
	for _, c := range []struct {
		name string
		data []byte
	}{
		{"json/1000000", jsonRows(1_000_000)},
		{"yaml/1000000", yamlRows(1_000_000)},
		{"yaml/parser/50000", append([]byte("---\n"), yamlRows(50_000)...)},
	} {
		b.Run(c.name, func(b *testing.B) {
			b.SetBytes(int64(len(c.data)))
			dir := tenantdb.NewDirectory(tenantdb.Options{})
			for b.Loop() {
				s, err := file.Decode(c.name[:4]+"."+c.name[:4], c.data)
				if err != nil {
					b.Fatal(err)
				}
				dir.Replace(s)
			}
		})
	}
}
