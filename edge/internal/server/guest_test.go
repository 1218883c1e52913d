package server

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/tenantedge/tenantedge/assets"
)

func TestTheGuestIsSwappedWithTheTokenAlone(t *testing.T) {
	w := start(t)
	ask := func(token, method, path, body string) int {
		w.server.options.AdminToken = "secret"
		mux := http.NewServeMux()
		w.server.guestRoutes(mux)
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
		{"nothing to go back to", "secret", "POST", "/guest/rollback", "", 409},
		{"no guest", "secret", "PUT", "/guest", "hello", 422},
		{"the guest that runs", "secret", "PUT", "/guest", string(assets.Router), 200},
	} {
		if status := ask(c.token, c.method, c.path, c.body); status != c.want {
			t.Errorf("%s: %d, want %d", c.name, status, c.want)
		}
	}
	w.server.options.AdminToken = ""
	mux := http.NewServeMux()
	w.server.guestRoutes(mux)
	a := httptest.NewRecorder()
	mux.ServeHTTP(a, httptest.NewRequest("GET", "/guest", nil))
	if a.Code != http.StatusNotFound {
		t.Errorf("without a token: %d", a.Code)
	}
}
