//go:build !wasip1

package guest

import (
	"encoding/json"
	"reflect"
	"strings"
	"testing"

	"github.com/tenantedge/tenantedge/guest/abi"
)

var configs = []string{
	`{"abi":1,"compat":"strict","routers":["domain","header"],"conflicts":"refuse","tenant_header":"x","tenant_session_key":"y",
	"tenants":[{"schema":"www","domains":["a.io"],"fallback_domains":[],"urlconf":"u","ws_urlconf":"w","header":"h","session_key":""}],
	"default":{"urlconf":"u","ws_urlconf":"w","clone_reference":"c","status":{"attribute":"s","values":{"off":"p","OFF":"q"}},
	"urlconf_by":{"attribute":"c","values":{"eu":"a"},"more":1},"ws_urlconf_by":{"attribute":null,"values":null}},
	"ws_urlconfs":{"a":[{"path":"p/","name":"n"},{"regex":"\\d","name":"m"}],"b":null,"c":[]},"settings":{"x":[1,2.5e-3,{}],"x":null}}`,
	` { "ABI" : 1 , "Tenants" : [ ] , "default" : null , "unknown" : [true,false,null,-0.1E+2,"\ud83d\ude00\ud83d\n\u00e9"] } `,
	`{"abi":1,"tenants":null,"routers":null,"settings":null,"ws_urlconfs":{}}`, `{"abi":1,"settings":"s"}`, `null`, `{}`, ``, ` `, `{`, `{"abi"`, `{"abi":`, `{"abi":1`,
	`{"abi":1,}`, `{"abi":01}`, `{"abi":1.5}`, `{"abi":1e3}`, `{"abi":-}`, `{"abi":"1"}`, `{"abi":99999999999999999999}`, `{"abi":null}`, `{"compat":1}`, `{"compat":"\x"}`,
	`{"compat":"\u12"}`, `{"compat":"a`, "{\"compat\":\"\n\"}", "{\"compat\":\"\xff\"}", `{"routers":{}}`, `{"routers":[1]}`, `{"routers":[null]}`, `{"tenants":[null]}`,
	`{"default":[]}`, `{"default":{"status":null,"urlconf_by":[]}}`, `{"default":{"status":{"values":{"a":1}}}}`, `{"default":{"status":{"values":{"a":null},"attribute":1}}}`, `{"a":tru}`, `{"a":1.}`, `{"a":1e}`, `{"a":[1,]}`, `{"a":[1 2]}`, `{"a":{"b"}}`, `{"a":{1:2}}`, `[]`, `1`, `{} {}`, `{"ſettings":1}`, `{"header":"\udc00\ud800"}`,
	`{"a":` + strings.Repeat("[", 200) + strings.Repeat("]", 200) + `}`, `{"a":` + strings.Repeat("[", 199) + strings.Repeat("]", 199) + `}`,
}

// sameConfig compares readConfig with encoding/json. It accepts an error about
// duplicate keys and deep nesting, which encoding/json allows.
func sameConfig(t *testing.T, raw []byte) {
	t.Helper()
	got, err := readConfig(raw)
	if err != nil && (strings.HasSuffix(err.Error(), "twice") || strings.HasSuffix(err.Error(), "levels of nesting")) {
		return
	}
	var want abi.Config
	wantErr := json.Unmarshal(raw, &want)
	if (err == nil) != (wantErr == nil) {
		t.Fatalf("configuration %.200q: error %v, from encoding/json %v", raw, err, wantErr)
	}
	if err == nil && !reflect.DeepEqual(got, want) {
		t.Fatalf("configuration %.200q: got\n%+v, want\n%+v", raw, got, want)
	}
}

func TestEveryFieldOfAConfigurationIsRead(t *testing.T) {
	c, err := readConfig([]byte(configs[0]))
	if err != nil {
		t.Fatal(err)
	}
	for f := range reflect.TypeFor[abi.Config]().Fields() {
		if reflect.ValueOf(c).FieldByIndex(f.Index).IsZero() {
			t.Errorf("%s is not read from %.60q…: expected readConfig to read every field, and the example to have it", f.Name, configs[0])
		}
	}
}

func TestConfigurationsAreReadAsByEncodingJSON(t *testing.T) {
	for _, raw := range configs {
		sameConfig(t, []byte(raw))
	}
}

func TestDuplicateKeysAreRejected(t *testing.T) {
	_, err := readConfig([]byte(`{"abi":1,"ABI":2}`))
	if want := `at byte 14: expected unique keys, found "ABI" twice`; err == nil || err.Error() != want {
		t.Errorf("error %v, want %s", err, want)
	}
}

func TestTheErrorOfInvalidJSONHasTheOffset(t *testing.T) {
	_, err := readConfig([]byte(`{"abi":1 "x":2}`))
	if want := `at byte 9: expected "," or "}"`; err == nil || err.Error() != want {
		t.Errorf("error %v, want %s", err, want)
	}
}

func TestWriteConfiguredWritesJSON(t *testing.T) {
	for _, c := range []abi.Configured{
		{}, {Name: "n", Version: "1"}, {LookAhead: true}, {Headers: []string{"a"}, LookAhead: true, Name: "n"}, {Headers: []string{"a", "b"}}, {SetHeaders: []string{"x", "y"}}, {Error: "\"\\\n\x00\x7fé\xff\u2028"}, {Headers: []string{""}, Error: "e"},
	} {
		var got abi.Configured
		if err := json.Unmarshal(writeConfigured(&c), &got); err != nil {
			t.Fatalf("%s: %v", writeConfigured(&c), err)
		}
		c.Error = strings.ToValidUTF8(c.Error, "\ufffd")
		if !reflect.DeepEqual(got, c) {
			t.Errorf("decoded %+v, want %+v", got, c)
		}
	}
}

func FuzzReadConfig(f *testing.F) {
	for _, raw := range configs {
		f.Add([]byte(raw))
	}
	f.Fuzz(sameConfig)
}
