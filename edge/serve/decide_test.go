package serve

import (
	"io"
	"net"
	"net/http"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/tenantedge/tenantedge/edge/config"
)

// asking has a listener for decisions.
func asking(preset string) func(*setup) {
	return func(s *setup) {
		s.options.Decide = []config.Decide{{Address: "127.0.0.1:0", Preset: preset, Attributes: []string{"plan"}}}
	}
}

// asks asks for the decision on a request to a host.
func (w *world) asks(host string, headers ...string) answer {
	w.Helper()
	r, err := http.NewRequest(http.MethodGet, "http://"+w.server.DecideAddrs()[0].String()+"/", nil)
	if err != nil {
		w.Fatal(err)
	}
	for _, h := range append([]string{"Method: GET", "Host: " + host, "Uri: /secret?token=hunter2", "Proto: https", "For: 192.0.2.1"}, headers...) {
		name, value, _ := strings.Cut(h, ": ")
		r.Header.Add("X-Original-"+name, value)
	}
	return w.do(r)
}

func TestAServerAsksAtItsOwnListener(t *testing.T) {
	w := start(t, asking("nginx"), func(s *setup) { s.options.AccessLog = true })
	if len(w.server.Addrs()) != 1 || len(w.server.DecideAddrs()) != 1 {
		t.Fatalf("listeners %v and %v, expected one each", w.server.Addrs(), w.server.DecideAddrs())
	}
	a := w.asks("acme.example.com")
	if a.StatusCode != http.StatusOK || a.Header.Get("Tenantedge-Schema") != "acme" || a.Header.Get("Tenantedge-Upstream") != w.app.URL {
		t.Errorf("got %d %v", a.StatusCode, a.Header)
	}
	if a := w.asks("old.example.com"); a.StatusCode != http.StatusForbidden || a.Header.Get("Tenantedge-Location") != "https://acme.example.com/secret?token=hunter2" {
		t.Errorf("a redirect: %d %v", a.StatusCode, a.Header)
	}
	if a := w.asks("files.example.com"); a.StatusCode != http.StatusOK || a.Header["Tenantedge-Upstream"][0] != "" || a.Header.Get("Tenantedge-Urlconf") != "files" {
		t.Errorf("a urlconf without upstream: %d %v", a.StatusCode, a.Header)
	}
	if a := w.asks("acme.example.com", "Uri: /other"); a.StatusCode != http.StatusInternalServerError {
		t.Errorf("two targets: %d", a.StatusCode)
	}
	// What serves clients answers no questions, and the other way round.
	if a := w.get("unknown.example.com", "/", "X-Original-Host", "acme.example.com"); a.StatusCode != http.StatusNotFound || a.Header.Get("Tenantedge-Schema") != "" {
		t.Errorf("a client's question got %d %v", a.StatusCode, a.Header)
	}
	for result, want := range map[string]string{"tenant": "2", "redirect": "1", "unreadable": "1", "peer": "0"} {
		if got := w.metric(`tenantedge_decide_requests_total{preset="nginx",result="` + result + `"}`); got != want {
			t.Errorf("%q with the result %s were counted, expected %s", got, result, want)
		}
	}
	records := w.logs.entries("decision")
	if len(records) != 4 {
		t.Fatalf("%d records of decisions, expected 4", len(records))
	}
	r := records[0]
	if r["path"] != "/secret" || r["host"] != "acme.example.com" || r["client"] != "192.0.2.1:0" || r["tenant"] != "acme" || r["status"] != 200.0 || r["request"] == "" {
		t.Errorf("the record is %v", r)
	}
	if strings.Contains(w.logs.String(), "hunter2") {
		t.Error("the log has the query of a request")
	}
}

func TestOnlyPeersOfAListenerMayAsk(t *testing.T) {
	w := start(t, asking("nginx"), func(s *setup) {
		s.options.Decide[0].Peers = []netip.Prefix{netip.MustParsePrefix("192.0.2.0/24")}
	})
	if a := w.asks("acme.example.com"); a.StatusCode != http.StatusForbidden || a.Header.Get("Tenantedge-Schema") != "" || a.Header.Get("Tenantedge-Status") != "" {
		t.Errorf("got %d %v", a.StatusCode, a.Header)
	}
}

func TestQuestionsHaveLimits(t *testing.T) {
	w := start(t, asking("haproxy"), func(s *setup) {
		s.options.Limits.MaxHeaderBytes, s.options.Limits.ReadHeaderTimeout = 2000, 50*time.Millisecond
	})
	if a := w.asks("acme.example.com", "Big: "+strings.Repeat("x", 20_000)); a.StatusCode != http.StatusRequestHeaderFieldsTooLarge {
		t.Errorf("a long head: %d", a.StatusCode)
	}
	conn, err := net.Dial("tcp", w.server.DecideAddrs()[0].String())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	_ = conn.SetDeadline(time.Now().Add(patience))
	if _, err := io.WriteString(conn, "GET / HTTP/1.1\r\nX-Slow: "); err != nil {
		t.Fatal(err)
	}
	if text, err := io.ReadAll(conn); err != nil || strings.Contains(string(text), " 200 ") {
		t.Errorf("a head that never ends: %q, %v", text, err)
	}
}
