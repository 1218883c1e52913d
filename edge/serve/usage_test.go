package serve

import (
	"bufio"
	"bytes"
	"context"
	"crypto/tls"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/tenantedge/tenantedge/edge/config"
	"github.com/tenantedge/tenantedge/edge/internal/accounting"
	"github.com/tenantedge/tenantedge/edge/internal/sockets"
	"github.com/tenantedge/tenantedge/edge/internal/wasm/wasmtest"
	"github.com/tenantedge/tenantedge/edge/websocket"
	"github.com/tenantedge/tenantedge/guest/abi"
)

func withUsage(s *setup) {
	s.options.Usage = config.Usage{Enabled: true, Window: time.Hour, MetricsTenants: 2}
}

// used returns what the report of the admin listener says of a tenant.
func (w *world) used(schema string) accounting.Usage {
	w.Helper()
	r := w.usage("tenant=" + schema)
	return r.Total
}

func (w *world) usage(query string) (r accounting.Report) {
	w.Helper()
	if err := json.Unmarshal([]byte(w.admin("/usage?"+query, http.StatusOK)), &r); err != nil {
		w.Fatal(err)
	}
	return r
}

func (w *world) admin(path string, status int) string {
	w.Helper()
	resp, err := http.Get("http://" + w.server.AdminAddr().String() + path)
	if err != nil {
		w.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil || resp.StatusCode != status {
		w.Fatalf("%s: %s %s, %v; want %d", path, resp.Status, body, err, status)
	}
	return string(body)
}

// counted checks the requests and bytes of a tenant, once all its requests have ended,
// and that its calls of the guest took time and fuel; agrees checks how much.
func (w *world) counted(schema string, want accounting.Usage) {
	w.Helper()
	var got accounting.Usage
	w.eventually("the requests of "+schema, func() bool {
		got = w.used(schema)
		return got.Requests() == want.Requests()
	})
	u := got
	u.GuestTime, u.UpstreamTime, u.WebsocketTime = 0, 0, 0
	u.GuestCalls, u.HostCalls, u.Fuel = 0, 0, 0
	if u != want {
		w.Errorf("%q used\n%+v, want\n%+v", schema, u, want)
	}
	if got.GuestCalls > 0 && (got.GuestTime == 0 || got.Fuel == 0) {
		w.Errorf("%q: %d calls took %d ns and %d units of fuel", schema, got.GuestCalls, got.GuestTime, got.Fuel)
	}
}

// agrees checks that the sum of all tenants is what the guest has used.
func (w *world) agrees() {
	w.Helper()
	w.eventually("the report has all of the guest's calls", func() bool {
		guest, all := w.server.Host().Stats().Current, w.usage("").Total
		return guest.Calls == all.GuestCalls && guest.Fuel == all.Fuel
	})
}

func TestRequestsAreCountedToTheByte(t *testing.T) {
	for _, protocol := range []string{"HTTP/1.1", "HTTP/2.0"} {
		t.Run(protocol, func(t *testing.T) {
			w := start(t, withUsage, func(s *setup) {
				if protocol == "HTTP/2.0" {
					withTLS(t)(s)
				}
				s.app = http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
					n, _ := io.Copy(io.Discard, r.Body)
					_, _ = io.WriteString(rw, strings.Repeat("x", int(n)+10))
				})
			})
			if err := os.WriteFile(filepath.Join(w.folder, "a.txt"), bytes.Repeat([]byte("f"), 300_000), 0o600); err != nil {
				t.Fatal(err)
			}
			client := noRedirects
			scheme := "http"
			if protocol == "HTTP/2.0" {
				scheme = "https"
				transport := &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true}, ForceAttemptHTTP2: true}
				t.Cleanup(transport.CloseIdleConnections)
				client = &http.Client{Transport: transport, CheckRedirect: noRedirects.CheckRedirect, Timeout: patience}
			}
			do := func(method, host, path string, body io.Reader, headers ...string) http.Header {
				r, err := http.NewRequest(method, scheme+"://"+w.addr()+path, body)
				if err != nil {
					t.Fatal(err)
				}
				r.Host = host
				for i := 0; i+1 < len(headers); i += 2 {
					r.Header.Set(headers[i], headers[i+1])
				}
				resp, err := client.Do(r)
				if err != nil {
					t.Fatal(err)
				}
				defer resp.Body.Close()
				if _, err := io.Copy(io.Discard, resp.Body); err != nil || resp.Proto != protocol {
					t.Fatalf("%s: %v", resp.Proto, err)
				}
				return resp.Header
			}
			tag := do("GET", "files.example.com", "/a.txt", nil).Get("Etag")
			do("HEAD", "files.example.com", "/a.txt", nil)
			do("GET", "files.example.com", "/a.txt", nil, "Range", "bytes=10-109")
			do("GET", "files.example.com", "/a.txt", nil, "If-None-Match", tag)
			do("GET", "gone.example.com", "/", nil)
			do("GET", "old.example.com", "/", nil)
			do("GET", "acme.example.com", "/", nil)
			do("POST", "acme.example.com", "/", strings.NewReader(strings.Repeat("b", 100_000)))
			do("POST", "acme.example.com", "/", io.MultiReader(strings.NewReader("chunked"))) // of unknown length
			do("GET", "umbra.example.com", "/", nil)
			lost := do("GET", "lost.example.com", "/", nil)
			unknown := do("GET", "unknown.example.com", "/", nil)
			size := func(h http.Header) (n uint64) { _, _ = fmt.Sscan(h.Get("Content-Length"), &n); return n }

			w.counted("files", accounting.Usage{OK: 3, Redirect: 1, BytesOut: 300_100})
			w.counted("gone", accounting.Usage{ClientError: 1, BytesOut: 7})
			w.counted("acme", accounting.Usage{OK: 3, Redirect: 1, BytesIn: 100_007, BytesOut: 100_007 + 30})
			w.counted("umbra", accounting.Usage{OK: 1, BytesOut: 10})
			w.counted("lost", accounting.Usage{ServerError: 1, BytesOut: size(lost)})
			w.counted("", accounting.Usage{ClientError: 1, BytesOut: size(unknown)})
			w.agrees()
			if u := w.used("acme"); u.UpstreamTime == 0 || u.GuestCalls != 4 {
				t.Errorf("acme: %+v", u)
			}
			if u := w.used("files"); u.UpstreamTime != 0 {
				t.Errorf("files without an upstream: %+v", u)
			}
		})
	}
}

