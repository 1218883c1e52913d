package console

import (
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/tenantedge/tenantedge/edge/internal/instance"
)

var actions = []string{"rollback", "promote", "abort"}

func TestO12OnlyThoseWhoHaveSignedInSeeAnything(t *testing.T) {
	w := start(t)
	c := w.client()
	for _, path := range []string{"/", "/console/programs", "/console/tenants", "/console/tenants/acme", "/console/try", "/console/log"} {
		if status, body := c.get(path); status != http.StatusSeeOther || strings.Contains(body, "acme") && !strings.Contains(path, "acme") {
			t.Errorf("%s: %d %s", path, status, body)
		}
	}
	for _, path := range []string{"/console/events/overview", "/console/events/log"} {
		if status, _ := c.get(path); status != http.StatusUnauthorized {
			t.Errorf("%s: %d", path, status)
		}
	}
	for _, action := range actions {
		if status, _ := c.post("/console/programs/"+action, nil); status != http.StatusUnauthorized {
			t.Errorf("%s: %d", action, status)
		}
	}
	if did := w.done(); did != "" {
		t.Errorf("the edge did %s", did)
	}
}

func TestO12AFormFromAnotherSiteDoesNothing(t *testing.T) {
	w := start(t)
	c := w.signedIn("operate")
	for name, change := range map[string]func(*http.Request){
		"another origin":                             func(r *http.Request) { r.Header.Set("Origin", "https://evil.example.com") },
		"another port":                               func(r *http.Request) { r.Header.Set("Origin", "http://127.0.0.1:1") },
		"no origin":                                  func(r *http.Request) { r.Header.Del("Origin") },
		"an opaque origin":                           func(r *http.Request) { r.Header.Set("Origin", "null") },
		"two origins":                                func(r *http.Request) { r.Header.Add("Origin", "http://evil.example.com") },
		"an old browser, another scheme":             func(r *http.Request) { r.Header.Del("Sec-Fetch-Site"); r.Header.Set("Origin", "https://"+r.Host) },
		"another site, as the browser says":          func(r *http.Request) { r.Header.Set("Sec-Fetch-Site", "cross-site") },
		"the same site on another port, as it says":  func(r *http.Request) { r.Header.Set("Sec-Fetch-Site", "same-site") },
		"no token of a form":                         func(r *http.Request) { r.Body = io.NopCloser(strings.NewReader("")); r.ContentLength = 0 },
		"a form of another type without its token":   func(r *http.Request) { r.Header.Set("Content-Type", "multipart/form-data; boundary=x") },
		"text that looks like a form with its token": func(r *http.Request) { r.Header.Set("Content-Type", "text/plain") },
	} {
		for _, action := range actions {
			r := c.form("/console/programs/"+action, url.Values{"csrf": {c.csrf}})
			if change(r); name == "no token of a form" {
				r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
			}
			if status, _ := c.send(r); status != http.StatusForbidden {
				t.Errorf("%s, %s: %d", name, action, status)
			}
		}
		for _, action := range []string{"swap", "candidate"} {
			r := c.upload("/console/programs/"+action, "guest", "wasm", "csrf", c.csrf) // the token is not the first field
			if strings.Contains(name, "origin") || strings.Contains(name, "site") {
				r = c.upload("/console/programs/"+action, "csrf", c.csrf, "guest", "wasm")
				change(r)
			}
			if status, _ := c.send(r); status != http.StatusForbidden {
				t.Errorf("%s, %s: %d", name, action, status)
			}
		}
	}
	if did := w.done(); did != "" {
		t.Errorf("the edge did %s", did)
	}
	if status, _ := c.post("/console/programs/rollback", url.Values{"csrf": {w.signedIn("operate").csrf}}); status != http.StatusForbidden {
		t.Errorf("the token of another session: %d", status)
	}
}

