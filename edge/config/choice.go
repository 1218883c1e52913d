package config

import (
	"fmt"
	"maps"
	"slices"

	"github.com/tenantedge/tenantedge/guest/abi"
	"github.com/tenantedge/tenantedge/tenantdb"
)

// chosenName is the name of a urlconf, or an attribute of the tenant's row that
// chooses it.
type chosenName struct {
	name string      // without by, or for values that by does not list
	by   *abi.Choice // nil: none
}

// choiceEntry has the keys of an attribute that chooses a name.
type choiceEntry struct {
	Attribute string            `key:"attribute,required,nonempty"`
	Values    map[string]string `key:"values,required,nonempty"`
	Default   string            `key:"default,nonempty"`
}

func (c *chosenName) decode(v value) {
	if v.n.kind != kindMapping {
		v.decodeTo(&c.name, "")
		return
	}
	var entry choiceEntry
	found := v.object(&entry)
	c.name, c.by = entry.Default, found.choice(entry.Attribute, entry.Values)
}

// statusTable is an attribute whose listed values precede all other rules.
type statusTable abi.Choice

// statusEntry has the keys of tenants.default.status.
type statusEntry struct {
	Attribute string            `key:"attribute,required,nonempty"`
	Values    map[string]string `key:"values,required,nonempty"`
}

func (s *statusTable) decode(v value) {
	var entry statusEntry
	found := v.object(&entry)
	*s = statusTable(*found.choice(entry.Attribute, entry.Values))
}

func (s seen) choice(attribute string, values map[string]string) *abi.Choice {
	if at, ok := s["values"]; ok && at.n.kind == kindMapping && len(values) == 0 {
		at.fail("expected at least one value of the attribute, found none; add one, or remove the mapping")
	}
	return &abi.Choice{Attribute: attribute, Values: values}
}

// rejectChoices reports keys of a static tenant that need a row.
func (v value) rejectChoices(found seen, e *tenantEntry) {
	for key, given := range map[string]bool{"urlconf": e.URLConf.by != nil, "ws_urlconf": e.WSURLConf.by != nil, "status": e.Status != nil} {
		if given {
			found[key].fail("expected a key that applies here, found one for tenants of the directory; a static tenant has no row whose attribute could choose: name one urlconf, or move the tenant to the directory")
		}
	}
}

// choices yields the keys of tenants.default that choose by an attribute.
func (f *File) choices(yield func(key string, c *abi.Choice) bool) {
	d := f.GuestConfig.Default
	if d == nil {
		return
	}
	for _, c := range []struct {
		key string
		*abi.Choice
	}{{"status", d.Status}, {"urlconf", d.URLConfBy}, {"ws_urlconf", d.WSURLConfBy}} {
		if c.Choice != nil && !yield(c.key, c.Choice) {
			return
		}
	}
}

// checkChoices reports names that do not exist and attributes that the directory
// does not read.
func (f *File) checkChoices(d *decoder) {
	for key, c := range f.choices {
		at := root("tenants", "default", key)
		for _, value := range slices.Sorted(maps.Keys(c.Values)) {
			if p := at.child("values").child(value); key == "ws_urlconf" {
				f.checkWSURLConf(d, c.Values[value], p)
			} else {
				f.checkURLConf(d, c.Values[value], p)
			}
		}
		if f.Directory.Source == "postgres" && !slices.Contains(f.Directory.Attributes, c.Attribute) {
			f.failAt(d, at.child("attribute"), "expected one of directory.attributes, found %q, which no row would have; add it there, or correct the name", shorten(c.Attribute))
		}
	}
}

// checkHolds reports holds whose requests nothing would ever release.
func (f *File) checkHolds(d *decoder) {
	never := func(name string, p *path, why string) {
		if f.URLConfs[name].Hold != nil {
			f.failAt(d, p, "expected a urlconf that serves requests, found %q, a hold; %s", name, why)
		}
	}
	for _, t := range f.GuestConfig.Tenants {
		never(t.URLConf, root("tenants", t.Schema, "urlconf"), "a static tenant has no row that could release its requests")
	}
	if t := f.GuestConfig.Default; t != nil && t.URLConfBy == nil {
		never(t.URLConf, root("tenants", "default", "urlconf"), "no change of a row would release the requests of its tenant; name it in tenants.default.status")
	}
	never(f.Fallback, root("fallback"), "requests without a tenant have no row that could release them")
}

// values warns about a row with an attribute that tenants.default does not list.
func (c *rowChecker) values(t tenantdb.Tenant) {
	for key, by := range c.file.choices {
		if key == "status" {
			continue // values that are not listed have no effect
		}
		otherwise, effect := c.file.GuestConfig.Default.URLConf, "its requests are refused"
		if key == "ws_urlconf" {
			otherwise, effect = c.file.GuestConfig.Default.WSURLConf, "its websocket handshakes are refused"
		}
		value, has := attributeOf(t, by.Attribute)
		if _, listed := by.Values[value]; listed && has || !has && otherwise != "" {
			continue
		}
		if otherwise != "" {
			effect = fmt.Sprintf("%q serves it, the default", otherwise)
		}
		problem := fmt.Sprintf("has no attribute %s", by.Attribute)
		if has {
			problem = fmt.Sprintf("has the attribute %s %q, which tenants.default.%s does not list", by.Attribute, shorten(value), key)
		}
		c.add(Warning{Kind: WarnValue, Row: fmt.Sprintf("tenant %q (schema %q)", t.ID, t.Schema), Error: Error{Problem: problem + ": " + effect + "; correct the row, or list the value"}})
	}
}

func attributeOf(t tenantdb.Tenant, name string) (value string, ok bool) {
	for _, a := range t.Attributes {
		if a.Name == name {
			return a.Value, true
		}
	}
	return "", false
}