func TestConcurrentRequestsOfTenantsAreAllCounted(t *testing.T) {
	w := start(t, withUsage)
	var group sync.WaitGroup
	for _, host := range []string{"acme.example.com", "umbra.example.com", "www-site.example.com"} {
		for range 4 {
			group.Go(func() {
				for range 25 {
					w.get(host, "/")
				}
			})
		}
	}
	group.Wait()
	for _, schema := range []string{"acme", "umbra", "www"} {
		w.eventually("100 requests of "+schema, func() bool { u := w.used(schema); return u.OK == 100 && u.GuestCalls == 100 })
	}
	w.agrees()
}

func TestAbortedRequestsAreCountedAsSuch(t *testing.T) {
	entered := make(chan struct{}, 8)
	w := start(t, withUsage, func(s *setup) {
		s.app = http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
			switch r.URL.Path {
			case "/waits":
				entered <- struct{}{}
				<-r.Context().Done()
			case "/breaks":
				_, _ = io.WriteString(rw, strings.Repeat("x", 100_000))
				panic(http.ErrAbortHandler)
			case "/endless":
				for {
					if _, err := io.WriteString(rw, strings.Repeat("x", 100_000)); err != nil {
						return
					}
				}
			}
		})
	})
	send := func(head string) net.Conn {
		c, err := net.Dial("tcp", w.addr())
		if err != nil {
			t.Fatal(err)
		}
		if _, err := io.WriteString(c, head); err != nil {
			t.Fatal(err)
		}
		return c
	}
	// The client leaves while it waits.
	c := send("GET /waits HTTP/1.1\r\nHost: acme.example.com\r\n\r\n")
	<-entered
	c.Close()
	w.eventually("the first", func() bool { return w.used("acme").Aborted == 1 })
	// The client leaves in the middle of the answer.
	c = send("GET /endless HTTP/1.1\r\nHost: acme.example.com\r\n\r\n")
	if _, err := io.ReadFull(c, make([]byte, 500_000)); err != nil {
		t.Fatal(err)
	}
	c.Close()
	w.eventually("the second", func() bool { u := w.used("acme"); return u.Aborted == 2 && u.BytesOut >= 499_000 })
	// The application breaks off.
	c = send("GET /breaks HTTP/1.1\r\nHost: umbra.example.com\r\n\r\n")
	if resp, err := http.ReadResponse(bufio.NewReader(c), nil); err != nil {
		t.Fatal(err)
	} else {
		_, _ = io.Copy(io.Discard, resp.Body)
	}
	c.Close()
	w.eventually("the third", func() bool { return w.used("umbra").Aborted == 1 })
	// The client leaves in the middle of its body.
	c = send("POST /echo HTTP/1.1\r\nHost: www-site.example.com\r\nContent-Length: 1000\r\n\r\n" + strings.Repeat("b", 300))
	w.eventually("the part of the body", func() bool { return w.server.generations.requests() == 1 })
	c.Close()
	w.eventually("the fourth", func() bool { u := w.used("www"); return u.Aborted == 1 && u.BytesIn == 300 })
	w.agrees()
}

