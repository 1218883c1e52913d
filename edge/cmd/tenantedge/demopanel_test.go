package main

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/tenantedge/tenantedge/edge"
	"github.com/tenantedge/tenantedge/edge/config"
	"github.com/tenantedge/tenantedge/edge/internal/rules"
)

// panelServer serves a panel whose Host has the built-in guest.
func panelServer(t *testing.T) (*rulePanel, http.Handler) {
	t.Helper()
	p := newRulePanel(map[string]config.URLConf{"app": {}, "beta": {}})
	host, err := edge.New(t.Context(), edge.Config{CompileCache: t.TempDir(), SmokeRun: p.smokeRun})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { host.Close() })
	front := newDemoFront(p, "secret")
	p.serve(func() *edge.Host { return host })
	return p, front.around(http.NotFoundHandler())
}

// Only a page of the demonstration on the same machine may change the guest.
func TestStrangersCannotChangeTheRules(t *testing.T) {
	p, h := panelServer(t)
	before := p.digest()
	for _, c := range []struct {
		name, peer, host string
		header           [2]string
		status           int
	}{
		{"another machine", "192.0.2.1:1", "tenant1.localhost:8080", [2]string{}, http.StatusForbidden},
		{"an IPv6 address of another machine", "[2001:db8::1]:1", "localhost", [2]string{}, http.StatusForbidden},
		{"a name that leads to this machine", "127.0.0.1:1", "attacker.example", [2]string{}, http.StatusForbidden},
		{"a name that ends like localhost", "127.0.0.1:1", "notlocalhost", [2]string{}, http.StatusForbidden},
		{"a page of another site", "127.0.0.1:1", "tenant1.localhost:8080", [2]string{"Sec-Fetch-Site", "cross-site"}, http.StatusForbidden},
		{"a page of another tenant", "127.0.0.1:1", "tenant1.localhost:8080", [2]string{"Sec-Fetch-Site", "same-site"}, http.StatusForbidden},
		{"a page of another origin", "127.0.0.1:1", "tenant1.localhost:8080", [2]string{"Origin", "http://attacker.example"}, http.StatusForbidden},
		{"rules that are too long", "127.0.0.1:1", "tenant1.localhost:8080", [2]string{"X", "long"}, http.StatusRequestEntityTooLarge},
	} {
		for method, path := range map[string]string{http.MethodPut: "rules", http.MethodPost: "rollback"} {
			text := "* /beta -> beta"
			if c.status == http.StatusRequestEntityTooLarge {
				if method == http.MethodPost {
					continue
				}
				text = strings.Repeat("#", rules.MaxText+2)
			}
			r := httptest.NewRequest(method, "/-/demo/"+path, strings.NewReader(text))
			r.RemoteAddr, r.Host = c.peer, c.host
			if c.header[0] != "" {
				r.Header.Set(c.header[0], c.header[1])
			}
			w := httptest.NewRecorder()
			h.ServeHTTP(w, r)
			if w.Code != c.status || !strings.Contains(w.Body.String(), `"error":"`) {
				t.Errorf("%s: %s %s: %d %s", c.name, method, path, w.Code, w.Body)
			}
		}
	}
	if p.digest() != before {
		t.Error("the guest was changed")
	}
}

func TestThePanelSwapsRefusesAndRollsBack(t *testing.T) {
	p, h := panelServer(t)
	builtIn := p.digest()
	ask := func(method, path, text string) (int, []panelEvent) {
		t.Helper()
		r := httptest.NewRequest(method, "/-/demo/"+path, strings.NewReader(text))
		r.RemoteAddr, r.Host = "[::1]:1", "[::1]:8080"
		r.Header.Set("Sec-Fetch-Site", "same-origin")
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		var all []panelEvent
		for decoder := json.NewDecoder(w.Body); decoder.More(); {
			var e panelEvent
			if err := decoder.Decode(&e); err != nil {
				t.Fatal(err)
			}
			all = append(all, e)
		}
		if len(all) == 0 {
			t.Fatalf("%s %s: %d and no answer", method, path, w.Code)
		}
		return w.Code, all
	}
	if status, e := ask(http.MethodPost, "rollback", ""); status != http.StatusConflict || !strings.Contains(e[0].Error, "no previous guest") {
		t.Errorf("rollback before a swap: %d %+v", status, e)
	}
	status, e := ask(http.MethodPut, "rules", "* /beta -> beta")
	last := e[len(e)-1]
	if status != http.StatusOK || len(e) != 3 || e[0].Step != "linked" || e[1].Step != "tried" || last.Step != "swapped" {
		t.Fatalf("swap: %d %+v", status, e)
	}
	if last.Digest != p.digest() || last.Digest == builtIn || last.State.Swaps != 1 || last.State.Rules != "* /beta -> beta" || last.State.Previous != builtIn {
		t.Errorf("swap: %+v, %+v", last, last.State)
	}
	if status, e := ask(http.MethodPut, "rules", "\n* /beta -> nowhere"); status != http.StatusUnprocessableEntity || e[0].Line != 2 || e[0].Column != 12 {
		t.Errorf("a mistake: %d %+v", status, e)
	}
	if _, e := ask(http.MethodPost, "rollback", ""); e[0].Digest != builtIn || e[0].State.Rollbacks != 1 || e[0].State.Rules != "" {
		t.Errorf("rollback: %+v", e)
	}
	if status, e := ask(http.MethodPut, "rules", "# none"); status != http.StatusOK || e[len(e)-1].Digest != builtIn {
		t.Errorf("no rules: %d %+v, expected the built-in guest", status, e)
	}
	p.changing.Lock()
	defer p.changing.Unlock()
	if status, _ := ask(http.MethodPut, "rules", ""); status != http.StatusConflict {
		t.Errorf("a change during another: %d", status)
	}
}

func TestThePanelWaitsForTheStart(t *testing.T) {
	p := newRulePanel(nil)
	r := httptest.NewRequest(http.MethodGet, "/-/demo/guest", nil)
	r.RemoteAddr, r.Host = "127.0.0.1:1", "localhost"
	w := httptest.NewRecorder()
	newDemoFront(p, "secret").around(http.NotFoundHandler()).ServeHTTP(w, r)
	if w.Code != http.StatusServiceUnavailable {
		t.Errorf("status %d before the start", w.Code)
	}
}
