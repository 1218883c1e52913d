// Command members is a guest that authorizes access to a tenant's files by a
// session cookie, which it looks up in the tenant's schema. Files in shared/ are
// readable without a session. Without one, files in drafts/ are hidden: the answer
// is 404. It routes like the default guest.
//
//	queries:
//	  member: {sql: select user_id from member_session where key = $1 and expires > now()}
//	urlconfs:
//	  app: {upstream: "http://127.0.0.1:8000", media: true, access: private}
//
//	GOOS=wasip1 GOARCH=wasm go build -buildmode=c-shared -o members.wasm ./guest/examples/members
package main

import (
	"strings"

	"github.com/tenantedge/tenantedge/guest"
	"github.com/tenantedge/tenantedge/guest/abi"
	"github.com/tenantedge/tenantedge/guest/query"
)

func init() { guest.Serve(guest.Handlers{Configure: configure, Authorize: authorize}) }

func main() {}

func configure(*abi.Config) (abi.Configured, error) {
	return abi.Configured{Name: "members", AuthorizeHeaders: []string{"Cookie"}}, nil
}

func authorize(a *guest.Access) guest.Verdict {
	switch {
	case !a.HasName:
		return guest.Deny
	case strings.HasPrefix(a.Name, "shared/") && reads(a), isMember(a):
		return guest.Allow
	case strings.HasPrefix(a.Name, "drafts/"):
		return guest.Hide
	}
	return guest.Deny
}

// reads reports whether the request only reads. With uploads enabled, requests to
// authorize can be PUT and DELETE too.
func reads(a *guest.Access) bool { return a.Method == "GET" || a.Method == "HEAD" }

// isMember reports whether the request has a session cookie of this tenant: the
// session is looked up in the tenant's schema.
func isMember(a *guest.Access) bool {
	cookies, _ := a.Header("Cookie")
	key, ok := guest.Cookie(cookies, "session")
	if !ok {
		return false
	}
	rows, err := query.Rows(a.Schema, "member", key)
	if err != nil {
		guest.Log(guest.LevelError, "looking up a session: "+err.Error())
		return false
	}
	return len(rows) == 1
}