// talk sends messages and reads their echoes.
func (w *world) talk(c *sockets.Client, sizes ...int) {
	w.Helper()
	for _, n := range sizes {
		if err := c.Write(sockets.Binary, bytes.Repeat([]byte("m"), n)); err != nil {
			w.Fatal(err)
		}
		if _, got, err := c.Read(); err != nil || len(got) != n {
			w.Fatalf("%d bytes of %d came back, %v", len(got), n, err)
		}
	}
}

func TestWebsocketsAreCountedToTheByte(t *testing.T) {
	sizes, sum := []int{0, 1, 125, 126, 65_535, 65_536, 200_000}, uint64(0)
	for _, n := range sizes {
		sum += uint64(n)
	}
	for _, kind := range []string{"/echo/", "/relay/", "/guest/", "tunnel"} {
		t.Run(strings.Trim(kind, "/"), func(t *testing.T) {
			path := kind
			w := start(t, withUsage, func(s *setup) {
				if kind != "tunnel" {
					withWebsockets(t)(s)
					guest := "guest/"
					s.edge.Guest = wasmtest.Guest(t, "guest/examples/echo")
					s.edge.GuestConfig.WSURLConfs["ws"] = append(s.edge.GuestConfig.WSURLConfs["ws"], abi.WSRoute{Path: &guest, Name: "guest"})
					s.edge.Websockets.Targets["ws"]["guest"] = websocket.Target{Consumer: true}
					return
				}
				path = "/"
				hub, err := sockets.New(sockets.Config{})
				if err != nil {
					t.Fatal(err)
				}
				t.Cleanup(func() { _ = hub.Shutdown(t.Context()) })
				s.app = http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
					_, _ = hub.Accept(rw, r, sockets.Options{Handler: upstreamEcho{}, AllowOrigin: func(sockets.Origin) bool { return true }})
				})
			})
			origin := []string{}
			if kind == "tunnel" {
				origin = []string{"Origin", "http://acme.example.com"}
			}
			began := time.Now()
			up, err := w.websocket(path, origin...)
			if err != nil {
				t.Fatal(err)
			}
			c := sockets.NewClient(up, 1<<20)
			w.talk(c, sizes...)
			// What an open websocket uses is counted while it is open.
			w.eventually("the messages", func() bool {
				u := w.used("acme")
				return u.WebsocketIn == sum && u.WebsocketOut == sum && u.WebsocketTime > 0
			})
			_ = c.Drop()
			w.eventually("the end", func() bool {
				handled, relayed, passing := w.server.websockets()
				return handled+relayed+passing == 0
			})
			w.counted("acme", accounting.Usage{Websocket: 1, WebsocketIn: sum, WebsocketOut: sum})
			u := w.used("acme")
			if u.WebsocketTime > uint64(time.Since(began)) {
				t.Errorf("the websocket was open for %d ns of %d", u.WebsocketTime, time.Since(began))
			}
			if again := w.used("acme"); again.WebsocketTime != u.WebsocketTime {
				t.Errorf("a closed websocket still counts: %d ns, then %d", u.WebsocketTime, again.WebsocketTime)
			}
			w.agrees()
			if calls := w.used("acme").GuestCalls; (kind == "/guest/") != (calls > uint64(len(sizes))) {
				t.Errorf("%d calls of the guest are counted", calls)
			}
		})
	}
}

