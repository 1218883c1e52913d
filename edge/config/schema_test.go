package config

import (
	"bytes"
	"encoding/json"
	"maps"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"go.yaml.in/yaml/v3"

	"github.com/tenantedge/tenantedge/edge/decide"
)

// object is a node of a JSON schema.
type object = map[string]any

// schemaWriter derives the JSON schema from the `key` tags that the decoder uses,
// and the descriptions from REFERENCE.md.
type schemaWriter struct {
	d        *decoder
	meanings map[string]string // of keys
	defaults map[string]string
}

func anyOf(nodes ...object) object { return object{"anyOf": nodes} }

func listOf(item object) object { return object{"type": "array", "items": item} }

func text() object { return object{"type": "string"} }

// of returns the schema of a value of the type t with the path, whose scalars have
// the check.
func (w *schemaWriter) of(t reflect.Type, check, path string) object {
	if t.Kind() == reflect.Pointer {
		return w.of(t.Elem(), check, path)
	}
	if form, ok := w.forms()[t]; ok {
		return form(path)
	}
	switch t.Kind() {
	case reflect.Struct:
		return w.mapping(t, path, false)
	case reflect.Slice:
		return listOf(w.of(t.Elem(), check, path+"[]"))
	case reflect.Map:
		return object{"type": "object", "additionalProperties": w.of(t.Elem(), check, path+".*")}
	}
	return scalarSchema(t, check)
}

// forms are the types whose form in the file is not that of their Go type.
func (w *schemaWriter) forms() map[reflect.Type]func(path string) object {
	mapping := func(t reflect.Type) func(string) object {
		return func(path string) object { return w.mapping(t, path, false) }
	}
	anything := func(string) object { return object{} }
	texts := func(string) object { return listOf(text()) }
	id := func(string) object { return object{"type": []string{"string", "integer"}} }
	return map[reflect.Type]func(string) object{
		reflect.TypeFor[JSON]():            anything,
		reflect.TypeFor[ignored]():         anything,
		reflect.TypeFor[DSN]():             func(string) object { return object{"type": "string", "minLength": 1} },
		reflect.TypeFor[peers]():           texts,
		reflect.TypeFor[origins]():         texts,
		reflect.TypeFor[rowID]():           id,
		reflect.TypeFor[Reply]():           mapping(reflect.TypeFor[replyEntry]()),
		reflect.TypeFor[ChannelsRedis]():   mapping(reflect.TypeFor[redisEntry]()),
		reflect.TypeFor[Websockets]():      mapping(reflect.TypeFor[websocketsEntry]()),
		reflect.TypeFor[Directory]():       mapping(reflect.TypeFor[directoryEntry]()),
		reflect.TypeFor[statusTable]():     mapping(reflect.TypeFor[statusEntry]()),
		reflect.TypeFor[domainRow]():       mapping(reflect.TypeFor[domainEntry]()),
		reflect.TypeFor[wsRoute]():         mapping(reflect.TypeFor[wsRouteEntry]()),
		reflect.TypeFor[upstreamHeaders](): mapping(reflect.TypeFor[upstreamHeaders]()),
		reflect.TypeFor[wsTable]():         func(path string) object { return listOf(w.of(reflect.TypeFor[wsRoute](), "", path+"[]")) },
		reflect.TypeFor[adminAddress](): func(string) object {
			return anyOf(scalarSchema(reflect.TypeFor[string](), "address"), object{"enum": []any{"off", false}})
		},
		reflect.TypeFor[Listener](): func(path string) object {
			return anyOf(scalarSchema(reflect.TypeFor[string](), "address"), w.mapping(reflect.TypeFor[listenerEntry](), path, false))
		},
		reflect.TypeFor[certificates](): func(path string) object {
			pair := w.mapping(reflect.TypeFor[Certificate](), path, false)
			return anyOf(pair, object{"type": "array", "items": pair, "minItems": 1})
		},
		reflect.TypeFor[URLConf](): func(path string) object {
			return anyOf(text(), w.mapping(reflect.TypeFor[urlconfEntry](), path, false))
		},
		reflect.TypeFor[deciders](): func(path string) object {
			one := w.mapping(reflect.TypeFor[decideEntry](), path+"[]", false)
			one["properties"].(object)["preset"].(object)["enum"] = decide.Presets()
			return anyOf(one, listOf(one))
		},
		reflect.TypeFor[tenantTable](): func(path string) object {
			return object{"type": "object", "additionalProperties": w.mapping(reflect.TypeFor[tenantEntry](), path+".*", true)}
		},
		reflect.TypeFor[chosenName](): func(path string) object {
			return anyOf(text(), w.mapping(reflect.TypeFor[choiceEntry](), path, false))
		},
		reflect.TypeFor[tenantRow](): func(path string) object {
			return object{
				"type": "object", "required": []string{"id", "schema_name"},
				"properties":           object{"id": id(""), "schema_name": object{"type": "string", "minLength": 1}},
				"additionalProperties": object{"type": []string{"string", "number", "boolean", "null"}},
			}
		},
		reflect.TypeFor[Share](): func(string) object {
			return anyOf(object{"type": "number", "minimum": 0, "maximum": 1}, object{"type": "string", "pattern": `^\d+(\.\d+)?\s*%$`})
		},
	}
}

