package cases

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strconv"
	"strings"

	"github.com/tenantedge/tenantedge/edge/config"
	"github.com/tenantedge/tenantedge/guest/abi"
)

// Expect has the expected values of an answer. What is nil is not compared.
type Expect struct {
	config.Position

	// Of a request.
	Outcome     *config.Text           `key:"outcome"`
	Status      *config.Text           `key:"status"` // of a websocket's open event, too
	Schema      *config.Text           `key:"schema"`
	TenantID    *config.Text           `key:"tenant_id"`
	Dynamic     *config.Text           `key:"dynamic"`
	Domain      *config.Text           `key:"domain"`
	Folder      *config.Text           `key:"folder"`
	Reference   *config.Text           `key:"reference"`
	BySession   *config.Text           `key:"by_session"`
	URLConf     *config.Text           `key:"urlconf"`
	WSURLConf   *config.Text           `key:"ws_urlconf"`
	Path        *config.Text           `key:"path"` // of a pathname, too
	Location    *config.Text           `key:"location"`
	Identifier  *config.Text           `key:"identifier"` // of a pathname, too
	CachePrefix *config.Text           `key:"cache_prefix"`
	Route       *config.Text           `key:"route"`
	Kwargs      config.JSON            `key:"kwargs"`
	Headers     map[string]config.Text `key:"headers"`
	Reason      *config.Text           `key:"reason"` // a part of it

	CacheKey *config.Text `key:"cache_key"`
	Key      *config.Text `key:"key"` // of reverse_key

	BaseLocation *config.Text `key:"base_location"`
	TenantURL    *config.Text `key:"tenant_url"`
	URL          *config.Text `key:"url"`
	Refused      *config.Text `key:"refused"` // a part of the reason

	Verdict *config.Text `key:"verdict"`

	Protocol *config.Text `key:"protocol"`
	State    *config.Text `key:"state"`
	Effects  *[]Effect    `key:"effects"`

	Error *config.Text `key:"error"` // a part of it
}

// Effect is an effect of a websocket's event.
type Effect struct {
	Kind string      `key:"kind,required,nonempty"`
	Name config.Text `key:"name"`
	Data config.Text `key:"data"`
	Hex  string      `key:"hex"`
}

// fieldsOf are the fields of Expect that apply to each question.
var fieldsOf = map[string][]string{
	"request": {
		"outcome", "status", "schema", "tenant_id", "dynamic", "domain", "folder", "reference", "by_session", "urlconf", "ws_urlconf", "path",
		"location", "identifier", "cache_prefix", "route", "kwargs", "headers", "reason", "error",
	},
	"cache_key":   {"cache_key", "error"},
	"reverse_key": {"key", "error"},
	"pathname":    {"identifier", "base_location", "tenant_url", "path", "url", "refused", "error"},
	"authorize":   {"verdict", "error"},
	"websocket":   {"status", "protocol", "state", "effects", "error"},
}

// set returns the fields that are expected, by key.
func (e *Expect) set() map[string]any {
	all := map[string]any{}
	v := reflect.ValueOf(e).Elem()
	for i := range v.NumField() {
		if key, ok := v.Type().Field(i).Tag.Lookup("key"); ok && !v.Field(i).IsNil() {
			all[key] = v.Field(i).Interface()
		}
	}
	return all
}

func (e *Expect) check(p *problems, path, question string) {
	set := e.set()
	for _, key := range slices.Sorted(maps.Keys(set)) {
		if !slices.Contains(fieldsOf[question], key) {
			p.add(e.Position, path+"."+key, "expected a key that applies to %s, found one that does not; the keys here are %s", question, strings.Join(fieldsOf[question], ", "))
		}
	}
	if len(set) == 0 {
		p.add(e.Position, path, "expected at least one of %s, found none", strings.Join(fieldsOf[question], ", "))
	}
	for key, names := range map[string][]string{"outcome": outcomes, "verdict": slices.Sorted(maps.Values(verdictNames))} {
		// An empty value expects an answer without the field.
		if text, ok := set[key].(*config.Text); ok && *text != "" && !slices.Contains(names, string(*text)) {
			p.add(e.Position, path+"."+key, "expected one of %s, found %q", strings.Join(names, ", "), *text)
		}
	}
	if e.Effects != nil {
		for i, effect := range *e.Effects {
			if !slices.Contains(effectNames, effect.Kind) {
				p.add(e.Position, fmt.Sprintf("%s.effects[%d]", path, i), "expected one of %s, found %q", strings.Join(effectNames[1:], ", "), effect.Kind)
			}
			if _, err := bytesOf(string(effect.Data), effect.Hex); err != nil {
				p.add(e.Position, fmt.Sprintf("%s.effects[%d]", path, i), "%v", err)
			}
		}
	}
}