func TestARequestThatWaitedIsCountedOnce(t *testing.T) {
	c := startCells(t, long, withUsage)
	c.place("acme", "eu1", "moving")
	done := make(chan answer)
	go func() { done <- c.get("acme.example.com", "/") }()
	c.waits(1)
	c.place("acme", "us1", "")
	if a := <-done; a.StatusCode != http.StatusOK {
		t.Fatalf("status %d", a.StatusCode)
	} else {
		c.counted("acme", accounting.Usage{OK: 1, BytesOut: uint64(len(a.body))})
	}
	if u := c.used("acme"); u.GuestCalls != 2 {
		t.Errorf("%d calls of the guest are counted, want both", u.GuestCalls)
	}
}

func TestUsageSurvivesARestart(t *testing.T) {
	folder := filepath.Join(t.TempDir(), "usage")
	inFolder := func(s *setup) { withUsage(s); s.options.Usage.Folder = folder }
	first := start(t, inFolder)
	first.get("acme.example.com", "/")
	first.counted("acme", accounting.Usage{OK: 1, BytesOut: first.used("acme").BytesOut})
	before := first.used("acme")
	if err := first.server.Close(); err != nil {
		t.Fatal(err)
	}
	second := start(t, inFolder)
	second.eventually("the windows of the first process", func() bool { return second.used("acme") == before })
	second.get("acme.example.com", "/")
	second.eventually("both", func() bool { return second.used("acme").OK == 2 })
}

func TestTheReportOfTheAdminListener(t *testing.T) {
	w := start(t, withUsage, func(s *setup) {
		s.options.AdminTokens = []adminToken{newAdminToken("reader", config.RoleRead, "secret")}
	})
	w.admin("/usage", http.StatusUnauthorized)
	ask := func(query string) (int, string) {
		r, err := http.NewRequest("GET", "http://"+w.server.AdminAddr().String()+"/usage?"+query, nil)
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Authorization", "Bearer secret")
		a := w.do(r)
		return a.StatusCode, a.body
	}
	w.get("acme.example.com", "/")
	w.get("umbra.example.com", "/")
	w.get("umbra.example.com", "/")
	w.eventually("three requests", func() bool { _, body := ask(""); return strings.Count(body, `"requests_ok": `) == 3 })
	status, body := ask("format=csv&sort=requests&limit=1&window=hour&since=1h")
	lines, err := csv.NewReader(strings.NewReader(body)).ReadAll()
	if err != nil || status != http.StatusOK || len(lines) != 2 || lines[1][2] != "umbra" || lines[1][4] != "2" {
		t.Errorf("%d %q, %v", status, body, err)
	}
	for _, bad := range []string{"window=year", "sort=price", "limit=x", "limit=-1", "since=yesterday", "until=31.12.2026"} {
		if status, body := ask(bad); status != http.StatusBadRequest || !strings.Contains(body, "expected") {
			t.Errorf("%s: %d %s", bad, status, body)
		}
	}
	off := start(t)
	off.admin("/usage", http.StatusNotFound)
}

