//go:build unix

package serve

import (
	"bytes"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/tenantedge/tenantedge/edge/internal/sockets"
	"github.com/tenantedge/tenantedge/edge/websocket"
)

func withMembers(o *Options) { o.Handlers = map[string]websocket.Handler{"member": member{}} }

// busyEdge is a Server that reloads while clients send requests.
type busyEdge struct {
	*reloaded
	app    *httptest.Server
	certs  [2]certificate
	tokens [2]string

	reloads            atomic.Int64 // that were reported
	requests, failures atomic.Int64
	clients            sync.WaitGroup
	stop               chan struct{}
	end                func() // ends the clients
}

// text is the n-th configuration. Configurations differ in the routes, the limits, the
// certificate and the token, and every third has another listener.
func (b *busyEdge) text(n int64) string {
	more := ""
	if n%3 == 2 {
		more = ", '127.0.0.1:0'"
	}
	return fmt.Sprintf(`
tenants:
  www: {DOMAINS: [www.example.com], URLCONF: site, WS_URLCONF: ws}
  files: {DOMAINS: [files.example.com], URLCONF: app}
ws_urlconfs:
  ws: [{path: talk/, name: talk, handler: member}]
websockets: {without_origin: true}
urlconfs:
  site: {reply: {body: "%d"}}
  app: {upstream: '%s'}
admin: '127.0.0.1:0'
admin_tokens: [{name: deploy, role: operate, secret_file: '%s'}]
listeners: ['127.0.0.1:0', {address: '127.0.0.1:0', tls: {cert: '%s', key: '%s'}}%s]
limits: {tenant_requests: %d, read_header_timeout: %ds, shutdown_timeout: 30s, websocket: {ping_interval: 1h}}
`, n, b.app.URL, b.tokens[n%2], b.certs[n%2].pair.Cert, b.certs[n%2].pair.Key, more, 1000+n, 30+n%2)
}

func startBusy(t *testing.T) *busyEdge {
	b := &busyEdge{stop: make(chan struct{})}
	b.app = httptest.NewServer(http.HandlerFunc(slowApplication))
	t.Cleanup(b.app.Close)
	folder := t.TempDir()
	for i := range 2 {
		b.certs[i] = newCertificate(t, "www.example.com", "files.example.com")
		b.tokens[i] = filepath.Join(folder, fmt.Sprint("token", i))
		put(t, b.tokens[i], fmt.Appendf(nil, "operate-012345678%d", i))
	}
	b.reloaded = serveText(t, b.text(0), withMembers)
	b.end = sync.OnceFunc(func() {
		close(b.stop)
		b.clients.Wait()
	})
	t.Cleanup(b.end) // before that of the Server
	return b
}

// slowApplication sends back what it gets, in pieces, over about a quarter second.
func slowApplication(w http.ResponseWriter, r *http.Request) {
	if r.Method == http.MethodPost {
		n, err := io.Copy(io.Discard, r.Body)
		fmt.Fprint(w, n, err)
		return
	}
	for range 25 {
		_, _ = w.Write(bytes.Repeat([]byte{'x'}, 10_000)) // the client checks what arrives
		_ = http.NewResponseController(w).Flush()
		select {
		case <-r.Context().Done():
			return
		case <-time.After(10 * time.Millisecond):
		}
	}
}

// request sends requests one after the other until stop is closed. check returns what is
// wrong with an answer.
func (b *busyEdge) client(c *http.Client, make func() *http.Request, check func(before int64, r *http.Response, body string) string) {
	b.clients.Go(func() {
		for {
			select {
			case <-b.stop:
				return
			default:
			}
			time.Sleep(time.Millisecond) // so that other processes of the machine run too
			before, r := b.reloads.Load(), make()
			b.requests.Add(1)
			problem := ""
			resp, err := c.Do(r)
			if err == nil {
				var body []byte
				body, err = io.ReadAll(resp.Body)
				_ = resp.Body.Close()
				problem = check(before, resp, string(body))
			}
			if err != nil || problem != "" {
				b.failures.Add(1)
				b.Errorf("%s %s: %v %s", r.Method, r.URL, err, problem)
			}
		}
	})
}

// isCurrent checks that the answer is that of a configuration that was not replaced
// before the request was sent.
func isCurrent(before int64, _ *http.Response, body string) string {
	var n int64
	if _, err := fmt.Sscan(body, &n); err != nil || n < before {
		return fmt.Sprintf("got %q after reload %d", body, before)
	}
	return ""
}

func (b *busyEdge) transport(h2 bool, host string) *http.Client {
	t := &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true, ServerName: host}, Protocols: new(http.Protocols)}
	t.Protocols.SetHTTP1(!h2)
	t.Protocols.SetHTTP2(h2)
	b.Cleanup(t.CloseIdleConnections)
	return &http.Client{Transport: t, Timeout: 2 * patience}
}

func (b *busyEdge) to(address net.Addr, scheme, method, host, path string, size int) func() *http.Request {
	return func() *http.Request {
		var body io.Reader
		if size > 0 {
			body = &slowBody{left: size}
		}
		r, err := http.NewRequest(method, scheme+"://"+address.String()+path, body)
		if err != nil {
			panic(err) // the arguments are constant
		}
		r.Host = host
		return r
	}
}

// slowBody is a body that takes 10 ms for each 10 KB.
type slowBody struct{ left int }

