package console

import (
	"bufio"
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"io"
	"mime/multipart"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/tenantedge/tenantedge/edge"
	"github.com/tenantedge/tenantedge/edge/channel"
	"github.com/tenantedge/tenantedge/edge/config"
	"github.com/tenantedge/tenantedge/edge/internal/explain"
	"github.com/tenantedge/tenantedge/edge/internal/fleet"
	"github.com/tenantedge/tenantedge/edge/stats"
	"github.com/tenantedge/tenantedge/guest/abi"
	"github.com/tenantedge/tenantedge/tenantdb"
)

// world is a console of an edge that records what it is asked to do.
type world struct {
	*testing.T
	console *Console
	server  *httptest.Server
	ring    *Ring
	rows    *tenantdb.Directory

	mu        sync.Mutex
	did       []string
	tokens    []Token
	open      bool // no token is needed
	forbidden int
}

func start(t *testing.T) *world {
	t.Helper()
	w := &world{T: t, ring: NewRing(), rows: tenantdb.NewDirectory(tenantdb.Options{})}
	for name, role := range map[string]string{"operate": config.RoleOperate, "read": config.RoleRead} {
		w.tokens = append(w.tokens, Token{name, role, sha256.Sum256([]byte(name))})
	}
	w.rows.Replace(tenantdb.State{Tenants: []tenantdb.Tenant{{ID: "1", Schema: "acme"}}, Domains: []tenantdb.Domain{{TenantID: "1", Domain: "acme.example.com"}}})
	var err error
	if w.console, err = New(Options{Edge: func() Edge { return w }, Gate: w, Log: w.ring}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(w.console.Close)
	w.server = httptest.NewServer(w.console)
	t.Cleanup(w.server.Close)
	return w
}

func (w *world) do(what string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.did = append(w.did, what)
}

func (w *world) done() string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return strings.Join(w.did, ", ")
}

// The Edge.

func (w *world) State() State {
	return State{Ready: true, Host: stats.Host{Guest: stats.Guest{Digest: "00", Name: "guest"}, Requests: map[stats.Result]uint64{}}}
}
func (w *world) Directory() *tenantdb.Directory { return w.rows }
func (w *world) Static() []abi.StaticTenant {
	return []abi.StaticTenant{{Schema: "www", Domains: []string{"www.example.com"}}}
}
func (w *world) Tenant(schema string) (Tenant, bool) {
	row, ok := w.rows.BySchema(schema)
	groups := []channel.GroupSize{{Name: "<u>chat", Members: 1234}}
	return Tenant{Schema: row.Schema, ID: row.ID, HasFiles: true, Largest: groups}, ok
}
func (w *world) Usage(ctx context.Context, _ string) (Usage, error) {
	<-ctx.Done() // a folder with too many files
	return Usage{}, ctx.Err()
}
func (w *world) Warnings() config.Warnings { return config.Warnings{} }
func (w *world) Fleet(context.Context) (*Fleet, error) {
	return &Fleet{
		Name: "production", Node: "a", Lost: "<b>lost</b>",
		Nodes:   []fleet.Node{{Name: "a", Rollout: 7, Report: fleet.Report{Guest: stats.Guest{Name: "<i>guest"}}}, {Name: "b", Rollout: 6}, {Name: "c", Stopped: true}, {Name: "d", Error: "no <u>key"}},
		History: []fleet.Rollout{{ID: 7, Action: fleet.ActionRollout, Who: "<s>ada", Why: "better", At: time.Now()}},
	}, errors.New("the database is <down>")
}
func (w *world) Explain(_ context.Context, r *explain.Request) ([]explain.Line, error) {
	return []explain.Line{{Name: "tenant", Text: *r.Host + " \x1b[2J"}}, nil
}
func (w *world) Swap(_ context.Context, by By, m Module) (edge.Report, error) {
	w.do("swap " + string(m.Wasm) + " " + string(m.Signature) + " by " + by.Who + " for " + by.Reason)
	return edge.Report{}, nil
}
func (w *world) Rollback(_ context.Context, by By) (edge.Report, error) {
	w.do("rollback by " + by.Who)
	return edge.Report{}, edge.ErrNoPrevious
}
func (w *world) StartCandidate(_ context.Context, by By, _ Module, c edge.Candidate) error {
	w.do("candidate by " + by.Who)
	w.mu.Lock()
	defer w.mu.Unlock()
	if c.Canary != 0.05 || strings.Join(c.Tenants, " ") != "a b" || c.Limits.Differences != 0.5 || c.Limits.Fuel != 3 {
		w.Errorf("the candidate is %+v", c)
	}
	return nil
}
func (w *world) Promote(_ context.Context, by By) (edge.Report, error) {
	w.do("promote by " + by.Who)
	return edge.Report{}, nil
}
func (w *world) Abort(by By) error {
	w.do("abort by " + by.Who)
	return nil
}