func TestO12TheRoleReadChangesNothing(t *testing.T) {
	w := start(t)
	c := w.signedIn("read")
	for _, action := range actions {
		if status, _ := c.post("/console/programs/"+action, url.Values{"csrf": {c.csrf}}); status != http.StatusForbidden {
			t.Errorf("%s: %d", action, status)
		}
	}
	for _, action := range []string{"swap", "candidate"} {
		if status, _ := c.send(c.upload("/console/programs/"+action, "csrf", c.csrf, "guest", "wasm")); status != http.StatusForbidden {
			t.Errorf("%s: %d", action, status)
		}
	}
	if did := w.done(); did != "" || w.forbidden != 5 {
		t.Errorf("the edge did %q, %d requests are recorded", did, w.forbidden)
	}
	if status, body := c.post("/console/try", url.Values{"csrf": {c.csrf}, "method": {"GET"}, "url": {"http://a.example.com/"}}); status != http.StatusOK || strings.Contains(body, "\x1b") {
		t.Errorf("trying a request: %d %s", status, body)
	}
}

func TestActionsReachTheEdge(t *testing.T) {
	w := start(t)
	c := w.signedIn("operate")
	for _, r := range []*http.Request{
		c.upload("/console/programs/swap", "csrf", c.csrf, "guest", "wasm", "signature", "sig", "reason", "it is better"),
		c.upload("/console/programs/candidate", "csrf", c.csrf, "guest", "wasm", "way", "canary", "share", "5", "tenants", "a, b", "differences", "50%", "fuel", "3"),
		c.form("/console/programs/promote", url.Values{"csrf": {c.csrf}}), c.form("/console/programs/abort", url.Values{"csrf": {c.csrf}}), c.form("/console/programs/rollback", url.Values{"csrf": {c.csrf}}),
	} {
		if status, body := c.send(r); status != http.StatusSeeOther {
			t.Errorf("%s: %d %s", r.URL.Path, status, body)
		}
	}
	if did, want := w.done(), "swap wasm sig by operate for it is better, candidate by operate, promote by operate, abort by operate, rollback by operate"; did != want {
		t.Errorf("the edge did %s, want %s", did, want)
	}
	if _, body := c.get("/console/programs"); !strings.Contains(body, "Refused.") {
		t.Error("the refused rollback is not shown")
	}
	if _, body := c.get("/console/programs"); strings.Contains(body, "Refused.") {
		t.Error("the notice is shown twice")
	}
	for _, fields := range [][]string{{"way", "neither"}, {"way", "shadow", "share", "many"}, {"way", "shadow", "share", "NaN"}, {"way", "shadow", "share", "-1"}} {
		if status, _ := c.send(c.upload("/console/programs/candidate", append([]string{"csrf", c.csrf, "guest", "wasm"}, fields...)...)); status != http.StatusSeeOther {
			t.Errorf("%q: %d", fields, status)
		}
		if _, body := c.get("/console/programs"); !strings.Contains(body, "Refused.") {
			t.Errorf("%q is not refused", fields)
		}
	}
}

// endless is a file of any size.
type endless struct{ left int64 }

func (e *endless) Read(p []byte) (int, error) {
	if e.left <= 0 {
		return 0, io.EOF
	}
	n := min(int64(len(p)), e.left)
	e.left -= n
	return int(n), nil
}

func TestO12AHugeUploadIsRefusedEarly(t *testing.T) {
	w := start(t)
	c := w.signedIn("operate")
	head := "--x\r\nContent-Disposition: form-data; name=\"csrf\"\r\n\r\n" + c.csrf + "\r\n--x\r\nContent-Disposition: form-data; name=\"guest\"; filename=\"g\"\r\n\r\n"
	file := &endless{1 << 30}
	r := c.request(http.MethodPost, "/console/programs/swap", io.MultiReader(strings.NewReader(head), file))
	r.Header.Set("Content-Type", "multipart/form-data; boundary=x")
	r.Header.Add("Cookie", "tenantedge-console="+c.jar["tenantedge-console"])
	resp, err := c.http.Do(r)
	if err == nil {
		defer resp.Body.Close()
		if resp.StatusCode != http.StatusBadRequest {
			t.Errorf("%d", resp.StatusCode)
		}
	} // the server may close the connection before it is read
	if read := 1<<30 - file.left; read > 2*instance.MaxModule {
		t.Errorf("%d bytes were read", read)
	}
	if did := w.done(); did != "" {
		t.Errorf("the edge did %s", did)
	}
	// A second upload does not wait for the first, since each is kept in memory.
	w.console.upload.Lock()
	defer w.console.upload.Unlock()
	if status, _ := c.send(c.upload("/console/programs/swap", "csrf", c.csrf, "guest", "wasm")); status != http.StatusServiceUnavailable {
		t.Errorf("during an upload: %d", status)
	}
}