func (s *slowBody) Read(p []byte) (int, error) {
	if s.left <= 0 {
		return 0, io.EOF
	}
	time.Sleep(10 * time.Millisecond)
	n := min(len(p), s.left, 10_000)
	s.left -= n
	return n, nil
}

// clientsOf starts the clients: keep-alive HTTP/1.1, HTTP/2, long downloads and uploads.
func (b *busyEdge) startClients() {
	plain, secure := b.server.Addrs()[0], b.server.Addrs()[1]
	for range 2 {
		b.client(b.transport(false, ""), b.to(plain, "http", "GET", "www.example.com", "/", 0), isCurrent)
		b.client(b.transport(true, "www.example.com"), b.to(secure, "https", "GET", "www.example.com", "/", 0), isCurrent)
	}
	b.client(b.transport(false, ""), b.to(plain, "http", "GET", "files.example.com", "/", 0), func(_ int64, _ *http.Response, body string) string {
		if len(body) != 250_000 {
			return fmt.Sprintf("got %d bytes", len(body))
		}
		return ""
	})
	b.client(b.transport(true, "files.example.com"), b.to(secure, "https", "POST", "files.example.com", "/", 200_000), func(_ int64, _ *http.Response, body string) string {
		if body != "200000 <nil>" {
			return fmt.Sprintf("got %q", body)
		}
		return ""
	})
}

// certificateAt returns the certificate that a new connection gets.
func certificateAt(t *testing.T, address net.Addr) []byte {
	t.Helper()
	c, err := tls.Dial("tcp", address.String(), &tls.Config{InsecureSkipVerify: true, ServerName: "www.example.com"})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	return c.ConnectionState().PeerCertificates[0].Raw
}

func (b *busyEdge) admin(token string) int {
	b.Helper()
	r, err := http.NewRequest("GET", "http://"+b.server.AdminAddr().String()+"/guest", nil)
	if err != nil {
		b.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer "+token)
	return b.do(r).StatusCode
}

// RELOADS sets the number of reloads.
func TestReloadsUnderLoadFailNoRequestAndDropNoWebsocket(t *testing.T) {
	b := startBusy(t)
	n := int64(12)
	if more, err := strconv.ParseInt(os.Getenv("RELOADS"), 10, 64); err == nil {
		n = more
	}
	plain, secure, admin := b.server.Addrs()[0], b.server.Addrs()[1], b.server.AdminAddr()
	open := []*sockets.Client{b.talk(), b.talk()}
	b.startClients()
	before := measure()
	var took []time.Duration
	for i := int64(1); i <= n; i++ {
		began := time.Now()
		b.reload(b.text(i))
		took = append(took, time.Since(began))
		b.reloads.Store(i)
		if got := certificateAt(t, secure); !bytes.Equal(got, b.certs[i%2].der(t)) {
			t.Errorf("reload %d: a new connection gets another certificate", i)
		}
		for token, want := range map[int64]int{i % 2: 200, (i + 1) % 2: 401} {
			if got := b.admin(fmt.Sprintf("operate-012345678%d", token)); got != want {
				t.Errorf("reload %d: token %d gets %d, expected %d", i, token, got, want)
			}
		}
		if want := 2 + b2i(i%3 == 2); len(b.server.Addrs()) != want || b.server.Addrs()[0] != plain || b.server.Addrs()[1] != secure || b.server.AdminAddr() != admin {
			t.Errorf("reload %d: the listeners are %v, expected %d", i, b.server.Addrs(), want)
		}
		// A message of a websocket of one configuration reaches those of all.
		if i <= 4 {
			open = append(open, b.talk())
		}
		text := fmt.Sprint("after reload ", i)
		if err := open[int(i)%len(open)].Write(sockets.Text, []byte(text)); err != nil {
			t.Fatal(err)
		}
		for _, c := range open {
			b.reads(c, text)
		}
	}
	for _, c := range open {
		_ = c.Drop()
	}
	b.end()
	b.eventually("the replaced configurations are closed", func() bool { return b.server.Readiness().Configuration.Replaced == 0 })
	after := measure()
	if after.descriptors > before.descriptors || after.goroutines > before.goroutines {
		t.Errorf("%d descriptors and %d goroutines, and %d and %d before the reloads", after.descriptors, after.goroutines, before.descriptors, before.goroutines)
	}
	t.Logf("%d reloads, %d requests, %d failed, %d websockets, %s; heap %d and then %d KiB, goroutines %d and then %d, descriptors %d and then %d",
		n, b.requests.Load(), b.failures.Load(), len(open), durations(took), before.heap>>10, after.heap>>10, before.goroutines, after.goroutines, before.descriptors, after.descriptors)
	if got := b.server.Readiness().Configuration; got.Reloads != uint64(n) {
		t.Errorf("the report is %+v", got)
	}
}

func b2i(b bool) int {
	if b {
		return 1
	}
	return 0
}

type measured struct {
	heap                    uint64
	goroutines, descriptors int
}

func measure() measured {
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	descriptors, _ := os.ReadDir("/proc/self/fd") // none on other systems
	return measured{m.HeapAlloc, runtime.NumGoroutine(), len(descriptors)}
}

func durations(all []time.Duration) string {
	longest, sum := time.Duration(0), time.Duration(0)
	for _, d := range all {
		longest, sum = max(longest, d), sum+d
	}
	return fmt.Sprintf("%v on average and %v at most for a reload", (sum / time.Duration(len(all))).Round(time.Millisecond), longest.Round(time.Millisecond))
}
