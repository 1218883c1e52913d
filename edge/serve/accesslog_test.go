package serve

import (
	"net/http"
	"strings"
	"testing"

	"github.com/tenantedge/tenantedge/edge/proof"
)

func TestTheAccessLogHasTheDecisionAndNoSecret(t *testing.T) {
	w := start(t, func(s *setup) {
		s.options.AccessLog = true
		s.app = http.HandlerFunc(func(rw http.ResponseWriter, _ *http.Request) {
			rw.WriteHeader(http.StatusTeapot)
			_, _ = rw.Write([]byte("12345"))
		})
	})
	secrets := []string{"Cookie", "sessionid=hunter2", "Authorization", "Bearer hunter2", proof.Header, "hunter2"}
	w.get("acme.example.com", "/path?token=hunter2", secrets...)
	w.get("old.example.com", "/path?token=hunter2", secrets...)
	w.get("unknown.example.com", "/path", secrets...)
	w.get("lost.example.com", "/path", secrets...)
	want := []map[string]any{
		{"host": "acme.example.com", "tenant": "acme", "routing": "domain", "status": 418.0, "bytes": 5.0, "path": "/path", "method": "GET"},
		{"host": "old.example.com", "tenant": "acme", "status": 301.0},
		{"host": "unknown.example.com", "tenant": "", "status": 404.0},
		{"host": "lost.example.com", "tenant": "lost", "status": 502.0, "reason": "unknown urlconf"},
	}
	w.eventually("four lines", func() bool { return len(w.logs.entries("access")) == len(want) })
	ids := map[any]bool{}
	for i, e := range w.logs.entries("access") {
		for key, value := range want[i] {
			if e[key] != value {
				t.Errorf("%v: %s is %v, expected %v", want[i]["host"], key, e[key], value)
			}
		}
		if ids[e["request"]] || e["request"] == "" {
			t.Errorf("%v: the id %v is empty or that of another request", want[i]["host"], e["request"])
		}
		ids[e["request"]] = true
		if _, ok := e["ms"].(float64); !ok {
			t.Errorf("%v: no duration was logged", want[i]["host"])
		}
	}
	if strings.Contains(w.logs.String(), "hunter2") {
		t.Errorf("a secret was logged:\n%s", w.logs)
	}
}

func TestTheIDThatAClientGetsIsInTheLog(t *testing.T) {
	w := start(t, func(s *setup) { s.options.AccessLog = true })
	a := w.get("lost.example.com", "/")
	_, id, _ := strings.Cut(strings.TrimSpace(a.body), "request ")
	w.eventually("the access line", func() bool { return len(w.logs.entries("access")) == 1 })
	for _, message := range []string{"access", "the guest named a urlconf that is not configured"} {
		if e := w.logs.entries(message); len(e) != 1 || e[0]["request"] != id {
			t.Errorf("%s: %v, expected the id %s", message, e, id)
		}
	}
}

// Clients fill neither the disk nor the queue of the log with long requests.
func TestLinesOfTheLogDoNotGrowWithARequest(t *testing.T) {
	w := start(t, func(s *setup) { s.options.AccessLog = true })
	for _, host := range []string{"acme.example.com", "unknown.example.com", "lost.example.com"} {
		w.get(host, "/"+strings.Repeat("%01", 15<<10))
		w.get(host, "/"+strings.Repeat("x", 40<<10))
	}
	w.eventually("six lines", func() bool { return len(w.logs.entries("access")) == 6 })
	for line := range strings.Lines(w.logs.String()) {
		if len(line) > 16<<10 {
			t.Errorf("a line of %d bytes: %.100s", len(line), line)
		}
	}
}
