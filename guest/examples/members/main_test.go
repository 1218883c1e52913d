//go:build !wasip1

package main

import (
	"testing"

	"github.com/tenantedge/tenantedge/guest"
	"github.com/tenantedge/tenantedge/guest/abi"
)

// sessions knows one session, of acme.
type sessions struct{ guest.Unavailable }

func (sessions) Query(schema, name, args string, out []byte) int64 {
	rows := "[]"
	if schema == "acme" && name == "member" && args == `["k1"]` {
		rows = `[{"user_id":7}]`
	}
	return int64(copy(out, rows))
}

func TestPrivateFilesAreForMembersOfTheirTenant(t *testing.T) {
	defer guest.Replace(sessions{})()
	if _, err := guest.Call(abi.ExportConfigure, []byte(`{"abi":1,"default":{}}`)); err != nil {
		t.Fatal(err)
	}
	const none = "\x00"
	for _, c := range []struct {
		what, schema, name, cookies string
		want                        uint32
	}{
		{"a member", "acme", "a.txt", "x=y; session=k1", abi.AuthAllow},
		{"a member with two headers", "acme", "a.txt", "x=y\nsession=k1", abi.AuthAllow},
		{"a member of another tenant", "umbra", "a.txt", "session=k1", abi.AuthDeny},
		{"a session that is over", "acme", "a.txt", "session=k2", abi.AuthDeny},
		{"no cookie", "acme", "a.txt", none, abi.AuthDeny},
		{"a shared file", "umbra", "shared/a.txt", none, abi.AuthAllow},
		{"a draft", "acme", "drafts/a.txt", none, abi.AuthHide},
		{"a member's draft", "acme", "drafts/a.txt", "session=k1", abi.AuthAllow},
		{"no file of the tenant's", "acme", none, "session=k1", abi.AuthDeny},
	} {
		b := abi.Begin(make([]byte, 256), 0, abi.AuthHeader0+1)
		b.Put(abi.AuthSchema, c.schema)
		b.Put(abi.AuthMethod, "GET")
		if c.name != none {
			b.Put(abi.AuthName, c.name)
		}
		if c.cookies != none {
			b.Put(abi.AuthHeader0, c.cookies)
		}
		reply, err := guest.Call(abi.ExportAuthorize, b.Bytes())
		if err != nil {
			t.Fatal(err)
		}
		if m, err := abi.Parse(reply); err != nil || m.Word() != c.want {
			t.Errorf("%s: %x, %v, expected verdict %d", c.what, reply, err, c.want)
		}
	}
}