// The Gate.

func (w *world) Required() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return !w.open
}
func (w *world) SignIn(_ *http.Request, secret string) (Token, int, error) {
	if t, ok := w.Token(sha256.Sum256([]byte(secret))); ok {
		return t, http.StatusOK, nil
	}
	return Token{}, http.StatusUnauthorized, errors.New("no such token")
}
func (w *world) Token(digest [sha256.Size]byte) (Token, bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, t := range w.tokens {
		if t.Digest == digest {
			return t, true
		}
	}
	return Token{}, false
}
func (w *world) Forbidden(*http.Request, Token) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.forbidden++
}

// client is a browser.
type client struct {
	*world
	http *http.Client
	jar  map[string]string
	csrf string
}

func (w *world) client() *client {
	return &client{w, &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}, map[string]string{}, ""}
}

// signedIn returns a client that has signed in with the token of a role.
func (w *world) signedIn(role string) *client {
	w.Helper()
	c := w.client()
	if status, _ := c.post("/console/signin", url.Values{"token": {role}}); status != http.StatusSeeOther {
		w.Fatalf("signing in: %d", status)
	}
	_, page := c.get("/")
	found := regexp.MustCompile(`name="csrf" value="(\w+)"`).FindStringSubmatch(page)
	if found == nil {
		w.Fatalf("no form in %s", page)
	}
	c.csrf = found[1]
	return c
}

func (c *client) send(r *http.Request) (int, string) {
	c.Helper()
	for name, value := range c.jar {
		r.AddCookie(&http.Cookie{Name: name, Value: value})
	}
	resp, err := c.http.Do(r)
	if err != nil {
		c.Fatal(err)
	}
	defer resp.Body.Close()
	for _, set := range resp.Cookies() {
		c.jar[set.Name] = set.Value
		if set.MaxAge < 0 {
			delete(c.jar, set.Name)
		}
		if !set.HttpOnly || set.SameSite != http.SameSiteStrictMode || set.Path != "/" {
			c.Errorf("the cookie is %v", set)
		}
	}
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		c.Fatal(err)
	}
	return resp.StatusCode, string(body)
}

func (c *client) request(method, path string, body io.Reader) *http.Request {
	r, err := http.NewRequestWithContext(c.Context(), method, c.server.URL+path, body)
	if err != nil {
		c.Fatal(err)
	}
	r.Header.Set("Origin", c.server.URL)
	r.Header.Set("Sec-Fetch-Site", "same-origin")
	return r
}

func (c *client) get(path string) (int, string) { return c.send(c.request(http.MethodGet, path, nil)) }

func (c *client) form(path string, values url.Values) *http.Request {
	r := c.request(http.MethodPost, path, strings.NewReader(values.Encode()))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	return r
}

func (c *client) post(path string, values url.Values) (int, string) {
	return c.send(c.form(path, values))
}

// upload returns a form with a file whose fields are in order.
func (c *client) upload(path string, fields ...string) *http.Request {
	var b bytes.Buffer
	form := multipart.NewWriter(&b)
	for i := 0; i+1 < len(fields); i += 2 {
		_ = form.WriteField(fields[i], fields[i+1]) // to memory
	}
	_ = form.Close()
	r := c.request(http.MethodPost, path, &b)
	r.Header.Set("Content-Type", form.FormDataContentType())
	return r
}

// stream opens a stream, and returns its events until it ends.
func (c *client) stream(path string) (events <-chan string, status int) {
	r := c.request(http.MethodGet, path, nil)
	for name, value := range c.jar {
		r.AddCookie(&http.Cookie{Name: name, Value: value})
	}
	resp, err := c.http.Do(r)
	if err != nil {
		c.Fatal(err)
	}
	all := make(chan string)
	go func() {
		defer close(all)
		defer resp.Body.Close()
		for lines := bufio.NewScanner(resp.Body); lines.Scan(); {
			if name, ok := strings.CutPrefix(lines.Text(), "event: "); ok {
				select {
				case all <- name:
				case <-c.Context().Done():
					return
				}
			}
		}
	}()
	return all, resp.StatusCode
}

const patience = 30 * time.Second

// next returns the next event; empty: the stream has ended.
func next(t *testing.T, events <-chan string) string {
	t.Helper()
	select {
	case e := <-events:
		return e
	case <-time.After(patience):
		t.Fatal("no event")
		return ""
	}
}