func TestO12ASessionIsBoundToItsToken(t *testing.T) {
	w := start(t)
	c := w.signedIn("operate")
	fixed := w.client()
	fixed.jar["tenantedge-console"] = "chosen-by-an-attacker"
	if status, _ := fixed.post("/console/signin", url.Values{"token": {"operate"}}); status != http.StatusSeeOther || fixed.jar["tenantedge-console"] == "chosen-by-an-attacker" {
		t.Errorf("a cookie from before signing in is kept: %d %v", status, fixed.jar)
	}
	old := fixed.jar["tenantedge-console"]
	if status, _ := fixed.post("/console/signin", url.Values{"token": {"read"}}); status != http.StatusSeeOther {
		t.Errorf("signing in again: %d", status)
	}
	fixed.jar["tenantedge-console"] = old
	if status, _ := fixed.get("/"); status != http.StatusSeeOther {
		t.Errorf("the session before signing in again lives: %d", status)
	}
	r := c.request(http.MethodGet, "/", nil)
	r.AddCookie(&http.Cookie{Name: "tenantedge-console", Value: "another"})
	if status, _ := c.send(r); status != http.StatusSeeOther {
		t.Errorf("two cookies: %d", status)
	}
	stolen := c.jar["tenantedge-console"]
	if status, _ := c.post("/console/signout", url.Values{"csrf": {c.csrf}}); status != http.StatusSeeOther || len(c.jar) > 0 {
		t.Errorf("signing out: %d %v", status, c.jar)
	}
	c.jar["tenantedge-console"] = stolen
	if status, _ := c.get("/"); status != http.StatusSeeOther {
		t.Errorf("a session that has ended: %d", status)
	}
	// The role is that of the token now; without the token, the session ends.
	d := w.signedIn("operate")
	w.mu.Lock()
	for i := range w.tokens {
		w.tokens[i].Role = "read"
	}
	w.mu.Unlock()
	if status, _ := d.post("/console/programs/promote", url.Values{"csrf": {d.csrf}}); status != http.StatusForbidden {
		t.Errorf("after the token became a reader's: %d", status)
	}
	w.mu.Lock()
	w.tokens = nil
	w.mu.Unlock()
	if status, _ := d.get("/"); status != http.StatusSeeOther {
		t.Errorf("after the token was removed: %d", status)
	}
}

func TestSessionsExpireAndAreBounded(t *testing.T) {
	now := time.Unix(1e9, 0)
	s := newSessions(func() time.Time { return now })
	value := s.start([32]byte{1})
	now = now.Add(sessionIdle)
	if s.find(value, true) == nil {
		t.Error("a session ends before its time")
	}
	for range 12 {
		now = now.Add(sessionIdle)
		s.find(value, true)
	}
	if s.find(value, true) != nil {
		t.Error("a session lives for more than half a day")
	}
	value = s.start([32]byte{1})
	now = now.Add(sessionIdle / 2)
	s.find(value, false) // a stream does not prolong it
	now = now.Add(sessionIdle/2 + 1)
	if s.find(value, true) != nil {
		t.Error("a session lives without pages")
	}
	first := s.start([32]byte{1})
	for range maxSessions {
		now = now.Add(1)
		s.start([32]byte{2})
	}
	if s.find(first, true) != nil || len(s.all) != maxSessions {
		t.Errorf("%d sessions", len(s.all))
	}
}

