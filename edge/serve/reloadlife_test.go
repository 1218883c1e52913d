//go:build unix

package serve

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	dto "github.com/prometheus/client_model/go"

	"github.com/tenantedge/tenantedge/edge/internal/sockets"
)

const talks = `
tenants: {www: {DOMAINS: [www.example.com], URLCONF: site, WS_URLCONF: ws}}
ws_urlconfs: {ws: [{path: talk/, name: talk, handler: member}]}
websockets: {without_origin: true}
urlconfs: {site: {reply: {body: first}}}
admin: off
listeners: ['127.0.0.1:0']
`

func (r *reloaded) talk() *sockets.Client { return r.talkOf("www") }

// talkOf opens a websocket of a tenant.
func (r *reloaded) talkOf(name string) *sockets.Client {
	r.Helper()
	up, err := r.websocketTo(name+".example.com", "/talk/")
	if err != nil {
		r.Fatal(err)
	}
	c := sockets.NewClient(up, 1<<20)
	if err := c.SetDeadline(time.Now().Add(20 * patience)); err != nil { // it is read now and then
		r.Fatal(err)
	}
	r.reads(c, "in")
	return c
}

// reads reads the next message of a websocket.
func (r *reloaded) reads(c *sockets.Client, want string) {
	r.Helper()
	if _, got, err := c.Read(); err != nil || string(got) != want {
		r.Errorf("received %q, %v; expected %q", got, err, want)
	}
}

// ends reads a websocket to its end.
func (r *reloaded) ends(c *sockets.Client, code sockets.Code) {
	r.Helper()
	var err error
	for err == nil {
		_, _, err = c.Read()
	}
	var closed *sockets.CloseError
	if !errors.As(err, &closed) || closed.Code != code {
		r.Errorf("the websocket ends with %v, expected %d", err, code)
	}
	_ = c.Drop()
}

// Limits of websockets count those of all configurations.
func TestWebsocketsOfReplacedConfigurationsCountForTheLimits(t *testing.T) {
	text := talks + "limits: {websocket: {connections: 2}}\n"
	r := serveText(t, text, withMembers)
	first := r.talk()
	r.reload(strings.Replace(text, "first", "second", 1))
	r.talk()
	if _, err := r.websocketTo("www.example.com", "/talk/"); err == nil || !strings.Contains(err.Error(), "503") {
		t.Errorf("a third websocket: %v, expected 503", err)
	}
	_ = first.Drop()
	r.eventually("there is room again", func() bool {
		up, err := r.websocketTo("www.example.com", "/talk/")
		return err == nil && up.Close() == nil
	})
}

func TestTheOldestConfigurationsLoseTheirWebsocketsBeyondALimit(t *testing.T) {
	r := serveText(t, talks, withMembers)
	var open []*sockets.Client
	for i := range maxReplaced + 3 {
		open = append(open, r.talk())
		r.reload(strings.Replace(talks, "first", fmt.Sprint("body", i), 1))
	}
	for _, c := range open[:3] {
		r.ends(c, sockets.CodeRestart)
	}
	r.eventually("three are closed", func() bool { return r.server.Readiness().Configuration.Replaced == maxReplaced })
	newest := r.talk()
	if err := newest.Write(sockets.Text, []byte("hello")); err != nil {
		t.Fatal(err)
	}
	for _, c := range append(open[3:], newest) {
		for range 20 { // other messages may come first
			if _, got, err := c.Read(); err != nil || string(got) == "hello" {
				if err != nil {
					t.Errorf("a websocket that was to stay ends with %v", err)
				}
				break
			}
		}
		_ = c.Drop()
	}
}

// counter returns the sum of the samples of a metric.
func (r *reloaded) counter(name string) (sum float64) {
	r.Helper()
	families, err := r.server.Metrics().Gather()
	if err != nil {
		r.Fatal(err)
	}
	for _, f := range families {
		for _, m := range f.GetMetric() {
			if f.GetName() == name {
				sum += m.GetCounter().GetValue() + m.GetGauge().GetValue() + float64(m.GetHistogram().GetSampleCount())
			}
		}
	}
	return sum
}

