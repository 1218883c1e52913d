package config

import (
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// For any input Parse returns either a file or an error with the name of the file
// and a problem. The methods of a file do not panic.
func FuzzParse(f *testing.F) {
	for _, pattern := range []string{"testdata/errors/*.txt", "testdata/serve/*.txt"} {
		files, err := filepath.Glob(pattern)
		if err != nil {
			f.Fatal(err)
		}
		for _, file := range files {
			data, err := os.ReadFile(file)
			if err != nil {
				f.Fatal(err)
			}
			head, rest, _ := strings.Cut(string(data), " --\n")
			text, _, _ := strings.Cut(rest, "-- error --\n")
			f.Add(strings.HasSuffix(head, ".json"), []byte(text))
		}
	}
	f.Add(true, []byte(`{"tenants": `+dumped+`}`))
	f.Fuzz(func(t *testing.T, isJSON bool, data []byte) {
		name := "fuzz.yaml"
		if isJSON {
			name = "fuzz.json"
		}
		file, err := Parse(name, data)
		if (file == nil) == (err == nil) {
			t.Fatalf("file %v and error %v", file, err)
		}
		if err != nil {
			var e *Error
			if !errors.As(err, &e) || e.File != name || e.Problem == "" {
				t.Fatalf("error without a position: %v", err)
			}
			return
		}
		_ = file.Edge()
		_ = file.CheckServe()
		if s := file.GuestConfig.Settings; s != nil && !json.Valid(s) {
			t.Fatalf("settings are not JSON: %q", s)
		}
		for _, l := range file.Listeners {
			if l.Address == "" {
				t.Fatal("a listener without an address")
			}
		}
	})
}

// The settings of a guest have the value that encoding/json reads.
func FuzzSettingsKeepTheirValue(f *testing.F) {
	for _, s := range []string{`{"a":[1,2.5,-0,1e5,true,null,"\ud83d\ude00\u0000<&>"]}`, `"\ud800"`, `18446744073709551616`, `{"a":{"b":{}}}`} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		file, err := Parse("x.json", append(append([]byte(`{"guest": {"settings": `), data...), "}}"...))
		if err != nil || file.GuestConfig.Settings == nil {
			return
		}
		var want, got any
		if err := json.Unmarshal(data, &want); err != nil {
			return // braces in data can close those around it
		}
		if err := json.Unmarshal(file.GuestConfig.Settings, &got); err != nil {
			t.Fatalf("%s: %v", file.GuestConfig.Settings, err)
		}
		a, _ := json.Marshal(want)
		b, _ := json.Marshal(got)
		if string(a) != string(b) {
			t.Fatalf("%s became %s", a, b)
		}
	})
}
