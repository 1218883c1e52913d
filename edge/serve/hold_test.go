package serve

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/tenantedge/tenantedge/edge/config"
	"github.com/tenantedge/tenantedge/edge/internal/hold"
	"github.com/tenantedge/tenantedge/edge/internal/soak"
	"github.com/tenantedge/tenantedge/guest/abi"
	"github.com/tenantedge/tenantedge/tenantdb"
)

// cells is a world in which the attributes cell and status of a tenant choose what
// serves it: one of two applications, which answer with their name and the body, a
// page, or a hold.
type cells struct {
	*world
	served sync.Map // number of requests by name, *atomic.Int64
}

func startCells(t *testing.T, h config.Hold, changes ...func(*setup)) *cells {
	t.Helper()
	c := &cells{}
	conf := map[string]config.URLConf{
		"page-402": {Reply: &config.Reply{Status: http.StatusPaymentRequired}},
		"moving":   {Hold: &h},
	}
	for _, name := range []string{"eu1", "us1"} {
		n := new(atomic.Int64)
		c.served.Store(name, n)
		app := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			n.Add(1)
			body, err := io.ReadAll(r.Body)
			if err != nil {
				panic(http.ErrAbortHandler)
			}
			fmt.Fprintf(w, "%s %s", name, body)
		}))
		t.Cleanup(app.Close)
		u, err := url.Parse(app.URL)
		if err != nil {
			t.Fatal(err)
		}
		conf["app-"+name] = config.URLConf{Upstream: u}
	}
	setUp := func(s *setup) {
		*s.edge.GuestConfig.Default = abi.DefaultTenant{
			Status:    &abi.Choice{Attribute: "status", Values: map[string]string{"moving": "moving", "suspended": "page-402"}},
			URLConfBy: &abi.Choice{Attribute: "cell", Values: map[string]string{"eu1": "app-eu1", "us1": "app-us1"}},
		}
		for name, u := range conf {
			s.options.URLConfs[name] = u
		}
		place(s.edge.Directory, "acme", "eu1", "")
		place(s.edge.Directory, "umbra", "eu1", "")
	}
	c.world = start(t, append([]func(*setup){setUp}, changes...)...)
	return c
}

// place sets the attributes of acme or umbra.
func place(d *tenantdb.Directory, schema, cell, status string) {
	id := map[string]string{"acme": "1", "umbra": "2"}[schema]
	d.Apply([]tenantdb.Change{{
		Tenant:  tenantdb.Tenant{ID: id, Schema: schema, Attributes: []tenantdb.Attribute{{Name: "cell", Value: cell}, {Name: "status", Value: status}}},
		Domains: []tenantdb.Domain{{TenantID: id, Domain: schema + ".example.com", IsPrimary: true}},
	}})
}

func (c *cells) place(schema, cell, status string) {
	c.Helper()
	place(c.server.now().directory, schema, cell, status)
}

func (c *cells) waits(n int) {
	c.Helper()
	c.eventually(fmt.Sprintf("%d requests wait", n), func() bool { return c.server.now().rooms["moving"].Stats().Waiting == n })
}

func (c *cells) ended(want map[hold.Outcome]uint64) {
	c.Helper()
	stats := c.server.now().rooms["moving"].Stats()
	for _, o := range hold.Outcomes {
		if stats.Ended[o] != want[o] {
			c.Errorf("%d requests ended with %v, want %d", stats.Ended[o], o, want[o])
		}
	}
}

// later sends a request and returns where its answer arrives.
func (c *cells) later(r *http.Request) <-chan answer {
	answers := make(chan answer, 1)
	go func() {
		resp, err := noRedirects.Do(r)
		if err != nil {
			answers <- answer{&http.Response{Status: err.Error()}, ""}
			return
		}
		defer resp.Body.Close()
		body, _ := io.ReadAll(resp.Body)
		answers <- answer{resp, string(body)}
	}()
	return answers
}

