package serve

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/tenantedge/tenantedge/assets"
	"github.com/tenantedge/tenantedge/edge"
	"github.com/tenantedge/tenantedge/edge/internal/wasm/wasmtest"
)

func TestSwappingTheGuestNeedsTheToken(t *testing.T) {
	w := start(t)
	send := func(token, method, path, body string) int {
		w.server.now().options.AdminTokens = operator("secret")
		mux := http.NewServeMux()
		w.server.guestRoutes(w.server.now(), mux)
		r := httptest.NewRequest(method, path, strings.NewReader(body))
		r.Header.Set("Authorization", "Bearer "+token)
		a := httptest.NewRecorder()
		mux.ServeHTTP(a, r)
		return a.Code
	}
	for _, c := range []struct {
		name, token, method, path, body string
		want                            int
	}{
		{"no token", "", "GET", "/guest", "", 401},
		{"another token", "Secret", "PUT", "/guest", string(assets.Router), 401},
		{"what runs", "secret", "GET", "/guest", "", 200},
		{"no previous guest", "secret", "POST", "/guest/rollback", "", 409},
		{"no guest", "secret", "PUT", "/guest", "hello", 422},
		{"the running guest", "secret", "PUT", "/guest", string(assets.Router), 200},
	} {
		if status := send(c.token, c.method, c.path, c.body); status != c.want {
			t.Errorf("%s: %d, want %d", c.name, status, c.want)
		}
	}
	w.server.now().options.AdminTokens = nil
	mux := http.NewServeMux()
	w.server.guestRoutes(w.server.now(), mux)
	a := httptest.NewRecorder()
	mux.ServeHTTP(a, httptest.NewRequest("GET", "/guest", nil))
	if a.Code != http.StatusNotFound {
		t.Errorf("without a token: %d", a.Code)
	}
}

func TestARollbackIsLoggedAsARollback_F7(t *testing.T) {
	w := start(t)
	w.server.now().options.AdminTokens = operator("secret")
	mux := http.NewServeMux()
	w.server.guestRoutes(w.server.now(), mux)
	another := append(bytes.Clone(assets.Router), 0, 3, 1, 'n', 'x') // with an additional custom section
	for _, c := range []struct{ method, path, body string }{{"PUT", "/guest", string(another)}, {"POST", "/guest/rollback", ""}} {
		r := httptest.NewRequest(c.method, c.path, strings.NewReader(c.body))
		r.Header.Set("Authorization", "Bearer secret")
		a := httptest.NewRecorder()
		if mux.ServeHTTP(a, r); a.Code != http.StatusOK {
			t.Fatalf("%s %s: %d %s", c.method, c.path, a.Code, a.Body)
		}
	}
	if swaps, rollbacks := len(w.logs.entries("the guest was swapped")), len(w.logs.entries("the guest was rolled back to the previous one")); swaps != 1 || rollbacks != 1 {
		t.Errorf("%d swaps and %d rollbacks were logged, want one of each", swaps, rollbacks)
	}
}

// The answer of PUT /guest and the log name why a guest is refused, and what to do.
func TestTheAnswerToABrokenGuestNamesCauseAndRemedy(t *testing.T) {
	w := start(t, func(s *setup) { s.edge.SmokeRun = edge.Try })
	w.server.now().options.AdminTokens = operator("secret")
	mux := http.NewServeMux()
	w.server.guestRoutes(w.server.now(), mux)
	for _, b := range wasmtest.BrokenGuests() {
		before := len(w.logs.entries("a guest was refused; the previous one keeps running"))
		r := httptest.NewRequest("PUT", "/guest", bytes.NewReader(b.Wasm))
		r.Header.Set("Authorization", "Bearer secret")
		a := httptest.NewRecorder()
		mux.ServeHTTP(a, r)
		var answer apiError
		if err := json.Unmarshal(a.Body.Bytes(), &answer); err != nil || a.Code < 400 {
			t.Fatalf("%s: %d %s: %v", b.Name, a.Code, a.Body, err)
		}
		if !strings.Contains(answer.Error, b.Cause) || !strings.Contains(answer.Error, b.Remedy) {
			t.Errorf("%s: %q: expected the cause %q and the remedy %q", b.Name, answer.Error, b.Cause, b.Remedy)
		}
		logged := w.logs.entries("a guest was refused; the previous one keeps running")
		if len(logged) != before+1 || !strings.Contains(answer.Error, fmt.Sprint(logged[before]["error"])) {
			t.Errorf("%s: logged %v", b.Name, logged[before:])
		}
	}
}
