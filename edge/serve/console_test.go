package serve

import (
	"bufio"
	"crypto/tls"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/tenantedge/tenantedge/edge/internal/console"
	"github.com/tenantedge/tenantedge/edge/internal/fleet"
	"github.com/tenantedge/tenantedge/tenantdb/postgres/pgtest"
)

// adminConsole is a configuration whose console needs a token.
const adminConsole = `
listeners: ["127.0.0.1:0"]
admin: "127.0.0.1:0"
admin_tokens:
  - {name: deploy, role: operate, secret_env: CONSOLE_OPERATE}
  - {name: grafana, role: read, secret_env: CONSOLE_READ}
tenants: {www: {DOMAINS: [www.example.com], URLCONF: app}}
urlconfs: {app: {reply: {body: page}}}
`

func setConsoleSecrets(t *testing.T) {
	t.Setenv("CONSOLE_OPERATE", operateSecret)
	t.Setenv("CONSOLE_READ", readSecret)
}

const (
	operateSecret = "operate-0123456789abcdef"
	readSecret    = "read-0123456789abcdef"
)

// visitor is a browser at the console of a server.
type visitor struct {
	*testing.T
	base   string
	http   *http.Client
	cookie *http.Cookie
}

func (r *reloaded) visitor() *visitor {
	return &visitor{r.T, "http://" + r.server.AdminAddr().String(), &http.Client{CheckRedirect: noRedirects.CheckRedirect}, nil}
}