func (c *cells) answered(from <-chan answer, status int, body string) {
	c.Helper()
	a := <-from
	if a.StatusCode != status || !strings.HasPrefix(a.body, body) {
		c.Errorf("answered %s with %q, want %d with %q", a.Status, a.body, status, body)
	}
}

// long is a hold that ends no wait on a busy machine.
var long = config.Hold{Timeout: 10 * time.Minute, Requests: 1000, Bytes: 64 << 20}

func TestARowMovesAndPausesItsTenant(t *testing.T) {
	c := startCells(t, long)
	for _, step := range []struct {
		cell, status string
		want         int
		body         string
	}{
		{"eu1", "", 200, "eu1 "}, {"us1", "active", 200, "us1 "}, {"us1", "suspended", 402, ""}, {"eu1", "", 200, "eu1 "},
		{"mars", "", 404, ""}, {"mars", "suspended", 402, ""},
	} {
		c.place("acme", step.cell, step.status)
		if a := c.get("acme.example.com", "/"); a.StatusCode != step.want || !strings.HasPrefix(a.body, step.body) {
			t.Errorf("%+v: status %d with %q", step, a.StatusCode, a.body)
		}
	}
	if a := c.get("umbra.example.com", "/"); a.body != "eu1 " {
		t.Errorf("another tenant got %q", a.body)
	}
}

func TestRequestsWaitUntilTheirTenantHasMoved(t *testing.T) {
	c := startCells(t, long, h2c1)
	c.place("acme", "eu1", "moving")
	get := c.later(c.request(http.MethodGet, "acme.example.com", "/"))
	post := c.request(http.MethodPost, "acme.example.com", "/")
	post.Body, post.ContentLength = io.NopCloser(strings.NewReader("data")), 4
	posted := c.later(post)
	expecting := c.request(http.MethodPost, "acme.example.com", "/", "Expect", "100-continue")
	expecting.Body, expecting.ContentLength = io.NopCloser(strings.NewReader("expected")), 8
	expected := c.later(expecting)
	c.waits(3)
	if a := c.get("umbra.example.com", "/"); a.body != "eu1 " {
		t.Errorf("another tenant got %q", a.body)
	}
	if r, _ := c.server.Tenant("acme"); r.Waiting != 3 || r.InProgress != 0 || r.Status != "moving" || r.URLConf != "moving" {
		t.Errorf("the report is %+v", r)
	}
	c.place("umbra", "us1", "") // concerns no waiting request
	c.waits(3)
	c.place("acme", "us1", "")
	c.answered(get, 200, "us1 ")
	c.answered(posted, 200, "us1 data")
	c.answered(expected, 200, "us1 expected")
	c.ended(map[hold.Outcome]uint64{hold.Released: 3})
}

// h2c1 accepts HTTP/1 and HTTP/2 without TLS.
func h2c1(s *setup) { s.options.Listeners = []config.Listener{{Address: "127.0.0.1:0", H2C: true}} }

func TestAWaitIsBoundedInTime(t *testing.T) {
	for _, protocol := range []string{"HTTP/1", "HTTP/2"} {
		// The wait is longer than those for slow clients, which it is not subject to.
		c := startCells(t, config.Hold{Timeout: 600 * time.Millisecond, Requests: 10, Bytes: 1 << 20}, h2c1, func(s *setup) {
			s.options.Limits.BodyTimeout, s.options.Limits.AnswerTimeout = 200*time.Millisecond, 200*time.Millisecond
		})
		client := noRedirects
		if protocol == "HTTP/2" {
			client = c.h2Client()
		}
		c.place("acme", "eu1", "moving")
		r := c.request(http.MethodPost, "acme.example.com", "/")
		r.Body, r.ContentLength = io.NopCloser(strings.NewReader("data")), 4
		for range 2 {
			resp, err := client.Do(r)
			if err != nil {
				t.Fatalf("%s: %v", protocol, err)
			}
			resp.Body.Close()
			if resp.StatusCode != http.StatusServiceUnavailable || resp.Header.Get("Retry-After") == "" {
				t.Errorf("%s: status %d with %v", protocol, resp.StatusCode, resp.Header)
			}
			r = c.request(http.MethodGet, "acme.example.com", "/")
		}
		c.ended(map[hold.Outcome]uint64{hold.TimedOut: 2})
	}
}

