//go:build !wasip1

package main

import (
	"testing"

	"github.com/tenantedge/tenantedge/guest"
	"github.com/tenantedge/tenantedge/guest/abi"
	"github.com/tenantedge/tenantedge/guest/guesttest"
)

// keys has a key of acme, and one of a tenant that the directory does not have.
// It denies queries in any schema but public.
type keys struct{ guesttest.Unavailable }

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
	if ref != "acme" && ref != "7" {
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
	guesttest.Configure(t, keys{}, `{"default":{}}`)
	for _, c := range []struct {
		what         string
		key          guest.Header
		want         abi.Outcome
		schema, plan string
	}{
		{"a key", guest.Header{Value: "k1", Present: true}, abi.Tenant, "acme", "gold"},
		{"a key of a deleted tenant", guest.Header{Value: "k2", Present: true}, abi.Missing, "", ""},
		{"an unknown key", guest.Header{Value: "k3", Present: true}, abi.Missing, "", ""},
		{"two keys", guest.Header{Value: "k1\nk2", Present: true}, abi.Missing, "", ""},
		{"no header", guest.Header{}, abi.Missing, "", ""},
	} {
		d := guesttest.Route(t, &guest.Request{Host: "api.example.com", HasHost: true, Target: "/v1/items?page=2", Headers: []guest.Header{{}, c.key}})
		plan := ""
		if len(d.Headers) == 2 && d.Headers[0] == planHeader {
			plan = d.Headers[1]
		}
		if d.Outcome != c.want || d.Schema != c.schema || plan != c.plan {
			t.Errorf("%s: outcome %s, schema %q and plan %q, want %s, %q and %q", c.what, d.Outcome, d.Schema, plan, c.want, c.schema, c.plan)
		}
	}
}