func TestCountersDoNotGoBackAtAReload(t *testing.T) {
	r := serveText(t, talks, withMembers)
	before := map[string]*dto.MetricFamily{}
	for i := range 4 {
		c := r.talk()
		r.get("www.example.com", "/")
		r.reload(strings.Replace(talks, "first", fmt.Sprint("body", i), 1))
		if i%2 == 0 {
			_ = c.Drop()
		}
		families, err := r.server.Metrics().Gather()
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range families {
			for k, m := range f.GetMetric() {
				was := before[f.GetName()].GetMetric()
				if f.GetType() == dto.MetricType_COUNTER && len(was) == len(f.GetMetric()) && was[k].GetCounter().GetValue() > m.GetCounter().GetValue() {
					t.Errorf("%s went from %v to %v", f.GetName(), was[k], m)
				}
			}
			before[f.GetName()] = f
		}
		if got := r.counter("tenantedge_requests_total"); got != float64(2*(i+1)) {
			t.Errorf("after %d requests the counter is %v", 2*(i+1), got)
		}
	}
	r.eventually("only configurations with websockets are left", func() bool { return r.server.Readiness().Configuration.Replaced == 2 })
	for name, want := range map[string]float64{"tenantedge_requests_total": 8, "tenantedge_websockets": 2, "tenantedge_guest_info": 1, "tenantedge_config_reloads_total": 4} {
		if got := r.counter(name); got != want {
			t.Errorf("%s is %v, expected %v", name, got, want)
		}
	}
}

// A database that does not answer ends the reload in time, and nothing else.
func TestAReloadGivesUpOnADatabaseThatDoesNotAnswer(t *testing.T) {
	silent, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer silent.Close()
	t.Setenv("RELOAD_DSN", "postgres://edge@"+silent.Addr().String()+"/edge?sslmode=disable")
	r := serveText(t, oneSite)
	ctx, cancel := context.WithTimeout(t.Context(), 500*time.Millisecond)
	defer cancel()
	err = r.server.Reload(ctx, r.parse(oneSite+"directory: {source: postgres, dsn_env: RELOAD_DSN, tenant_table: t, domain_table: d}\n"))
	if err == nil || !strings.Contains(err.Error(), "tenantedge.yaml:") || !strings.Contains(err.Error(), "directory") {
		t.Errorf("got %v", err)
	}
	if got := r.get("www.example.com", "/").body; got != "first" || r.server.Readiness().Configuration.Refused == "" {
		t.Errorf("got %q, %+v", got, r.server.Readiness().Configuration)
	}
}

func TestReloadsAtTheSameTimeAndAroundTheLifeOfTheServer(t *testing.T) {
	early, err := New(t.Context(), (&reloaded{world: &world{T: t}, path: "edge.yaml"}).parse(oneSite), Options{})
	if err != nil {
		t.Fatal(err)
	}
	if err := early.Reload(t.Context(), early.now().parts.file); !errors.Is(err, ErrNotServing) {
		t.Errorf("before the start: %v", err)
	}
	if err := early.Close(); err != nil {
		t.Error(err)
	}

	r := serveText(t, oneSite)
	var all sync.WaitGroup
	for i := range 8 {
		file := r.parse(strings.Replace(oneSite, "first", fmt.Sprint("body", i), 1))
		all.Go(func() {
			if err := r.server.Reload(context.Background(), file); err != nil && !errors.Is(err, ErrNotServing) {
				t.Error(err)
			}
			if i == 5 {
				r.end() // the others find the shutdown
			}
		})
	}
	all.Wait()
	if err := <-r.ended; err != nil {
		t.Errorf("the shutdown ends with %v", err)
	}
	if err := r.server.Reload(t.Context(), r.parse(twoSites)); !errors.Is(err, ErrNotServing) {
		t.Errorf("after the shutdown: %v", err)
	}
	if err := r.server.Close(); err != nil {
		t.Error(err)
	}
}