func TestAReleasedRequestIsNoSlowClient(t *testing.T) {
	c := startCells(t, long, h2c1, func(s *setup) {
		s.options.Limits.BodyTimeout, s.options.Limits.AnswerTimeout = 200*time.Millisecond, 200*time.Millisecond
	})
	for i, client := range []*http.Client{noRedirects, c.h2Client()} {
		c.place("acme", "eu1", "moving")
		r := c.request(http.MethodPost, "acme.example.com", "/")
		r.Body, r.ContentLength = io.NopCloser(strings.NewReader("data")), 4
		answers := make(chan string, 1)
		go func() {
			resp, err := client.Do(r)
			if err != nil {
				answers <- err.Error()
				return
			}
			defer resp.Body.Close()
			body, _ := io.ReadAll(resp.Body)
			answers <- string(body)
		}()
		c.waits(1)
		time.Sleep(500 * time.Millisecond) // longer than the timeouts
		c.place("acme", "us1", "")
		if got := <-answers; got != "us1 data" {
			t.Errorf("client %d: %q", i, got)
		}
	}
}

func TestRequestsBeyondTheLimitsAreRefused(t *testing.T) {
	c := startCells(t, config.Hold{Timeout: patience, Requests: 4, Bytes: 1 << 20})
	c.place("acme", "eu1", "moving")
	c.place("umbra", "eu1", "moving")
	var waiting []<-chan answer
	for range 4 {
		waiting = append(waiting, c.later(c.request(http.MethodGet, "acme.example.com", "/")))
		c.waits(len(waiting))
	}
	if a := c.get("acme.example.com", "/"); a.StatusCode != 503 || a.Header.Get("Retry-After") == "" {
		t.Errorf("the fifth is answered with %d", a.StatusCode)
	}
	for i := range 2 { // each takes the room of the newest one of acme
		waiting = append(waiting, c.later(c.request(http.MethodGet, "umbra.example.com", "/")))
		c.answered(waiting[3-i], 503, "")
	}
	c.waits(4)
	c.place("acme", "us1", "")
	c.place("umbra", "us1", "")
	for _, i := range []int{0, 1, 4, 5} {
		c.answered(waiting[i], 200, "us1 ")
	}
	c.ended(map[hold.Outcome]uint64{hold.Released: 4, hold.OverRequests: 3})
}

// The head of a request counts, and what an HTTP/2 client may send of its body.
func TestBytesOfWaitingRequestsAreCounted(t *testing.T) {
	c := startCells(t, config.Hold{Timeout: patience, Requests: 100, Bytes: 64 << 10}, h2c1)
	c.place("acme", "eu1", "moving")
	large := strings.Repeat("x", 40<<10)
	first := c.later(c.request(http.MethodGet, "acme.example.com", "/", "X-Large", large))
	c.waits(1)
	if a := c.get("acme.example.com", "/", "X-Large", large); a.StatusCode != 503 {
		t.Errorf("the second large head is answered with %d", a.StatusCode)
	}
	r := c.request(http.MethodPost, "acme.example.com", "/")
	r.Body, r.ContentLength = io.NopCloser(strings.NewReader(large)), int64(len(large))
	resp, err := c.h2Client().Do(r)
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	if resp.StatusCode != 503 {
		t.Errorf("the large body over HTTP/2 is answered with %d", resp.StatusCode)
	}
	body := c.request(http.MethodPost, "acme.example.com", "/") // over HTTP/1 it stays in the kernel
	body.Body, body.ContentLength = io.NopCloser(strings.NewReader(large)), int64(len(large))
	second := c.later(body)
	c.waits(2)
	c.place("acme", "us1", "")
	c.answered(first, 200, "us1 ")
	c.answered(second, 200, "us1 "+large)
	c.ended(map[hold.Outcome]uint64{hold.Released: 2, hold.OverBytes: 2})
}

