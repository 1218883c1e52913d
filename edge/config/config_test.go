package config

import (
	"encoding/json"
	"os"
	"slices"
	"testing"
)

// The configurations of the cases that were observed from django-pgschemas.
func TestEveryObservedConfigurationLoads(t *testing.T) {
	data, err := os.ReadFile("testdata/examples.json")
	if err != nil {
		t.Fatal(err)
	}
	var configs []json.RawMessage
	if err := json.Unmarshal(data, &configs); err != nil {
		t.Fatal(err)
	}
	if len(configs) != 40 {
		t.Errorf("%d configurations, want 40", len(configs))
	}
	for i, raw := range configs {
		for _, name := range []string{"example.json", "example", "example.yaml"} {
			f, err := Parse(name, raw)
			if err != nil {
				t.Errorf("configuration %d as %s: %v", i, name, err)
				continue
			}
			var want struct {
				Tenants   map[string]struct{ DOMAINS []string }
				Directory struct {
					Tenants []struct{ ID int }
					Domains []struct{ Domain, Folder string }
				}
			}
			if err := json.Unmarshal(raw, &want); err != nil {
				t.Fatal(err)
			}
			for _, s := range f.Tenants {
				if !slices.Equal(s.Domains, want.Tenants[s.Schema].DOMAINS) {
					t.Errorf("configuration %d: domains of %s are %q, want %q", i, s.Schema, s.Domains, want.Tenants[s.Schema].DOMAINS)
				}
			}
			if got := len(f.Directory.Tenants); got != len(want.Directory.Tenants) {
				t.Errorf("configuration %d: %d dynamic tenants, want %d", i, got, len(want.Directory.Tenants))
			}
			for j, row := range want.Directory.Domains {
				if got := f.Directory.Domains[j]; got.Domain != row.Domain || got.Folder != row.Folder {
					t.Errorf("configuration %d: row %d is %+v, want %+v", i, j, got, row)
				}
			}
		}
	}
}
