// Command members is a guest that lets members have private files: a request
// needs the cookie of a session, which is looked up in the tenant's own schema.
// Everybody may read the files in shared/, and those in drafts/ look as if they
// were not there to all but members. Everything else is the default guest's.
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

// reads reports whether a request takes nothing but a look. Where files can be
// uploaded, this is asked with PUT and DELETE too.
func reads(a *guest.Access) bool { return a.Method == "GET" || a.Method == "HEAD" }

// isMember looks the session up in the tenant's own schema, so that a cookie of
// another tenant's is none here.
func isMember(a *guest.Access) bool {
	cookies, _ := a.Header("Cookie")
	for pair := range strings.SplitSeq(strings.ReplaceAll(cookies, "\n", ";"), ";") {
		key, ok := strings.CutPrefix(strings.TrimSpace(pair), "session=")
		if !ok {
			continue
		}
		var rows []struct {
			UserID int `json:"user_id"`
		}
		if err := guest.Query(a.Schema, "member", []any{key}, &rows); err != nil {
			guest.Log(guest.LevelError, "looking a session up: "+err.Error())
			return false
		}
		return len(rows) == 1
	}
	return false
}