func TestAClientThatDisconnectsReleasesItsPlace(t *testing.T) {
	c := startCells(t, long, h2c1)
	c.place("acme", "eu1", "moving")
	for name, text := range map[string]string{
		"without a body":       "GET / HTTP/1.1\r\nHost: acme.example.com\r\n\r\n",
		"before its body":      "POST / HTTP/1.1\r\nHost: acme.example.com\r\nContent-Length: 5\r\n\r\n",
		"within its body":      "POST / HTTP/1.1\r\nHost: acme.example.com\r\nContent-Length: 500000\r\n\r\n" + strings.Repeat("x", 100_000),
		"after its body":       "POST / HTTP/1.1\r\nHost: acme.example.com\r\nContent-Length: 5\r\n\r\n12345",
		"that is to continue":  "POST / HTTP/1.1\r\nHost: acme.example.com\r\nContent-Length: 5\r\nExpect: 100-continue\r\n\r\n",
		"of a websocket":       "GET / HTTP/1.1\r\nHost: acme.example.com\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nOrigin: http://acme.example.com\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n",
		"with a chunked body.": "POST / HTTP/1.1\r\nHost: acme.example.com\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n12345\r\n",
	} {
		conn := c.dial()
		if _, err := io.WriteString(conn, text); err != nil {
			t.Fatal(err)
		}
		c.waits(1)
		conn.Close()
		c.eventually("the place of a client is free: "+name, func() bool { return c.server.now().rooms["moving"].Stats().Waiting == 0 })
	}
	ctx, cancel := context.WithCancel(t.Context())
	go func() {
		r := c.request(http.MethodPost, "acme.example.com", "/").WithContext(ctx)
		r.Body = io.NopCloser(strings.NewReader("data"))
		if resp, err := c.h2Client().Do(r); err == nil {
			resp.Body.Close()
		}
	}()
	c.waits(1)
	cancel()
	c.waits(0)
	c.ended(map[hold.Outcome]uint64{hold.Canceled: 8})
}

// After the wait a connection serves further requests, whether the body came before,
// during or after the wait.
func TestABodyArrivesWheneverItIsSent(t *testing.T) {
	c := startCells(t, long)
	conn := c.dial()
	answers := bufio.NewReader(conn)
	send := func(text string) {
		if _, err := io.WriteString(conn, text); err != nil {
			t.Fatal(err)
		}
	}
	head := "POST / HTTP/1.1\r\nHost: acme.example.com\r\nContent-Length: 10\r\n\r\n"
	for i, parts := range [][3]string{{head + "0123456789", "", ""}, {head, "0123456789", ""}, {head + "01", "234", "56789"}, {head, "", "0123456789"}} {
		c.place("acme", "eu1", "moving")
		send(parts[0])
		c.waits(1)
		send(parts[1])
		c.place("acme", "us1", "")
		c.waits(0)
		send(parts[2])
		resp, err := http.ReadResponse(answers, nil)
		if err != nil {
			t.Fatalf("case %d: %v", i, err)
		}
		body, err := io.ReadAll(resp.Body)
		if err != nil || resp.StatusCode != 200 || string(body) != "us1 0123456789" {
			t.Errorf("case %d: status %d with %q, %v", i, resp.StatusCode, body, err)
		}
	}
}

func TestWaitingRequestsOfARemovedTenantGetWhatNewOnesGet(t *testing.T) {
	c := startCells(t, long)
	c.place("acme", "eu1", "moving")
	var waiting []<-chan answer
	for range 3 {
		waiting = append(waiting, c.later(c.request(http.MethodGet, "acme.example.com", "/")))
	}
	c.waits(3)
	c.server.now().directory.Apply([]tenantdb.Change{{Tenant: tenantdb.Tenant{ID: "1"}, Removed: true}})
	for _, a := range waiting {
		c.answered(a, 404, "")
	}
	c.ended(map[hold.Outcome]uint64{hold.Released: 3})
}

