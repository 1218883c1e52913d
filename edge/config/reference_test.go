package config

import (
	"encoding/json"
	"errors"
	"os"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/tenantedge/tenantedge/guest/abi"
)

var referenceRow = regexp.MustCompile("(?m)^\\| `([^`]+)` \\|([^|]*)\\|([^|]*)\\|([^|]*)\\|$")

// reference returns the keys of REFERENCE.md and the text of their defaults.
func reference(t *testing.T) (keys []string, defaults map[string]string) {
	t.Helper()
	page, err := os.ReadFile("REFERENCE.md")
	if err != nil {
		t.Fatal(err)
	}
	defaults = make(map[string]string)
	for _, m := range referenceRow.FindAllStringSubmatch(string(page), -1) {
		keys = append(keys, m[1])
		defaults[m[1]] = strings.Trim(m[3], "` ")
	}
	return keys, defaults
}

// The decoder lists the keys of a section in the error about an unknown key.
func TestReferenceListsExactlyTheKeysOfTheDecoder(t *testing.T) {
	keys, _ := reference(t)
	documented := map[string][]string{}
	for _, key := range keys {
		section, name := "", key
		if i := strings.LastIndexByte(key, '.'); i >= 0 {
			section, name = key[:i], key[i+1:]
		}
		documented[section] = append(documented[section], name)
	}
	for section, names := range documented {
		if section == "directory.tenants[]" {
			continue // it accepts any column
		}
		slices.Sort(names)
		known := knownKeys(t, section)
		if !slices.Equal(known, names) {
			t.Errorf("section %q: the decoder accepts\n\t%q, the reference lists\n\t%q", section, known, names)
		}
	}
	if len(documented) < 15 {
		t.Errorf("the reference has %d sections, expected at least 15", len(documented))
	}
}

// A field of abi.Config without a key could not be configured.
func TestEveryFieldOfTheGuestsConfigurationHasAKey(t *testing.T) {
	other := map[string]bool{"abi": true, "tenants": true, "default": true, "ws_urlconfs": true, "settings": true}
	count := 0
	for f := range reflect.TypeFor[abi.Config]().Fields() {
		name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
		if _, ok := guestKeys[name]; ok == other[name] {
			t.Errorf("%s (json %q): expected it either in guestKeys or among the fields with another form", f.Name, name)
		} else if ok {
			count++
		}
	}
	if count != len(guestKeys) {
		t.Errorf("guestKeys has %d keys, but abi.Config has only %d of them", len(guestKeys), count)
	}
}

const unknownKey = "qqqqqqqqqqqqqqqq"

func knownKeys(t *testing.T, section string) []string {
	t.Helper()
	var doc any = map[string]any{unknownKey: 1}
	if section != "" {
		steps := strings.Split(section, ".")
		slices.Reverse(steps)
		for _, step := range steps {
			name, isList := strings.CutSuffix(step, "[]")
			if isList {
				doc = []any{doc}
			}
			doc = map[string]any{strings.ReplaceAll(name, "*", "any"): doc}
		}
	}
	data, err := json.Marshal(doc)
	if err != nil {
		t.Fatal(err)
	}
	_, err = Parse("reference.json", data)
	for _, e := range problems(err) {
		if _, list, ok := strings.Cut(e.Problem, "the keys here are "); ok && strings.HasSuffix(e.Path, unknownKey) {
			return strings.Split(list, ", ")
		}
	}
	t.Fatalf("section %q: no list of keys in %v", section, err)
	return nil
}

// problems returns the errors that err joins.
func problems(err error) []*Error {
	var all []*Error
	if joined, ok := err.(interface{ Unwrap() []error }); ok {
		for _, e := range joined.Unwrap() {
			var one *Error
			if errors.As(e, &one) {
				all = append(all, one)
			}
		}
	}
	return all
}

// A file with a documented default decodes as an empty file does.
func TestReferenceListsTheDefaultsOfTheDecoder(t *testing.T) {
	_, defaults := reference(t)
	empty, err := Parse("empty.yaml", nil)
	if err != nil {
		t.Fatal(err)
	}
	for key, text := range defaults {
		if text == "" || text == "*required*" || strings.ContainsAny(key, "*[") {
			continue
		}
		section, name, nested := strings.Cut(key, ".")
		if section == "directory" || section == "sessions" || section == "media" || section == "channels" || section == "record" || section == "fleet" || section == "tracing" {
			continue // an empty file has none of these sections
		}
		line := key + ": " + text
		if nested {
			if group, key, deeper := strings.Cut(name, "."); deeper {
				name, text = group, "{"+key+": "+text+"}"
			}
			line = section + ": {" + name + ": " + text + "}"
		}
		spelled, err := Parse("empty.yaml", []byte(line))
		if err != nil {
			t.Errorf("%s: %v", line, err)
			continue
		}
		if a, b := printed(t, empty), printed(t, spelled); a != b {
			t.Errorf("%s is not the default:\n%s\n%s", line, a, b)
		}
	}
}

