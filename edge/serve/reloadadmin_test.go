package serve

import (
	"bufio"
	"context"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/tenantedge/tenantedge/edge/internal/console"
)

const operated = `
tenants: {www: {DOMAINS: [www.example.com], URLCONF: site}}
urlconfs: {site: {reply: {body: first}}}
admin: '127.0.0.1:0'
admin_tokens: [{name: deploy, role: operate, secret_env: RELOAD_TOKEN}]
listeners: ['127.0.0.1:0']
`

// onFirstRead is a body that tells when the server asks for it: then the request is
// authorized.
type onFirstRead struct {
	io.Reader
	asked   chan<- struct{}
	proceed <-chan struct{}
}

func (b *onFirstRead) Read(p []byte) (int, error) {
	if b.asked != nil {
		close(b.asked)
		b.asked = nil
		<-b.proceed
	}
	return b.Reader.Read(p)
}

// A token that is removed while its request sends a guest does not change the guest.
func TestO9ATokenThatAReloadRemovesChangesNothingAnyMore(t *testing.T) {
	t.Setenv("RELOAD_TOKEN", "a token of sixteen bytes or more")
	t.Setenv("RELOAD_OTHER", "another token of sixteen bytes")
	r := serveText(t, operated, tryHere)
	before := r.server.Host().GuestDigest()
	for _, c := range []struct{ name, path, after string }{
		{"another token", "/guest", strings.Replace(operated, "RELOAD_TOKEN", "RELOAD_OTHER", 1)},
		{"the role read", "/guest/candidate?canary=1", strings.Replace(operated, "operate", "read", 1)},
		{"no token", "/guests", strings.Replace(operated, "admin_tokens: [{name: deploy, role: operate, secret_env: RELOAD_TOKEN}]\n", "", 1)},
	} {
		t.Run(c.name, func(t *testing.T) {
			r.reload(operated)
			asked, proceed := make(chan struct{}), make(chan struct{})
			guest := numbered(1)
			q, err := http.NewRequest("PUT", "http://"+r.server.AdminAddr().String()+c.path, &onFirstRead{strings.NewReader(string(guest)), asked, proceed})
			if err != nil {
				t.Fatal(err)
			}
			if c.path == "/guests" {
				q.Method = "POST"
			}
			q.ContentLength = int64(len(guest))
			q.Header.Set("Authorization", "Bearer a token of sixteen bytes or more")
			q.Header.Set("Expect", "100-continue")
			client := &http.Client{Transport: &http.Transport{ExpectContinueTimeout: patience}}
			t.Cleanup(client.CloseIdleConnections)
			status := make(chan int, 1)
			go func() {
				resp, err := client.Do(q)
				if err != nil {
					t.Error(err)
					status <- 0
					return
				}
				_ = resp.Body.Close()
				status <- resp.StatusCode
			}()
			<-asked
			r.reload(c.after)
			close(proceed)
			if got := <-status; got != http.StatusUnauthorized {
				t.Errorf("the answer has the status %d, expected 401", got)
			}
			if s := r.server.Host().Stats(); s.Guest.Digest != before || s.Candidate != nil || len(r.server.shelf.list()) > 0 {
				t.Errorf("the guest is %s, the candidate %+v, and %d are kept", s.Guest.Digest, s.Candidate, len(r.server.shelf.list()))
			}
		})
	}
}

// The address of a connection decides whether its requests need a token, not only that
// of the current configuration.
func TestO9AConnectionToAnEarlierAdminAddressNeedsAToken(t *testing.T) {
	t.Setenv("RELOAD_TOKEN", "a token of sixteen bytes or more")
	r := serveText(t, operated)
	status := func(local, path string) int {
		q := httptest.NewRequest("GET", path, nil)
		q.Host = "localhost"
		q = q.WithContext(context.WithValue(q.Context(), http.LocalAddrContextKey, net.Addr(&net.TCPAddr{IP: net.ParseIP(local), Port: 8081})))
		a := httptest.NewRecorder()
		r.server.now().admin.ServeHTTP(a, q)
		return a.Code
	}
	if got := status("127.0.0.1", "/metrics"); got != http.StatusOK {
		t.Errorf("on this machine the status is %d", got)
	}
	if got := status("192.0.2.1", "/metrics"); got != http.StatusUnauthorized {
		t.Errorf("at an earlier address the status is %d, expected 401", got)
	}
	r.reload(twoSites) // which has no tokens
	for _, path := range []string{"/", "/metrics", "/tenants/www", "/console/"} {
		if got := status("192.0.2.1", path); got != http.StatusUnauthorized {
			t.Errorf("%s: at an earlier address the status is %d, expected 401", path, got)
		}
	}
}

// Connections to an admin listener end when its address becomes one for clients.
func TestAnAddressThatBecomesOneForClientsHasNoAdminConnections(t *testing.T) {
	r := serveText(t, twoSites)
	address := r.server.AdminAddr().String()
	c, err := net.Dial("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if err := c.SetDeadline(time.Now().Add(patience)); err != nil {
		t.Fatal(err)
	}
	writeAll(t, c, []byte("GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n"))
	in := bufio.NewReader(c)
	resp, err := http.ReadResponse(in, nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := io.Copy(io.Discard, resp.Body); err != nil {
		t.Fatal(err)
	}
	r.reload(strings.NewReplacer("admin: '127.0.0.1:0'", "admin: off", "listeners: ['127.0.0.1:0']", "listeners: ['127.0.0.1:0', '127.0.0.1:0']").Replace(twoSites))
	if got := r.server.Addrs()[1].String(); got != address {
		t.Fatalf("the second listener is %s, expected %s", got, address)
	}
	if rest, err := io.ReadAll(in); len(rest) > 0 || err != nil {
		t.Errorf("the connection has %q, %v, expected its end", rest, err)
	}
	resp, err = http.Get("http://" + address + "/healthz")
	if err != nil {
		t.Fatal(err)
	}
	if _ = resp.Body.Close(); resp.StatusCode != http.StatusNotFound {
		t.Errorf("the status is %d, expected 404: there is no such tenant", resp.StatusCode)
	}
}

// So it is for the console, whose session has the token.
func TestO12ATokenThatAReloadRemovesChangesNothingInTheConsole(t *testing.T) {
	t.Setenv("RELOAD_TOKEN", "a token of sixteen bytes or more")
	t.Setenv("RELOAD_OTHER", "another token of sixteen bytes")
	r := serveText(t, operated, tryHere)
	by := console.By{Action: "PUT", Who: "deploy", Token: newAdminToken("", "", "a token of sixteen bytes or more").digest}
	if _, err := (consoleEdge{s: r.server}).Swap(t.Context(), by, console.Module{Wasm: numbered(1)}); err != nil {
		t.Fatal(err)
	}
	for _, text := range []string{strings.Replace(operated, "RELOAD_TOKEN", "RELOAD_OTHER", 1), strings.Replace(operated, "operate", "read", 1)} {
		r.reload(text)
		if _, err := (consoleEdge{s: r.server}).Swap(t.Context(), by, console.Module{Wasm: numbered(2)}); err == nil || !strings.Contains(err.Error(), "sign in again") {
			t.Errorf("got %v", err)
		}
		r.runs(numbered(1))
	}
	r.reload(operated)
	if _, err := (consoleEdge{s: r.server}).Swap(t.Context(), by, console.Module{Wasm: numbered(2)}); err != nil {
		t.Error(err)
	}
}