func TestAShutdownAnswersWaitingRequests(t *testing.T) {
	c := startCells(t, long)
	c.place("acme", "eu1", "moving")
	get := c.later(c.request(http.MethodGet, "acme.example.com", "/"))
	post := c.request(http.MethodPost, "acme.example.com", "/")
	post.Body, post.ContentLength = io.NopCloser(strings.NewReader("data")), 4
	posted := c.later(post)
	c.waits(2)
	c.end()
	c.answered(get, 503, "")
	c.answered(posted, 503, "")
	if err := <-c.world.ended; err != nil {
		t.Error(err)
	}
	c.ended(map[hold.Outcome]uint64{hold.Stopped: 2})
}

// The requests that go on may be more than may run: they wait for their turn, and
// take no place that another tenant's requests have.
func TestReleasedRequestsWaitForTheirTurn(t *testing.T) {
	c := startCells(t, long, func(s *setup) { s.options.Limits.TenantRequests = 2 })
	c.place("acme", "eu1", "moving")
	var waiting []<-chan answer
	for range 50 {
		waiting = append(waiting, c.later(c.request(http.MethodGet, "acme.example.com", "/")))
	}
	c.waits(50)
	c.place("acme", "us1", "")
	for _, a := range waiting {
		c.answered(a, 200, "us1 ")
	}
	c.ended(map[hold.Outcome]uint64{hold.Released: 50})
}

// 10,000 requests of two tenants wait at once, and fewer with the race detector. They
// would need 20,000 descriptors over HTTP/1, so they share connections of HTTP/2.
func TestTenThousandRequestsOfTwoTenantsWaitAndAreServed(t *testing.T) {
	const clients = 50
	each := soak.Times(t, "TENANTEDGE_HELD", 200) // net/http serves 250 streams at once
	n := clients * each
	c := startCells(t, config.Hold{Timeout: 10 * time.Minute, Requests: n, Bytes: 1 << 30}, h2c1, func(s *setup) { s.options.Limits.Connections = 2 * n })
	c.place("acme", "eu1", "moving")
	c.place("umbra", "eu1", "moving")
	var failed [2]atomic.Int64
	var all sync.WaitGroup
	for i := range clients {
		client := c.h2Client()
		client.Timeout = 0
		for range each {
			r := c.request(http.MethodGet, []string{"acme", "umbra"}[i%2]+".example.com", "/")
			all.Go(func() {
				resp, err := client.Do(r)
				if err != nil {
					failed[i%2].Add(1)
					return
				}
				defer resp.Body.Close()
				if body, err := io.ReadAll(resp.Body); err != nil || string(body) != "us1 " {
					failed[i%2].Add(1)
				}
			})
		}
	}
	wait := func(want int) {
		t.Helper()
		for began := time.Now(); c.server.now().rooms["moving"].Stats().Waiting != want; time.Sleep(time.Millisecond) {
			if time.Since(began) > 5*time.Minute {
				t.Fatalf("%d requests wait, want %d", c.server.now().rooms["moving"].Stats().Waiting, want)
			}
		}
	}
	wait(n)
	began := time.Now()
	c.place("umbra", "us1", "") // does not wait for the other tenant
	wait(n / 2)
	t.Logf("%d requests went on in %v", n/2, time.Since(began))
	c.place("acme", "us1", "")
	all.Wait()
	if a, u := failed[0].Load(), failed[1].Load(); a+u > 0 {
		t.Errorf("%d and %d requests failed", a, u)
	}
	c.ended(map[hold.Outcome]uint64{hold.Released: uint64(n)})
}

// The first of the waiting clients sends its body so slowly that it never ends: the
// others do not wait for it.
func TestASlowClientDoesNotDelayOthersThatWaited(t *testing.T) {
	c := startCells(t, long)
	c.place("acme", "eu1", "moving")
	slow := c.dial()
	if _, err := io.WriteString(slow, "POST / HTTP/1.1\r\nHost: acme.example.com\r\nContent-Length: 10\r\n\r\n012"); err != nil {
		t.Fatal(err)
	}
	c.waits(1)
	var waiting []<-chan answer
	for range 3 {
		waiting = append(waiting, c.later(c.request(http.MethodGet, "acme.example.com", "/")))
	}
	c.waits(4)
	c.place("acme", "us1", "")
	for _, a := range waiting {
		c.answered(a, 200, "us1 ")
	}
	if r, _ := c.server.Tenant("acme"); r.InProgress != 1 {
		t.Errorf("the report is %+v, want the slow request in progress", r)
	}
}