// mapping returns the schema of a struct. With upper, its keys may be in upper case
// too.
func (w *schemaWriter) mapping(t reflect.Type, path string, upper bool) object {
	properties, required := object{}, []string{}
	fields := w.d.schemaOf(t)
	for _, name := range slices.Sorted(maps.Keys(fields)) {
		f, at := fields[name], strings.TrimPrefix(path+"."+name, ".")
		node := w.of(t.FieldByIndex(f.index).Type, f.check, at)
		if f.required {
			required = append(required, name)
		} else {
			node = orNull(node)
		}
		if meaning := w.meanings[at]; meaning != "" {
			node["description"] = meaning
		}
		w.addDefault(node, w.defaults[at])
		properties[name] = node
		if upper {
			properties[strings.ToUpper(name)] = node
		}
	}
	schema := object{"type": "object", "properties": properties, "additionalProperties": false}
	if len(required) > 0 {
		schema["required"] = required
	}
	return schema
}

func (w *schemaWriter) addDefault(node object, shown string) {
	if shown == "" || shown == "*required*" {
		return
	}
	var value any
	if yaml.Unmarshal([]byte(shown), &value) == nil {
		node["default"] = value
	}
}

// orNull allows a key without a value, which counts as absent.
func orNull(node object) object {
	switch kind := node["type"].(type) {
	case string:
		if node["enum"] == nil {
			node["type"] = []string{kind, "null"}
			return node
		}
	case nil:
		if len(node) == 0 {
			return node
		}
	}
	if nodes, ok := node["anyOf"].([]object); ok {
		node["anyOf"] = append(nodes, object{"type": "null"})
		return node
	}
	return anyOf(node, object{"type": "null"})
}

// scalarSchema returns the schema of what decoder.scalar accepts.
func scalarSchema(t reflect.Type, check string) object {
	rule, argument, _ := strings.Cut(check, "=")
	switch {
	case t == durationType:
		return anyOf(object{"type": "string", "pattern": `^(\d{1,5}d)?((\d+\.?\d*|\.\d+)(ns|us|µs|μs|ms|s|m|h))*$|^0$`, "minLength": 1}, object{"const": 0})
	case t == levelType:
		return object{"enum": []string{"debug", "info", "warn", "error"}}
	case check == "bytes":
		return anyOf(object{"type": "integer", "minimum": 0}, object{"type": "string", "pattern": size.String()})
	case rule == "one":
		return object{"enum": strings.Split(argument, "|")}
	case t.Kind() == reflect.Bool:
		return object{"type": "boolean"}
	case t.Kind() == reflect.String:
		return textSchema(rule)
	case rule == "min":
		return object{"type": "integer", "minimum": json.Number(argument)}
	}
	return object{"type": "integer", "minimum": 0}
}

