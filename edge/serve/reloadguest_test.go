package serve

import (
	"encoding/base64"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"

	"github.com/tenantedge/tenantedge/edge"
	"github.com/tenantedge/tenantedge/edge/internal/instance"
)

const oneSite = `
tenants: {www: {DOMAINS: [www.example.com], URLCONF: site}}
urlconfs: {site: {reply: {body: first}}}
admin: off
listeners: ['127.0.0.1:0']
`

// withGuest returns oneSite with a section guest, and another body of the reply.
func withGuest(guest, body string) string {
	return strings.Replace(oneSite, "first", body, 1) + "guest: {" + guest + "}\n"
}

func tryHere(o *Options) { o.SmokeRun = edge.Try }

// guest sends a request about guests and returns the answer.
func (r *reloaded) guest(method, path string, wasm, signature []byte) *httptest.ResponseRecorder {
	q := httptest.NewRequest(method, path, strings.NewReader(string(wasm)))
	if signature != nil {
		q.Header.Set(signatureHeader, base64.StdEncoding.EncodeToString(signature))
	}
	a := httptest.NewRecorder()
	r.server.GuestHandler().ServeHTTP(a, q)
	return a
}

func (r *reloaded) runs(guest []byte) {
	r.Helper()
	if got := r.server.Host().GuestDigest(); got != instance.Digest(guest) {
		r.Errorf("the guest %s runs, expected %s", got, instance.Digest(guest))
	}
}

func (r *reloaded) wants(a *httptest.ResponseRecorder, status int, text string) {
	r.Helper()
	if a.Code != status || !strings.Contains(a.Body.String(), text) {
		r.Errorf("got %d %s, expected %d and %q", a.Code, a.Body, status, text)
	}
}

func TestAReloadForAnotherReasonKeepsTheGuestThatAnOperatorSwappedIn(t *testing.T) {
	path := filepath.Join(t.TempDir(), "guest.wasm")
	put(t, path, numbered(0))
	file := "path: '" + path + "'"
	r := serveText(t, withGuest(file, "first"), tryHere)
	r.runs(numbered(0))
	r.wants(r.guest("PUT", "/guest", numbered(1), nil), http.StatusOK, "")
	r.wants(r.guest("PUT", "/guest/candidate?canary=1", numbered(2), nil), http.StatusOK, "")

	r.reload(withGuest(file, "second"))
	r.runs(numbered(1))
	c := r.server.Host().Stats().Candidate
	if c == nil || c.Ended != "" || c.Canary != 1 || c.Guest.Digest != instance.Digest(numbered(2)) {
		t.Errorf("the candidate is %+v", c)
	}
	r.wants(r.guest("POST", "/guest/promote", nil, nil), http.StatusOK, "")
	r.runs(numbered(2))
	r.reload(withGuest(file, "third"))
	r.runs(numbered(2))
	r.wants(r.guest("POST", "/guest/rollback", nil, nil), http.StatusOK, `"reused":true`) // it was kept compiled
	r.runs(numbered(1))
	r.wants(r.guest("DELETE", "/guest/candidate", nil, nil), http.StatusConflict, "")

	put(t, path, numbered(3))
	r.reload(withGuest(file, "fourth"))
	r.runs(numbered(3))
	r.wants(r.guest("POST", "/guest/rollback", nil, nil), http.StatusOK, "")
	r.runs(numbered(1))
	r.reload(withGuest("", "fifth"))
	if got := r.server.Host().Stats().Guest.Name; got != "tenantedge router" {
		t.Errorf("without guest.path, %q runs", got)
	}
	r.wants(r.guest("POST", "/guest/rollback", nil, nil), http.StatusOK, "")
	r.runs(numbered(1))
	r.reload(withGuest("", "sixth")) // also where no file was ever configured
	r.runs(numbered(1))
}

func TestAGuestThatIsRefusedRefusesTheReload(t *testing.T) {
	folder := t.TempDir()
	path, bad := filepath.Join(folder, "guest.wasm"), filepath.Join(folder, "bad.wasm")
	put(t, path, numbered(0))
	put(t, bad, []byte("\x00asm\x01\x00\x00\x00 not valid"))
	r := serveText(t, withGuest("path: '"+path+"'", "first"), tryHere)
	for _, other := range []string{bad, bad + ".missing"} {
		err := r.server.Reload(t.Context(), r.parse(withGuest("path: '"+other+"'", "second")))
		if err == nil || !strings.Contains(err.Error(), "guest.path") {
			t.Errorf("%s: %v", other, err)
		}
		r.runs(numbered(0))
		if got := r.server.Readiness().Configuration; got.Reloads != 0 || got.Refused != err.Error() {
			t.Errorf("the report is %+v", got)
		}
	}
	// A broken file does not keep other settings from being reloaded.
	put(t, path, []byte("broken"))
	r.eventually("the file is refused", func() bool { return r.server.Readiness().Guest.Degraded != "" })
	r.reload(withGuest("path: '"+path+"'", "third"))
	r.runs(numbered(0))
	if got := r.server.Readiness(); got.Configuration.Reloads != 1 || got.Guest.Degraded == "" {
		t.Errorf("the report is %+v", got)
	}
}

// Keys that are no longer trusted verify no guest, whether it is to run or to be rolled
// back to.
func TestAReloadOfTheTrustedKeysVerifiesGuestsAgain_G11(t *testing.T) {
	ours, theirs := newSigner(t), newSigner(t)
	trusts := func(all ...signer) string {
		var keys []string
		for _, s := range all {
			keys = append(keys, "'"+s.key.PublicKey()+"'")
		}
		return "trusted_keys: [" + strings.Join(keys, ", ") + "]"
	}
	r := serveText(t, withGuest(trusts(ours, theirs), "first"), tryHere)
	r.wants(r.guest("PUT", "/guest", numbered(1), theirs.sign(numbered(1))), http.StatusOK, "")
	err := r.server.Reload(t.Context(), r.parse(withGuest(trusts(ours), "second")))
	if err == nil || !strings.Contains(err.Error(), "guest.trusted_keys: expected the running guest to be signed by a trusted key") {
		t.Errorf("the guest that runs is not trusted any more: %v", err)
	}
	r.wants(r.guest("PUT", "/guest", numbered(2), ours.sign(numbered(2))), http.StatusOK, "")
	r.reload(withGuest(trusts(ours), "second"))
	r.runs(numbered(2))
	r.wants(r.guest("POST", "/guest/rollback", nil, nil), http.StatusUnprocessableEntity, "the previous guest: ")
	r.runs(numbered(2))
	r.wants(r.guest("PUT", "/guest", numbered(1), theirs.sign(numbered(1))), http.StatusUnprocessableEntity, "")
	r.reload(withGuest(trusts(ours, theirs), "third"))
	r.wants(r.guest("POST", "/guest/rollback", nil, nil), http.StatusOK, "")
	r.runs(numbered(1))
}
