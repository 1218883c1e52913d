//go:build !wasip1

package main

import (
	"testing"

	"github.com/tenantedge/tenantedge/guest"
	"github.com/tenantedge/tenantedge/guest/guesttest"
)

// sessions has one session, of acme.
type sessions struct{ guesttest.Unavailable }

func (sessions) Query(schema, name, args string, out []byte) int64 {
	rows := "[]"
	if schema == "acme" && name == "member" && args == `["k1"]` {
		rows = `[{"user_id":7}]`
	}
	return int64(copy(out, rows))
}

func TestPrivateFilesAreForMembersOfTheirTenant(t *testing.T) {
	guesttest.Configure(t, sessions{}, `{"default":{}}`)
	const none = "\x00"
	for _, c := range []struct {
		what, schema, name, cookies string
		want                        guest.Verdict
	}{
		{"a member", "acme", "a.txt", "x=y; session=k1", guest.Allow},
		{"a member with two headers", "acme", "a.txt", "x=y\nsession=k1", guest.Allow},
		{"a member of another tenant", "umbra", "a.txt", "session=k1", guest.Deny},
		{"an expired session", "acme", "a.txt", "session=k2", guest.Deny},
		{"no cookie", "acme", "a.txt", none, guest.Deny},
		{"a shared file", "umbra", "shared/a.txt", none, guest.Allow},
		{"a draft", "acme", "drafts/a.txt", none, guest.Hide},
		{"a member's draft", "acme", "drafts/a.txt", "session=k1", guest.Allow},
		{"a path that is not one of the tenant's files", "acme", none, "session=k1", guest.Deny},
	} {
		access := guest.Access{Schema: c.schema, Method: "GET", Name: c.name, HasName: c.name != none}
		cookie := guest.Header{Value: c.cookies, Present: c.cookies != none}
		if got := guesttest.Authorize(t, &access, cookie); got != c.want {
			t.Errorf("%s: verdict %d, want %d", c.what, got, c.want)
		}
	}
}