func textSchema(rule string) object {
	const token = "[!#$%&'*+.^_`|~0-9A-Za-z-]"
	node := text()
	switch rule {
	case "nonempty", "path":
		node["minLength"] = 1
	case "header", "cookie":
		node["pattern"] = "^" + token + "+$"
	case "header?":
		node["pattern"] = "^" + token + "*$"
	case "env":
		node["pattern"] = envName.String()
	case "table":
		node["pattern"] = tableName.String()
	case "address":
		node["pattern"] = `^(systemd:[!-9;-~]+|.*:\d{1,5})$`
	}
	return node
}

var plainText = strings.NewReplacer("`", "", "*required*", "required")

func writtenSchema(t *testing.T) []byte {
	t.Helper()
	page, err := os.ReadFile("REFERENCE.md")
	if err != nil {
		t.Fatal(err)
	}
	w := &schemaWriter{d: newDecoder("x"), meanings: map[string]string{}}
	for _, m := range referenceRow.FindAllStringSubmatch(string(page), -1) {
		meaning, _, _ := strings.Cut(strings.TrimSpace(m[4]), "](") // links have no use in an editor
		w.meanings[m[1]] = plainText.Replace(strings.ReplaceAll(meaning, "[", ""))
	}
	_, w.defaults = reference(t)
	root := w.mapping(reflect.TypeFor[document](), "", false)
	root["$schema"] = "https://json-schema.org/draft/2020-12/schema"
	root["title"] = "Configuration of tenantedge"
	var b bytes.Buffer
	encoder := json.NewEncoder(&b)
	encoder.SetEscapeHTML(false)
	encoder.SetIndent("", " ")
	if err := encoder.Encode(root); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func TestTheSchemaIsThatOfTheDecoder(t *testing.T) {
	want := writtenSchema(t)
	if *update {
		if err := os.WriteFile("schema.json", want, 0o666); err != nil {
			t.Fatal(err)
		}
		return
	}
	if !bytes.Equal(want, Schema()) {
		t.Error("schema.json is out of date; run make schema")
	}
}

func compiledSchema(t *testing.T) *jsonschema.Schema {
	t.Helper()
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(Schema()))
	if err != nil {
		t.Fatal(err)
	}
	c := jsonschema.NewCompiler()
	if err := c.AddResource("schema.json", doc); err != nil {
		t.Fatal(err)
	}
	s, err := c.Compile("schema.json")
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// instance returns the value in a file as the validator wants it, and false if it
// cannot be read.
func instance(name string, data []byte) (any, bool) {
	if looksLikeJSON(name, data) {
		v, err := jsonschema.UnmarshalJSON(bytes.NewReader(data))
		return v, err == nil
	}
	var v any
	if yaml.Unmarshal(data, &v) != nil {
		return nil, false
	}
	encoded, err := json.Marshal(v)
	if err != nil {
		return nil, false
	}
	v, err = jsonschema.UnmarshalJSON(bytes.NewReader(encoded))
	return v, err == nil
}

// The decoder also refuses what a schema cannot express. But what it accepts is
// valid, and its errors about one key are errors of the schema too.
func TestTheSchemaAcceptsWhatTheDecoderAccepts(t *testing.T) {
	s := compiledSchema(t)
	var files []string
	for _, pattern := range []string{"testdata/*/*.txt", "../cmd/tenantedge/demo/*.yaml", "../internal/scaffold/templates/common/tenantedge.yaml", "../cmd/tenantedge/packaging/*.yaml", "REFERENCE.md", "../../README.md", "../decide/README.md", "../cmd/tenantedge/README.md"} {
		found, err := filepath.Glob(pattern)
		if err != nil || len(found) == 0 {
			t.Fatalf("no files %s: %v", pattern, err)
		}
		files = append(files, found...)
	}
	accepted, refused := 0, 0
	for _, file := range files {
		data, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for name, config := range configurations(file, string(data)) {
			value, readable := instance(name, []byte(config))
			_, err := Parse(name, []byte(config))
			if !readable || value == nil {
				continue
			}
			invalid := s.Validate(value)
			if err == nil {
				accepted++
				if invalid != nil {
					t.Errorf("%s: the decoder accepts it, the schema does not: %v\n%s", file, invalid, config)
				}
				continue
			}
			for _, e := range problems(err) {
				if strings.Contains(e.Problem, "found an unknown one") {
					refused++
					if invalid == nil {
						t.Errorf("%s: the schema accepts %v", file, e)
					}
				}
			}
		}
	}
	if accepted < 15 || refused < 20 {
		t.Errorf("%d configurations were accepted and %d unknown keys found: expected more", accepted, refused)
	}
}

// configurations returns those in a file: the golden one, the blocks of a page, or
// the file itself.
func configurations(file, content string) map[string]string {
	switch filepath.Ext(file) {
	case ".txt":
		head, rest, _ := strings.Cut(content, " --\n")
		config, _, _ := strings.Cut(rest, "-- error --\n")
		return map[string]string{strings.TrimPrefix(head, "-- "): config}
	case ".md":
		found := map[string]string{}
		for i, block := range strings.Split(content, "```yaml\n")[1:] {
			config, _, _ := strings.Cut(block, "```")
			found[string(rune('a'+i))+".yaml"] = config
		}
		return found
	}
	return map[string]string{"x.yaml": content}
}

func TestTheSchemaHasEveryKeyOfTheReference(t *testing.T) {
	keys, _ := reference(t)
	s := compiledSchema(t)
	for _, key := range keys {
		if strings.HasSuffix(key, ".*") {
			continue
		}
		doc := documentWith(key, unknownKey+"-value")
		// A wrong value of a known key is not an additional property.
		if err := s.Validate(doc); err != nil && strings.Contains(err.Error(), "additional properties '"+lastKey(key)+"' not allowed") {
			t.Errorf("the schema does not know %s: %v", key, err)
		}
		sibling := documentWith(key+unknownKey, 1)
		if strings.HasPrefix(key, "directory.tenants[]") || strings.HasSuffix(key, "]") {
			continue
		}
		if err := s.Validate(sibling); err == nil {
			t.Errorf("the schema accepts %s", key+unknownKey)
		}
	}
}

// One value of each kind at each key: the schema accepts what the decoder accepts.
func TestTheSchemaAcceptsTheValuesOfTheDecoder(t *testing.T) {
	keys, _ := reference(t)
	s := compiledSchema(t)
	accepted := 0
	for _, key := range keys {
		for _, value := range []any{nil, true, false, 0, 1, 5000, "x", "30s", "1d12h", "64KiB", "127.0.0.1:80", "systemd:x", "X-Name", "http://a.example", []any{}, []any{"x"}, map[string]any{}} {
			doc := documentWith(key, value)
			data, err := json.Marshal(doc)
			if err != nil {
				t.Fatal(err)
			}
			if _, err := Parse("x.json", data); err != nil {
				continue
			}
			accepted++
			at, err := jsonschema.UnmarshalJSON(bytes.NewReader(data))
			if err != nil {
				t.Fatal(err)
			}
			if err := s.Validate(at); err != nil {
				t.Errorf("the decoder accepts %s, the schema does not: %v", data, err)
			}
		}
	}
	if accepted < 500 {
		t.Errorf("the decoder accepted %d values: expected more", accepted)
	}
}

func lastKey(key string) string { return key[strings.LastIndexByte(key, '.')+1:] }

// documentWith returns a document with a value at the key.
func documentWith(key string, value any) any {
	steps := strings.Split(key, ".")
	slices.Reverse(steps)
	doc := value
	for _, step := range steps {
		name, rest, isList := strings.Cut(step, "[]")
		if isList && rest == "" {
			doc = []any{doc}
		}
		doc = map[string]any{strings.ReplaceAll(name, "*", "any"): doc}
	}
	return doc
}
