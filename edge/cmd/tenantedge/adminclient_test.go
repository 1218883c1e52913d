package main

import (
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

// Whatever answers in place of an edge, the error says what to do.
func TestErrorsOfTheAdminListenerSayWhatToDo(t *testing.T) {
	answer := func(status int, body string) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(status)
			_, _ = io.WriteString(w, body)
		}
	}
	serve := func(h http.HandlerFunc) string {
		s := httptest.NewServer(h)
		t.Cleanup(s.Close)
		return s.URL
	}
	secure := httptest.NewUnstartedServer(answer(200, "{}"))
	secure.Config.ErrorLog = log.New(io.Discard, "", 0)
	secure.StartTLS()
	defer secure.Close()
	unauthorized := serve(answer(401, `{"error":"expected an admin token"}`))
	application := serve(answer(404, "not found"))
	t.Setenv("WRONG", "0123456789abcdef")
	for want, args := range map[string][]string{
		"401: expected an admin token; set the variable TENANTEDGE_TOKEN, or use --token-env or --token-file":       {"top", "--admin", unauthorized},
		"401: expected an admin token; correct the one in the variable WRONG":                                       {"guest", "status", "--admin", unauthorized, "--token-env", "WRONG"},
		"404: expected the admin listener of an edge of this version, found none at " + application:                 {"top", "--admin", application},
		"404: expected the admin listener of an edge that counts the use of tenants (usage.enabled":                 {"usage", "--admin", application},
		"404: expected the admin listener of an edge with an admin token":                                           {"guest", "list", "--admin", application, "--token-env", "WRONG"},
		"found 400 Bad Request, \"Client sent an HTTP request to an HTTPS server.\"; name its address with --admin": {"top", "--admin", strings.Replace(secure.URL, "https", "http", 1)},
		"certificate signed by unknown authority; name its authority with --ca":                                     {"usage", "--admin", secure.URL},
		"expected the admin listener of an edge at http://127.0.0.1:1: dial tcp":                                    {"usage", "--admin", "http://127.0.0.1:1"},
	} {
		if code, _, stderr := command("", args...); code != exitFailed || !strings.Contains(stderr, want) {
			t.Errorf("%q: exit %d, %q, expected %q", args, code, stderr, want)
		}
	}
}