// outcomes are the names of the outcomes that a decision can have.
var outcomes = func() (names []string) {
	for o := abi.Outcome(1); o.String() != abi.Outcome(0).String(); o++ {
		names = append(names, o.String())
	}
	return names
}()

// Difference is a field in which an answer is not the expected one.
type Difference struct {
	Field    string `json:"field"`
	Expected string `json:"expected"`
	Found    string `json:"found"`
}

// Answer is what the guest and the host answer. A field that is missing is absent or
// empty.
type Answer struct {
	Fields  map[string]string // by their keys in Expect
	Headers map[string]string // that the guest sets, by canonical name
	Effects []Effect
	Err     error    // the guest failed; the fields are empty
	Notes   []string // what the guest logged and printed, and queries without an answer
}

// partial are the fields of which a part is expected.
var partial = []string{"reason", "refused", "error"}

// Compare returns the fields of a that are not as expected, in the order of keys.
func (e *Expect) Compare(a *Answer) (all []Difference) {
	differ := func(field, expected, found string) {
		all = append(all, Difference{field, expected, found})
	}
	switch {
	case a.Err != nil && e.Error == nil:
		differ("error", "", a.Err.Error())
	case a.Err != nil && !strings.Contains(a.Err.Error()+"\n"+strings.Join(a.Notes, "\n"), string(*e.Error)):
		differ("error", string(*e.Error), a.Err.Error())
	case a.Err == nil && e.Error != nil:
		differ("error", cmp.Or(string(*e.Error), "any"), "")
	}
	if a.Err != nil {
		return all
	}
	set := e.set()
	delete(set, "error")
	for _, key := range slices.Sorted(maps.Keys(set)) {
		found := a.Fields[key]
		switch want := set[key].(type) {
		case *config.Text:
			same := found == string(*want)
			if slices.Contains(partial, key) {
				same = strings.Contains(found, string(*want)) && (found == "") == (*want == "")
			}
			if !same {
				differ(key, string(*want), found)
			}
		case config.JSON:
			if text := unquoted(want); !sameJSON(text, found) {
				differ(key, text, found)
			}
		case map[string]config.Text:
			for _, name := range slices.Sorted(maps.Keys(want)) {
				if got := a.header(name); got != string(want[name]) {
					differ("headers."+name, string(want[name]), got)
				}
			}
		case *[]Effect:
			all = append(all, compareEffects(*want, a.Effects)...)
		}
	}
	return all
}

func (a *Answer) header(name string) string {
	for found, value := range a.Headers {
		if strings.EqualFold(found, name) {
			return value
		}
	}
	return ""
}

// compareEffects returns the effects that differ, one by one.
func compareEffects(want, found []Effect) (all []Difference) {
	for i := range max(len(want), len(found)) {
		var w, f string
		if i < len(want) {
			w = want[i].String()
		}
		if i < len(found) {
			f = found[i].String()
		}
		if w != f {
			all = append(all, Difference{fmt.Sprintf("effects[%d]", i), w, f})
		}
	}
	return all
}

// String formats an effect for people: send_text "hello".
func (e Effect) String() string {
	text := e.Kind
	if e.Name != "" {
		text += " to " + strconv.Quote(string(e.Name))
	}
	// check has decoded Hex before.
	data, _ := bytesOf(string(e.Data), e.Hex)
	if len(data) > 0 {
		text += " " + strconv.Quote(string(data))
	}
	return text
}

// unquoted returns the text of a JSON string, and any other JSON as it is.
func unquoted(raw []byte) string {
	var s string
	if json.Unmarshal(raw, &s) == nil {
		return s
	}
	return string(raw)
}

// sameJSON compares two texts, as JSON if both are.
func sameJSON(a, b string) bool {
	return cmp.Or(canonical(a), a) == cmp.Or(canonical(b), b)
}

// canonical returns JSON with sorted keys and without white space; empty: s is not
// JSON.
func canonical(s string) string {
	d := json.NewDecoder(strings.NewReader(s))
	d.UseNumber()
	var v any
	if d.Decode(&v) != nil || d.More() {
		return ""
	}
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if enc.Encode(v) != nil {
		return ""
	}
	return strings.TrimSuffix(b.String(), "\n")
}