// A listener that is not in the new configuration is closed, and its requests are
// answered.
func TestARemovedListenerIsClosed(t *testing.T) {
	r := serveText(t, strings.Replace(oneSite, "['127.0.0.1:0']", "['127.0.0.1:0', '127.0.0.1:0']", 1))
	gone := r.server.Addrs()[1].String()
	client := &http.Client{Transport: &http.Transport{}}
	resp, err := client.Get("http://" + gone + "/")
	if err != nil {
		t.Fatal(err)
	}
	_ = resp.Body.Close()
	r.reload(oneSite)
	if c, err := net.Dial("tcp", gone); err == nil {
		_ = c.Close()
		t.Error("the listener still accepts")
	}
	if len(r.server.Addrs()) != 1 || r.get("www.example.com", "/").body != "first" {
		t.Errorf("the listeners are %v", r.server.Addrs())
	}
}

// Follow notices a certificate that was renewed.
func TestARenewedCertificateIsServed(t *testing.T) {
	first, second := newCertificate(t, "www.example.com"), newCertificate(t, "www.example.com")
	text := strings.Replace(oneSite, "['127.0.0.1:0']", "[{address: '127.0.0.1:0', tls: {cert: '"+first.pair.Cert+"', key: '"+first.pair.Key+"'}}]", 1)
	r := serveText(t, text)
	put(t, r.path, []byte(text+"guest: {compile_cache: '"+compiled+"'}\n"))
	again := make(chan struct{}, 1)
	ctx, end := context.WithCancel(t.Context())
	var following sync.WaitGroup
	following.Go(func() { r.server.Follow(ctx, r.path, again) })
	t.Cleanup(func() { end(); following.Wait() })
	for from, to := range map[string]string{second.pair.Cert: first.pair.Cert, second.pair.Key: first.pair.Key} {
		data, err := os.ReadFile(from)
		if err != nil {
			t.Fatal(err)
		}
		put(t, to, data)
	}
	again <- struct{}{}
	want := second.der(t)
	r.eventually("the new certificate", func() bool { return string(certificateAt(t, r.server.Addrs()[0])) == string(want) })
	if filepath.Base(r.path) != "tenantedge.yaml" || len(r.logs.entries("the configuration was reloaded")) == 0 {
		t.Errorf("the log is %s", r.logs)
	}
}

func TestReloadsLeaveNothingBehind(t *testing.T) {
	r := serveText(t, talks, withMembers)
	after := func(n int) measured {
		for i := range n {
			r.reload(strings.Replace(talks, "first", fmt.Sprint("body", i), 1))
		}
		r.eventually("the replaced configurations are closed", func() bool { return r.server.Readiness().Configuration.Replaced == 0 })
		return measure()
	}
	few, more := after(2), after(10)
	if more.goroutines > few.goroutines || more.descriptors > few.descriptors || more.heap > few.heap+few.heap/2 {
		t.Errorf("after 12 reloads there are %+v, and %+v after two", more, few)
	}
}

// A shutdown that begins at any moment of a reload leaves no listener open.
func TestAShutdownDuringAReloadLeavesNoListener(t *testing.T) {
	r := serveText(t, oneSite)
	more := r.parse(strings.Replace(oneSite, "['127.0.0.1:0']", "['127.0.0.1:0', '127.0.0.1:0']", 1))
	before := r.server.now()
	parts, err := r.server.open(more, before.parts)
	if err != nil {
		t.Fatal(err)
	}
	g, err := r.server.configure(t.Context(), parts, before)
	if err != nil {
		t.Fatal(err)
	}
	ready, err := r.server.preparePorts(t.Context(), g)
	if err != nil {
		t.Fatal(err)
	}
	opened := ready.opened[0].Addr().String()
	r.end()
	if err := <-r.ended; err != nil {
		t.Fatal(err)
	}
	if r.server.reloads.exchange(func() { t.Error("the configuration is exchanged after the shutdown") }) {
		t.Error("the exchange is reported")
	}
	if err := errors.Join(ready.cancel(), g.close()); err != nil {
		t.Error(err)
	}
	if c, err := net.Dial("tcp", opened); err == nil {
		_ = c.Close()
		t.Error("the new listener still accepts")
	}
	if r.server.now() != before {
		t.Error("another configuration is current")
	}
}