func TestTheAdminListenerReportsATenant(t *testing.T) {
	c := startCells(t, long)
	c.place("acme", "us1", "moving")
	waiting := c.later(c.request(http.MethodGet, "acme.example.com", "/"))
	c.waits(1)
	page := func(path string) (int, string) {
		resp, err := noRedirects.Get("http://" + c.server.AdminAddr().String() + path)
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		body, err := io.ReadAll(resp.Body)
		if err != nil {
			t.Fatal(err)
		}
		return resp.StatusCode, string(body)
	}
	for path, want := range map[string]struct {
		status int
		parts  []string
	}{
		"/tenants/acme":  {200, []string{`"id": "1"`, `"status": "moving"`, `"urlconf": "moving"`, `"in_progress": 0`, `"waiting": 1`, `"websockets": 0`}},
		"/tenants/umbra": {200, []string{`"urlconf": "app-eu1"`, `"waiting": 0`}},
		"/tenants/www":   {200, []string{`"urlconf": "app"`}},
		"/tenants/none":  {404, nil},
		"/metrics": {200, []string{
			`tenantedge_held_requests{urlconf="moving"} 1`, `tenantedge_held_requests_total{outcome="released",urlconf="moving"} 0`, `tenantedge_held_bytes{urlconf="moving"} 8`,
		}},
	} {
		status, body := page(path)
		if status != want.status {
			t.Errorf("%s: status %d", path, status)
		}
		for _, part := range want.parts {
			if !strings.Contains(body, part) {
				t.Errorf("%s: expected %q in %s", path, part, body)
			}
		}
	}
	c.place("acme", "us1", "")
	c.answered(waiting, 200, "us1 ")
}

// A request whose tenant moves while it is routed is routed again before it is
// served: whoever sees nothing in progress after a change relies on that.
func TestARequestRoutedDuringAChangeIsRoutedAgain(t *testing.T) {
	c := startCells(t, long)
	var routed atomic.Int64
	inner := c.server.now().rerouted(c.server.now().host.Middleware(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if routed.Add(1) == 1 {
			c.place("umbra", "us1", "") // concerns another tenant
			c.place("acme", "us1", "")  // after the decision
		}
		c.server.now().table.ServeHTTP(w, r)
	})))
	w := httptest.NewRecorder()
	r := httptest.NewRequest(http.MethodGet, "/", nil)
	r.Host = "acme.example.com"
	inner.ServeHTTP(w, r)
	if got := w.Body.String(); got != "us1 " || routed.Load() != 2 {
		t.Errorf("answered with %q after %d decisions", got, routed.Load())
	}
	if n, _ := c.served.Load("eu1"); n.(*atomic.Int64).Load() != 0 {
		t.Error("the cell that the tenant has left got the request")
	}
}

// Requests that wait keep their connections. However many they are, other tenants
// have half of all.
func TestWaitingRequestsLeaveConnectionsToOthers(t *testing.T) {
	c := startCells(t, long, func(s *setup) { s.options.Limits.Connections = 16 })
	c.place("acme", "eu1", "moving")
	var waiting []<-chan answer
	for range 8 {
		waiting = append(waiting, c.later(c.request(http.MethodGet, "acme.example.com", "/")))
	}
	c.waits(8)
	if a := c.get("acme.example.com", "/"); a.StatusCode != 503 {
		t.Errorf("one more is answered with %d", a.StatusCode)
	}
	if a := c.get("umbra.example.com", "/"); a.body != "eu1 " {
		t.Errorf("another tenant got %q", a.body)
	}
	c.place("acme", "us1", "")
	for _, a := range waiting {
		c.answered(a, 200, "us1 ")
	}
}