// printed returns f as text, in which empty lists and mappings look like absent
// ones.
func printed(t *testing.T, f *File) string {
	t.Helper()
	b, err := json.Marshal(f)
	if err != nil {
		t.Fatal(err)
	}
	return strings.NewReplacer("[]", "null", "{}", "null").Replace(string(b))
}

func TestDefaultsOfSectionsThatAnEmptyFileLacksAreThoseOfTheReference(t *testing.T) {
	_, defaults := reference(t)
	parse := func(text string) *File {
		f, err := Parse("x.yaml", []byte(text))
		if err != nil {
			t.Fatal(err)
		}
		return f
	}
	head := "sessions: {backend: db, secret_key_env: KEY"
	spelled := parse(head + ", cookie_name: " + defaults["sessions.cookie_name"] +
		", cookie_age: " + defaults["sessions.cookie_age"] + ", table: " + defaults["sessions.table"] +
		", cache_age: " + defaults["sessions.cache_age"] + ", unavailable: " + defaults["sessions.unavailable"] + "}")
	if a, b := printed(t, parse(head+"}")), printed(t, spelled); a != b {
		t.Errorf("sessions differ:\n%s\n%s", a, b)
	}
	head = "media: {location: files"
	spelled = parse(head + ", base_url: " + defaults["media.base_url"] + ", active_content: " + defaults["media.active_content"] +
		", precompressed: " + defaults["media.precompressed"] + ", max_file_bytes: " + defaults["media.max_file_bytes"] +
		", min_free: " + defaults["media.min_free"] + ", quota_bytes: " + defaults["media.quota_bytes"] + ", quota_files: " + defaults["media.quota_files"] + ", max_depth: " + defaults["media.max_depth"] + "}")
	if a, b := printed(t, parse(head+"}")), printed(t, spelled); a != b {
		t.Errorf("media differ:\n%s\n%s", a, b)
	}
	head = "urlconfs: {m: {media: true, access: private, uploads: {"
	of := func(key string) string { return key + ": " + defaults["urlconfs.*.uploads."+key] }
	spelled = parse(head + of("max_bytes") + ", " + of("resumable") + ", " + of("expiry") + ", " + of("timeout") + ", " + of("public") + "}}}")
	if a, b := printed(t, parse(head+"}}}")), printed(t, spelled); a != b {
		t.Errorf("uploads differ:\n%s\n%s", a, b)
	}
	head = "queries: {q: {sql: select 1"
	spelled = parse(head + ", schema: " + defaults["queries.*.schema"] + ", timeout: " + defaults["queries.*.timeout"] + ", max_rows: " + defaults["queries.*.max_rows"] + "}}")
	if a, b := printed(t, parse(head+"}}")), printed(t, spelled); a != b {
		t.Errorf("queries differ:\n%s\n%s", a, b)
	}
	head = "channels: {redis: {hosts: [\"redis://127.0.0.1\"]"
	spelled = parse(head + ", layer: " + defaults["channels.redis.layer"] + ", prefix: " + defaults["channels.redis.prefix"] +
		", expiry: " + defaults["channels.redis.expiry"] + ", group_expiry: " + defaults["channels.redis.group_expiry"] +
		", capacity: " + defaults["channels.redis.capacity"] + ", serializer: " + defaults["channels.redis.serializer"] +
		", random_prefix_length: " + defaults["channels.redis.random_prefix_length"] + "}}")
	if a, b := printed(t, parse(head+"}}")), printed(t, spelled); a != b {
		t.Errorf("channels differ:\n%s\n%s", a, b)
	}
	head = "record: {folder: log"
	spelled = parse(head + ", rate: " + defaults["record.rate"] + ", max_bytes: " + defaults["record.max_bytes"] + ", max_files: " + defaults["record.max_files"] + "}")
	if a, b := printed(t, parse(head+"}")), printed(t, spelled); a != b {
		t.Errorf("record differs:\n%s\n%s", a, b)
	}
	spelled = parse("tracing: {protocol: " + defaults["tracing.protocol"] + ", parent: " + defaults["tracing.parent"] + "}")
	if a, b := printed(t, parse("tracing: {}")), printed(t, spelled); a != b {
		t.Errorf("tracing differs:\n%s\n%s", a, b)
	}
	head = "listeners: [{address: \":80\""
	spelled = parse(head + ", h2: " + defaults["listeners[].h2"] + ", h2c: " + defaults["listeners[].h2c"] + "}]")
	if a, b := printed(t, parse(head+"}]")), printed(t, spelled); a != b {
		t.Errorf("listeners differ:\n%s\n%s", a, b)
	}
}
