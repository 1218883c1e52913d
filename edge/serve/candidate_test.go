package serve

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/tenantedge/tenantedge/assets"
	"github.com/tenantedge/tenantedge/edge/stats"
)

// A candidate is tried, shown, promoted and aborted through the admin listener.
func TestACandidateIsTriedThroughTheAdminListener(t *testing.T) {
	w := start(t)
	w.server.now().options.AdminTokens = operator("secret")
	mux := http.NewServeMux()
	w.server.guestRoutes(w.server.now(), mux)
	another := string(assets.Router) + "\x00\x03\x01nx" // with an additional custom section
	send := func(token, method, path, body string) *httptest.ResponseRecorder {
		r := httptest.NewRequest(method, path, strings.NewReader(body))
		r.Header.Set("Authorization", "Bearer "+token)
		r.Header.Set("Tenantedge-Reason", "too slow")
		a := httptest.NewRecorder()
		mux.ServeHTTP(a, r)
		return a
	}
	for _, c := range []struct {
		name, token, method, path, body string
		status                          int
		answer                          string
	}{
		{"without a token", "", "PUT", "/guest/candidate?canary=1", another, 401, ""},
		{"promoting without a token", "", "POST", "/guest/promote", "", 401, ""},
		{"aborting without a token", "", "DELETE", "/guest/candidate", "", 401, ""},
		{"nothing to promote", "secret", "POST", "/guest/promote", "", 409, "there is no candidate"},
		{"nothing to abort", "secret", "DELETE", "/guest/candidate", "", 409, "there is no candidate"},
		{"an unknown parameter", "secret", "PUT", "/guest/candidate?percent=5", another, 400, "expected each of shadow, canary"},
		{"a parameter twice", "secret", "PUT", "/guest/candidate?canary=1&canary=0", another, 400, "at most once"},
		{"no number", "secret", "PUT", "/guest/candidate?canary=some", another, 400, "canary: expected a number such as 0.05 or 5%"},
		{"not finite", "secret", "PUT", "/guest/candidate?shadow=NaN", another, 400, "shadow: expected a number"},
		{"an empty tenant", "secret", "PUT", "/guest/candidate?tenant=", another, 400, "tenant: expected a schema"},
		{"over 100 %", "secret", "PUT", "/guest/candidate?canary=120%25", another, 422, "expected shares between 0 and 1"},
		{"no way to try it", "secret", "PUT", "/guest/candidate", another, 422, "expected a share of requests"},
		{"no guest", "secret", "PUT", "/guest/candidate?shadow=1", "hello", 422, "not a valid WebAssembly module"},
		{"the guest that runs", "secret", "PUT", "/guest/candidate?shadow=1", string(assets.Router), 422, "expected another guest than the one that runs"},
		{"a shadow", "secret", "PUT", "/guest/candidate?shadow=100%25", another, 200, `"shadow":1`},
		{"a canary in its place", "secret", "PUT", "/guest/candidate?canary=5%25&tenant=a&tenant=b&header=X-Canary:+s&fuel=3", another, 200, `"canary":0.05,"tenants":["a","b"],"header":"X-Canary"`},
		{"what is tried", "secret", "GET", "/guest", "", 200, `"canary":0.05`},
		{"aborting it", "secret", "DELETE", "/guest/candidate", "", 200, `"ended":"aborted: too slow"`},
		{"a third one", "secret", "PUT", "/guest/candidate?tenant=a", another, 200, `"tenants":["a"]`},
		{"promoting it", "secret", "POST", "/guest/promote", "", 200, `"previous":{"digest":`},
	} {
		a := send(c.token, c.method, c.path, c.body)
		if a.Code != c.status || !strings.Contains(a.Body.String(), c.answer) {
			t.Errorf("%s: %d %s, expected %d and %s", c.name, a.Code, a.Body, c.status, c.answer)
		}
	}
	var s stats.Host
	if err := json.Unmarshal(send("secret", "GET", "/guest", "").Body.Bytes(), &s); err != nil || s.Candidate == nil || s.Candidate.Ended != "promoted" || s.Swaps != 1 {
		t.Errorf("after the promotion: %+v, %v", s.Candidate, err)
	}
	for _, message := range []string{"a guest is tried beside the current one", "the trial of a guest was ended", "the candidate was promoted; it is now running"} {
		if len(w.logs.entries(message)) == 0 {
			t.Errorf("%q was not logged", message)
		}
	}
}
