//go:build !wasip1

package main

import (
	"testing"

	"github.com/tenantedge/tenantedge/guest"
	"github.com/tenantedge/tenantedge/guest/abi"
)

// keys knows the keys of acme and of a tenant that is no more. A query in any
// schema but public alone fails.
type keys struct{ guest.Unavailable }

func (keys) Query(schema, name, args string, out []byte) int64 {
	if schema != "" || name != "tenant_of_key" {
		return -int64(abi.Denied)
	}
	rows := "[]"
	switch args {
	case `["k1"]`:
		rows = `[{"schema_name":"acme"}]`
	case `["k2"]`:
		rows = `[{"schema_name":"old"}]`
	}
	return int64(copy(out, rows))
}

func (keys) TenantByReference(ref string, out []byte) int64 {
	if ref != "acme" {
		return -int64(abi.NotFound)
	}
	b := abi.Begin(out, 0, abi.RecAttr0+2)
	b.Put(abi.RecID, "7")
	b.Put(abi.RecSchema, "acme")
	b.Put(abi.RecAttr0, "plan")
	b.Put(abi.RecAttr0+1, "gold")
	return int64(b.Size())
}

func TestTheTenantIsFoundByItsKey_D8(t *testing.T) {
	defer guest.Replace(keys{})()
	if _, err := guest.Call(abi.ExportConfigure, []byte(`{"abi":1,"default":{}}`)); err != nil {
		t.Fatal(err)
	}
	const none = "\x00"
	for _, c := range []struct {
		what, key    string
		want         abi.Outcome
		schema, plan string
	}{
		{"a key", "k1", abi.Tenant, "acme", "gold"},
		{"a key of a tenant that is no more", "k2", abi.Missing, "", ""},
		{"no such key", "k3", abi.Missing, "", ""},
		{"two keys", "k1\nk2", abi.Missing, "", ""},
		{"no header", none, abi.Missing, "", ""},
	} {
		b := abi.Begin(make([]byte, 256), 0, abi.ReqHeader0+1)
		b.Put(abi.ReqHost, "api.example.com")
		b.Put(abi.ReqTarget, "/v1/items?page=2")
		if c.key != none {
			b.Put(abi.ReqHeader0, c.key)
		}
		reply, err := guest.Call(abi.ExportRoute, b.Bytes())
		if err != nil {
			t.Fatal(err)
		}
		m, err := abi.Parse(reply)
		if err != nil || abi.Outcome(m.Word()&abi.DecOutcomeMask) != c.want {
			t.Errorf("%s: %x, %v, want outcome %s", c.what, reply, err, c.want)
			continue
		}
		if schema, plan := string(m.Get(abi.DecSchema)), string(m.Get(abi.DecHeader0+1)); schema != c.schema || plan != c.plan {
			t.Errorf("%s: schema %q and plan %q, want %q and %q", c.what, schema, plan, c.schema, c.plan)
		}
	}
}