func TestMetricsHaveOnlyTheTenantsWithTheMostRequests(t *testing.T) {
	w := start(t, withUsage, func(s *setup) { s.options.Usage.Window = time.Second })
	for host, n := range map[string]int{"acme.example.com": 6, "umbra.example.com": 4, "gone.example.com": 2, "unknown.example.com": 9} {
		for range n {
			w.get(host, "/")
		}
	}
	has := func(line string) func() bool {
		return func() bool { return strings.Contains(w.admin("/metrics", http.StatusOK), line+"\n") }
	}
	ok := func(schema string, n int) string {
		return fmt.Sprintf(`tenantedge_tenant_requests_total{outcome="ok",tenant="%s"} %d`, schema, n)
	}
	w.eventually("the series of acme", has(ok("acme", 0)))
	w.eventually("the series of umbra", has(ok("umbra", 0)))
	w.get("acme.example.com", "/")
	w.get("gone.example.com", "/")
	w.eventually("one more of acme", has(ok("acme", 1)))
	w.eventually("one more of the others", has(`tenantedge_tenant_requests_total{outcome="client_error",tenant="(other)"} 12`))
	w.eventually("the figures before", has(ok("(other)", 10)))
	if text := w.admin("/metrics", http.StatusOK); strings.Contains(text, `tenant="gone"`) || !strings.Contains(text, "tenantedge_tenants_active 4\n") {
		t.Errorf("the metrics are\n%s", text)
	}
}

func TestUsageSurvivesAReload(t *testing.T) {
	text := twoSites + "\nusage: {window: 1h, folder: '" + filepath.Join(t.TempDir(), "usage") + "'}\n"
	r := serveText(t, text)
	r.get("www.example.com", "/")
	r.counted("www", accounting.Usage{OK: 1, BytesOut: 5})
	r.reload(strings.ReplaceAll(text, "first", "another"))
	r.get("www.example.com", "/")
	r.counted("www", accounting.Usage{OK: 2, BytesOut: 12})
	r.reload(strings.ReplaceAll(text, "window: 1h", "enabled: false, window: 1h"))
	r.get("www.example.com", "/")
	r.counted("www", accounting.Usage{OK: 3, BytesOut: 17})
	if keys := r.server.Readiness().Configuration.Restart; len(keys) != 1 || keys[0] != "usage" {
		t.Errorf("the keys that need a restart are %v", keys)
	}
	if u := r.used("www"); u.GuestCalls != 3 {
		t.Errorf("%d calls of the guest are counted, want 3", u.GuestCalls)
	}
}

// stuckAnswer is an answer that its client does not read.
type stuckAnswer struct {
	http.ResponseWriter
	began, goOn chan struct{}
}

func (a stuckAnswer) Write(p []byte) (int, error) {
	a.began <- struct{}{}
	<-a.goOn
	return len(p), nil
}

// A report of many tenants takes hundreds of megabytes while it is encoded.
func TestFewReportsAreInMemoryAtOnce(t *testing.T) {
	w := start(t, withUsage)
	ask := func(ctx context.Context, to http.ResponseWriter) {
		r := httptest.NewRequest("GET", "http://localhost/usage", nil).WithContext(ctx)
		w.server.now().admin.ServeHTTP(to, r)
	}
	began, goOn := make(chan struct{}), make(chan struct{})
	var work sync.WaitGroup
	for range maxReports {
		work.Go(func() { ask(t.Context(), stuckAnswer{httptest.NewRecorder(), began, goOn}) })
		<-began
	}
	gone, leave := context.WithCancel(t.Context())
	leave()
	further := httptest.NewRecorder()
	ask(gone, further)
	if further.Body.Len() > 0 {
		t.Errorf("a further report was made meanwhile: %s", further.Body)
	}
	close(goOn)
	work.Wait()
	after := httptest.NewRecorder()
	ask(t.Context(), after)
	if after.Code != http.StatusOK || after.Body.Len() == 0 {
		t.Errorf("afterwards: status %d, %q", after.Code, after.Body)
	}
}