func TestO12EveryAnswerIsProtected(t *testing.T) {
	w := start(t)
	c := w.signedIn("operate")
	for _, path := range []string{"/", "/console/programs", "/console/log", "/console/signin", "/console/unknown", "/console/static/console.js", "/console/static/../guard.go"} {
		r := c.request(http.MethodGet, path, nil)
		r.AddCookie(&http.Cookie{Name: "tenantedge-console", Value: c.jar["tenantedge-console"]})
		resp, err := c.http.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		_ = resp.Body.Close()
		h := resp.Header
		policy := h.Get("Content-Security-Policy")
		if !strings.Contains(policy, "default-src 'none'") || !strings.Contains(policy, "frame-ancestors 'none'") || strings.Contains(policy, "unsafe") ||
			h.Get("X-Content-Type-Options") != "nosniff" || h.Get("X-Frame-Options") != "DENY" || h.Get("Cache-Control") == "" {
			t.Errorf("%s: %v", path, h)
		}
	}
	for _, next := range []string{"https://evil.example.com/", "//evil.example.com", "/\\evil.example.com", "javascript:alert(1)", "/console/events/log", "/guest", "/console/\r\nx"} {
		if to := localPath(next); to != "/" {
			t.Errorf("%q leads to %q", next, to)
		}
	}
	if to := localPath("/console/tenants?q=a b&after=x"); to != "/console/tenants?q=a b&after=x" {
		t.Errorf("leads to %q", to)
	}
}

func TestO12StreamsAreBoundedAndEndWithTheSession(t *testing.T) {
	w := start(t)
	c := w.signedIn("read")
	var streams []<-chan string
	for range maxStreams {
		events, status := c.stream("/console/events/overview")
		if status != http.StatusOK {
			t.Fatalf("stream %d: %d", len(streams), status)
		}
		streams = append(streams, events)
		if e := next(t, events); e != "part" {
			t.Fatalf("the first event is %q", e)
		}
	}
	for range 10 {
		if _, status := c.stream("/console/events/log"); status != http.StatusServiceUnavailable {
			t.Fatalf("a stream too many: %d", status)
		}
	}
	r := c.request(http.MethodGet, "/console/events/overview", nil)
	r.Header.Set("Sec-Fetch-Site", "cross-site")
	if status, _ := c.send(r); status != http.StatusForbidden {
		t.Errorf("a stream for another site: %d", status)
	}
	if status, _ := c.post("/console/signout", url.Values{"csrf": {c.csrf}}); status != http.StatusSeeOther {
		t.Errorf("signing out: %d", status)
	}
	for i, events := range streams {
		last := ""
		for e := next(t, events); e != ""; e = next(t, events) {
			last = e
		}
		if last != "ended" {
			t.Fatalf("the last event of stream %d is %q", i, last)
		}
	}
	until(t, func() bool { return len(w.console.streams) == 0 })
}

func TestStreamsEndWithTheConsole(t *testing.T) {
	w := start(t)
	w.mu.Lock()
	w.open = true
	w.mu.Unlock()
	events, status := w.client().stream("/console/events/programs")
	if status != http.StatusOK || next(t, events) != "part" {
		t.Fatalf("%d", status)
	}
	w.console.Close()
	for next(t, events) != "" {
	}
}

func TestAStreamOfTheLogHasEachRecordOnce(t *testing.T) {
	w := start(t)
	log := w.ring.Logger(quiet())
	log.Info("before")
	c := w.signedIn("read")
	events, _ := c.stream(fmt.Sprintf("/console/events/log?after=%d", w.ring.last))
	for range 3 {
		log.Warn("during")
		if e := next(t, events); e != "log" {
			t.Fatalf("got %q", e)
		}
	}
	again, _ := c.stream("/console/events/log?after=999999") // of another process
	if e := next(t, again); e != "log" {
		t.Fatalf("got %q", e)
	}
}

func until(t *testing.T, condition func() bool) {
	t.Helper()
	for end := time.Now().Add(patience); !condition(); time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal("it did not happen")
		}
	}
}