func (v *visitor) send(method, path string, form url.Values) *http.Response {
	v.Helper()
	r, err := http.NewRequestWithContext(v.Context(), method, v.base+path, strings.NewReader(form.Encode()))
	if err != nil {
		v.Fatal(err)
	}
	r.Header.Set("Origin", v.base)
	if form != nil {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	if v.cookie != nil {
		r.AddCookie(v.cookie)
	}
	resp, err := v.http.Do(r)
	if err != nil {
		v.Fatal(err)
	}
	v.Cleanup(func() { _ = resp.Body.Close() })
	return resp
}

// signIn signs in, and returns the status.
func (v *visitor) signIn(secret string) int {
	v.Helper()
	resp := v.send(http.MethodPost, "/console/signin", url.Values{"token": {secret}})
	for _, c := range resp.Cookies() {
		v.cookie = c
	}
	return resp.StatusCode
}

func (v *visitor) status(path string) int { return v.send(http.MethodGet, path, nil).StatusCode }

func TestO12SigningInIsRecordedAndOpensNoAPI(t *testing.T) {
	setConsoleSecrets(t)
	r := serveText(t, adminConsole)
	v := r.visitor()
	if status := v.signIn("operate-0123456789abcdeX"); status != http.StatusUnauthorized || v.cookie != nil {
		t.Errorf("a wrong secret: %d, %v", status, v.cookie)
	}
	if status := v.signIn(operateSecret); status != http.StatusSeeOther || v.cookie == nil || v.cookie.Name != "tenantedge-console" || v.cookie.Secure {
		t.Fatalf("signing in: %d, %v", status, v.cookie)
	}
	if status := v.status("/console/programs"); status != http.StatusOK {
		t.Errorf("the console: %d", status)
	}
	if status := v.status("/guest"); status != http.StatusUnauthorized {
		t.Errorf("the API with the session's cookie: %d", status)
	}
	if resp := v.send(http.MethodPost, "/guest/rollback", url.Values{}); resp.StatusCode != http.StatusUnauthorized {
		t.Errorf("the API with the session's cookie: %d", resp.StatusCode)
	}
	var outcomes []string
	for _, e := range r.logs.entries("audit") {
		if e["audit"] == "POST /console/signin" {
			outcomes = append(outcomes, fmt.Sprint(e["outcome"], " ", e["who"]))
		}
	}
	if got := strings.Join(outcomes, ", "); got != "unauthorized <nil>, done deploy" {
		t.Errorf("recorded %s", got)
	}
	for _, e := range r.logs.entries("") {
		if text := fmt.Sprint(e); strings.Contains(text, operateSecret) || strings.Contains(text, v.cookie.Value) {
			t.Errorf("a secret is in the log: %s", text)
		}
	}
}

// Those who have signed in, and what is in memory of the log, outlive a configuration. A
// token that is removed ends the sessions and the streams that it began.
func TestTheConsoleOutlivesAConfiguration(t *testing.T) {
	setConsoleSecrets(t)
	r := serveText(t, adminConsole)
	v := r.visitor()
	if status := v.signIn(operateSecret); status != http.StatusSeeOther {
		t.Fatalf("signing in: %d", status)
	}
	stream := v.send(http.MethodGet, "/console/events/overview", nil)
	if stream.StatusCode != http.StatusOK {
		t.Fatalf("the stream: %d", stream.StatusCode)
	}
	r.reload(strings.Replace(adminConsole, "body: page", "body: another page", 1))
	if status := v.status("/console/programs"); status != http.StatusOK {
		t.Errorf("after a reload: %d", status)
	}
	log, err := io.ReadAll(v.send(http.MethodGet, "/console/log", nil).Body)
	if err != nil || strings.Count(string(log), "the guest is loaded") < 2 {
		t.Errorf("the log has not both configurations: %v\n%s", err, log)
	}
	r.reload(strings.Replace(adminConsole, "  - {name: deploy, role: operate, secret_env: CONSOLE_OPERATE}\n", "", 1))
	if status := v.status("/console/programs"); status != http.StatusSeeOther {
		t.Errorf("after the token was removed: %d", status)
	}
	events, err := io.ReadAll(stream.Body)
	if err != nil || !strings.HasSuffix(string(events), "event: ended\ndata: \"signed out\"\n\n") {
		t.Errorf("the stream ends with %v, %.300q", err, events)
	}
}

// A console without tokens shows, and does nothing.
func TestAConsoleWithoutTokensIsReadOnly(t *testing.T) {
	r := serveText(t, "listeners: [\"127.0.0.1:0\"]\nadmin: \"127.0.0.1:0\"\ntenants: {www: {DOMAINS: [www.example.com], URLCONF: app}}\nurlconfs: {app: {reply: {body: page}}}\n")
	v := r.visitor()
	if status := v.status("/"); status != http.StatusOK {
		t.Errorf("the overview: %d", status)
	}
	for _, action := range []string{"swap", "rollback", "candidate", "promote", "abort"} {
		if resp := v.send(http.MethodPost, "/console/programs/"+action, url.Values{"csrf": {""}}); resp.StatusCode != http.StatusForbidden {
			t.Errorf("%s: %d", action, resp.StatusCode)
		}
	}
	if status := v.signIn(""); status != http.StatusUnauthorized {
		t.Errorf("signing in without a token: %d", status)
	}
	resp := v.send(http.MethodPost, "/console/try", url.Values{"method": {"GET"}, "url": {"http://www.example.com/"}})
	page, err := io.ReadAll(resp.Body)
	if err != nil || resp.StatusCode != http.StatusOK || !strings.Contains(string(page), "tenantedge.yaml:") {
		t.Errorf("trying a request: %d, %v\n%s", resp.StatusCode, err, page)
	}
}

// A stream lasts longer than the limits of a request, over HTTP/1 and HTTP/2, and a
// shutdown does not wait for it.
func TestAStreamOutlastsTheLimitsOfARequest(t *testing.T) {
	setConsoleSecrets(t)
	cert := newCertificate(t, "localhost")
	limits := "limits: {body_timeout: 1s, answer_timeout: 1s}\n"
	for _, version := range []int{1, 2} {
		r := serveText(t, adminConsole+limits+fmt.Sprintf("admin_tls: {cert: '%s', key: '%s'}\n", cert.pair.Cert, cert.pair.Key))
		v := r.visitor()
		_, port, _ := strings.Cut(r.server.AdminAddr().String(), ":")
		v.base = "https://localhost:" + port
		transport := &http.Transport{TLSClientConfig: &tls.Config{RootCAs: cert.pool}, ForceAttemptHTTP2: version == 2}
		t.Cleanup(transport.CloseIdleConnections)
		v.http.Transport = transport
		if status := v.signIn(readSecret); status != http.StatusSeeOther || v.cookie.Name != "__Host-tenantedge-console" || !v.cookie.Secure {
			t.Fatalf("signing in: %d, %v", status, v.cookie)
		}
		stream := v.send(http.MethodGet, "/console/events/overview", nil)
		if stream.ProtoMajor != version || stream.StatusCode != http.StatusOK {
			t.Fatalf("HTTP/%d, %d", stream.ProtoMajor, stream.StatusCode)
		}
		lines, began := bufio.NewScanner(stream.Body), time.Now()
		lines.Buffer(nil, 1<<20)
		for time.Since(began) < 5*time.Second {
			disturb(t, r.server)
			if !lines.Scan() {
				t.Fatalf("HTTP/%d: the stream ends after %v: %v", version, time.Since(began), lines.Err())
			}
		}
		r.end()
		select {
		case err := <-r.ended:
			if err != nil {
				t.Error(err)
			}
		case <-time.After(patience):
			t.Fatal("the shutdown waits for a stream")
		}
	}
}

// disturb sends a request to the server, so that its figures change.
func disturb(t *testing.T, s *Server) {
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://"+s.Addrs()[0].String()+"/", nil)
	if err != nil {
		t.Fatal(err)
	}
	r.Host = "www.example.com"
	resp, err := noRedirects.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	_ = resp.Body.Close()
}

// A node of a fleet shows the fleet, and does not let one change its own guest.
func TestTheConsoleShowsTheFleet(t *testing.T) {
	setConsoleSecrets(t)
	t.Setenv("CONSOLE_FLEET", pgtest.Start(t).NewDB(t))
	store, err := fleet.Open(fleet.Config{DSN: os.Getenv("CONSOLE_FLEET"), Fleet: "production"})
	if err != nil {
		t.Fatal(err)
	}
	defer store.Close()
	if _, err := store.Install(t.Context(), false); err != nil {
		t.Fatal(err)
	}
	if err := store.Append(t.Context(), fleet.Rollout{ID: 1, Action: fleet.ActionRollout, Who: "ada", Why: "ticket 42"}); err != nil {
		t.Fatal(err)
	}
	r := serveText(t, adminConsole+"fleet: {name: production, node: edge-a, dsn_env: CONSOLE_FLEET, heartbeat: 100ms}\n")
	v := r.visitor()
	if status := v.signIn(operateSecret); status != http.StatusSeeOther {
		t.Fatalf("signing in: %d", status)
	}
	page := ""
	for end := time.Now().Add(patience); !strings.Contains(page, "up to date"); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("the page is %s", page)
		}
		body, err := io.ReadAll(v.send(http.MethodGet, "/console/fleet", nil).Body)
		if err != nil {
			t.Fatal(err)
		}
		page = string(body)
	}
	for _, want := range []string{"production", "edge-a", "this edge", "ticket 42"} {
		if !strings.Contains(page, want) {
			t.Errorf("without %s: %s", want, page)
		}
	}
	programs, err := io.ReadAll(v.send(http.MethodGet, "/console/programs", nil).Body)
	if err != nil || strings.Contains(string(programs), "/console/programs/swap") || !strings.Contains(string(programs), "belongs to a") {
		t.Errorf("the page of programs is %s, %v", programs, err)
	}
	if _, err := (consoleEdge{r.server, r.server.now()}).Rollback(t.Context(), console.By{Who: "deploy"}); err == nil || !strings.Contains(err.Error(), "fleet production") {
		t.Errorf("a rollback: %v", err)
	}
}
