package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
)

// initTenant is an entry of tenants in a starting configuration.
type initTenant struct {
	schema  string
	urlconf string
	keys    []string // KEY: value, of the entry
}

func (t initTenant) entry() string { return "{" + strings.Join(t.keys, ", ") + "}" }

func newInitTenant(schema string, domains ...string) initTenant {
	t := initTenant{schema: schema, urlconf: "app"}
	if len(domains) > 0 {
		t.keys = append(t.keys, "DOMAINS: "+string(jsonText(domains)))
	}
	t.keys = append(t.keys, "URLCONF: app")
	return t
}

// table returns the tenants, and the tables of the directory if Django's settings
// name them.
func (o *initOptions) table(in io.Reader) (tenants []initTenant, tables map[string]string, err error) {
	if o.django != "" {
		return o.djangoTable(in)
	}
	tenants = []initTenant{{schema: "public"}}
	for _, t := range o.tenants {
		schema, domains, ok := strings.Cut(t, "=")
		if !ok || schema == "" || domains == "" {
			return nil, nil, usagef("init: --tenant: expected SCHEMA=DOMAIN, found %q", t)
		}
		tenants = append(tenants, newInitTenant(schema, strings.Split(domains, ",")...))
	}
	domain := o.domain
	if domain == "" && len(o.tenants) == 0 {
		domain = "localhost"
	}
	if domain != "" {
		tenants = append(tenants, newInitTenant("www", domain))
	}
	if o.dsnEnv != "" {
		tenants = append(tenants, newInitTenant("default"))
	}
	return tenants, nil, nil
}

// onlyDjango are the keys of TENANTS that the edge ignores.
var onlyDjango = []string{"APPS", "TENANT_MODEL", "DOMAIN_MODEL"}

// djangoTable reads settings.TENANTS.
func (o *initOptions) djangoTable(in io.Reader) ([]initTenant, map[string]string, error) {
	if len(o.tenants) > 0 || o.domain != "" {
		return nil, nil, usagef("init: expected either --django or --tenant and --domain, found both")
	}
	data, err := readAll(o.django, in)
	if err != nil {
		return nil, nil, fmt.Errorf("init: --django: %w", err)
	}
	decoder := json.NewDecoder(bytes.NewReader(data))
	var table map[string]map[string]json.RawMessage
	if err := decoder.Decode(&table); err != nil {
		return nil, nil, fmt.Errorf("init: --django: expected settings.TENANTS as JSON, a mapping of schemas, found something else: %w", err)
	}
	tables := map[string]string{}
	var tenants []initTenant
	for schema, entry := range table {
		t := initTenant{schema: schema}
		for key, value := range entry {
			if !slices.Contains(onlyDjango, key) {
				t.keys = append(t.keys, quoted(key)+": "+string(compact(value)))
			}
		}
		slices.Sort(t.keys)
		_ = json.Unmarshal(entry["URLCONF"], &t.urlconf) // without one the entry has none
		tenants = append(tenants, t)
	}
	if _, ok := table["default"]; ok {
		for key, model := range map[string]string{"tenant_table": "TENANT_MODEL", "domain_table": "DOMAIN_MODEL"} {
			var name string
			if json.Unmarshal(table["default"][model], &name) == nil && strings.Count(name, ".") == 1 {
				tables[key] = strings.ToLower(strings.ReplaceAll(name, ".", "_")) // Django's name for the table
			}
		}
		if o.dsnEnv == "" {
			o.dsnEnv = "DATABASE_URL"
		}
	}
	if o.upstream == "" {
		o.upstream = "http://127.0.0.1:8000"
	}
	order := func(schema string) string {
		switch schema {
		case "public":
			return "0"
		case "default":
			return "2"
		}
		return "1" + schema
	}
	slices.SortFunc(tenants, func(a, b initTenant) int { return strings.Compare(order(a.schema), order(b.schema)) })
	return tenants, tables, nil
}

func compact(value json.RawMessage) []byte {
	var v any
	if json.Unmarshal(value, &v) != nil {
		return value
	}
	return jsonText(v)
}

func readAll(path string, in io.Reader) ([]byte, error) {
	if path == "-" {
		return io.ReadAll(in)
	}
	data, err := os.ReadFile(path)
	return data, expected("settings.TENANTS as JSON", err)
}
