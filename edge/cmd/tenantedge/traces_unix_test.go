//go:build unix

package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/tenantedge/tenantedge/tenantdb/testserver"
)

const python = "/usr/bin/python3"

// child starts a program that ends with the test.
func child(t *testing.T, cmd *exec.Cmd) {
	t.Helper()
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Kill() // it may have exited
		_ = cmd.Wait()
		if t.Failed() {
			t.Logf("%s: %s", cmd.Path, stderr.String())
		}
	})
}

// djangoBehind starts testdata/traced_app.py and returns its URL.
func djangoBehind(t *testing.T, collector string) string {
	t.Helper()
	if out, err := exec.Command(python, "-c", "import django").CombinedOutput(); err != nil {
		t.Logf("%v: %s", err, out)
		t.Skip("Django is not installed for " + python + ": install Debian's python3-django")
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close() // the process has a copy: connections wait until it accepts them
	file, err := l.(*net.TCPListener).File()
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	cmd := exec.Command(python, "testdata/traced_app.py", "3", collector)
	cmd.ExtraFiles = []*os.File{file}
	child(t, cmd)
	return "http://" + l.Addr().String()
}

// span is a span as the collector passes it on.
type span struct {
	TraceID, SpanID, ParentSpanID, Name string
	Kind                                int
	Attributes                          []struct {
		Key   string
		Value struct{ StringValue, IntValue string }
	}
	service string
}

func (s span) attribute(key string) string {
	for _, a := range s.Attributes {
		if a.Key == key {
			return a.Value.StringValue + a.Value.IntValue
		}
	}
	return ""
}

// collector starts bin/otelcol, an OpenTelemetry collector, and returns it, its URL and
// the spans that it passes on.
func collector(t *testing.T) (server *testserver.Server, url string, passed <-chan span) {
	t.Helper()
	program, err := filepath.Abs("../../../bin/otelcol")
	if err == nil {
		_, err = os.Stat(program)
	}
	if err != nil {
		if os.Getenv("TENANTEDGE_SERVERS") == "all" {
			t.Fatal(err)
		}
		t.Skipf("there is no collector: build it with .ci/collector.sh: %v", err)
	}
	spans := make(chan span, 1000)
	sink := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		var body struct {
			ResourceSpans []struct {
				Resource   span
				ScopeSpans []struct{ Spans []span }
			}
		}
		switch err := json.NewDecoder(r.Body).Decode(&body); {
		case errors.Is(err, io.ErrUnexpectedEOF):
			return // it was stopped while it was sending
		case err != nil:
			t.Errorf("the collector sends %v", err)
		}
		for _, resource := range body.ResourceSpans {
			for _, scope := range resource.ScopeSpans {
				for _, s := range scope.Spans {
					s.service = resource.Resource.attribute("service.name")
					spans <- s
				}
			}
		}
	}))
	t.Cleanup(sink.Close)
	server = testserver.Own(t, func() (*testserver.Server, error) {
		return testserver.Start(testserver.Config{
			Name: "collector",
			Prepare: func(s *testserver.Server) (err error) {
				program, err = s.Readable(program)
				return err
			},
			Command: func(s *testserver.Server) *exec.Cmd {
				config := filepath.Join(s.Dir(), "collector.yaml") // the port is known only now
				if err := os.WriteFile(config, fmt.Appendf(nil, `
receivers: {otlp: {protocols: {http: {endpoint: "127.0.0.1:%d"}}}}
exporters: {otlphttp: {endpoint: %q, encoding: json, compression: none, sending_queue: {enabled: false}}}
service:
  telemetry: {metrics: {level: none}}
  pipelines: {traces: {receivers: [otlp], exporters: [otlphttp]}}
`, s.Port(), sink.URL), 0o644); err != nil {
					t.Error(err)
				}
				return s.Command(program, "--config", config)
			},
			Ready: accepts,
		})
	})
	return server, fmt.Sprintf("http://127.0.0.1:%d", server.Port()), spans
}

// A request for which the guest reads a session and queries the database is one trace,
// from the edge to Django, which a real collector gets.
func TestOneTraceLeadsThroughTheEdgeToDjango(t *testing.T) {
	_, url, passed := collector(t)
	path := apiKeyConfig(t, djangoBehind(t, url), "schema: public, "+keyQuery)
	t.Setenv("TENANTEDGE_TEST_KEY", djangoSecretKey)
	execute(t, os.Getenv("TENANTEDGE_TEST_DSN"), "CREATE TABLE django_session (session_key varchar(40) PRIMARY KEY, session_data text NOT NULL, expire_date timestamptz NOT NULL)")
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	text = append(text, fmt.Sprintf(`
routers: [domain, session]
sessions: {backend: db, secret_key_env: TENANTEDGE_TEST_KEY}
tracing: {endpoint: %q, sample: 100%%}
logs: {format: json, access: true}
`, url)...)
	if err := os.WriteFile(path, text, 0o600); err != nil {
		t.Fatal(err)
	}
	log := &bytes.Buffer{}
	e := startServeLogging(t, path, log)
	const clients = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
	status, _, body := fetch(t, "http://"+e.address+"/v1/items?secret=1", "X-Api-Key", "acme's key", "Cookie", "sessionid="+knownSession, "Traceparent", clients)
	if status != http.StatusOK || body != "acme" {
		t.Fatalf("%d %q", status, body)
	}
	e.stop() // which sends the spans

	// From the outside to the inside: each name has the parent before it.
	chain := map[string]string{"GET": "", "session": "GET", "guest te_route": "GET", "query": "guest te_route", "HTTP GET": "GET", "django /v1/items": "HTTP GET"}
	found := map[string]span{}
	for len(found) < len(chain) {
		select {
		case s := <-passed:
			if _, known := chain[s.Name]; !known || found[s.Name].Name != "" {
				t.Errorf("unexpected: %+v", s)
			}
			found[s.Name] = s
		case <-time.After(patience):
			t.Fatalf("the collector passes on only %v", found)
		}
	}
	for name, parent := range chain {
		s := found[name]
		if s.TraceID != found["GET"].TraceID || s.ParentSpanID != found[parent].SpanID {
			t.Errorf("%s belongs to %s in trace %s, want %s", name, s.ParentSpanID, s.TraceID, parent)
		}
		if service := map[bool]string{true: "django", false: "tenantedge"}[strings.HasPrefix(name, "django")]; s.service != service {
			t.Errorf("%s is of %q", name, s.service)
		}
	}
	if found["GET"].Kind != 2 || found["HTTP GET"].Kind != 3 {
		t.Error("the spans of server and client have another kind")
	}
	if strings.Contains(clients, found["GET"].TraceID) {
		t.Error("a client that is not trusted has chosen the trace")
	}
	guest := found["guest te_route"]
	if guest.attribute("tenantedge.tenant") != "acme" || guest.attribute("tenantedge.outcome") != "tenant" || len(guest.attribute("tenantedge.guest")) != 64 ||
		slices.Contains([]string{"", "0"}, guest.attribute("tenantedge.fuel")) || slices.Contains([]string{"", "0"}, guest.attribute("tenantedge.guest_ns")) {
		t.Errorf("the guest's span is %+v", guest)
	}
	if found["query"].attribute("tenantedge.query") != "tenant_of_key" {
		t.Errorf("the query's span is %+v", found["query"])
	}
	for _, part := range []string{`"trace":"` + found["GET"].TraceID, `"request":"` + found["django /v1/items"].attribute("request")} {
		if !strings.Contains(log.String(), part) {
			t.Errorf("%s is not in the access log: %s", part, log.String())
		}
	}
}

// A collector that is down or hangs delays no request and no shutdown. Spans that do not
// fit into the queue are counted, and later ones are sent when it is back.
func TestACollectorThatFailsDelaysNoRequest(t *testing.T) {
	server, url, passed := collector(t)
	go func() {
		for range passed { // so that the collector never waits
		}
	}()
	e := newEdge(t, "tracing: {endpoint: %q, sample: 100%%}\n", url)
	e.w.startEdges()
	spans := func(result string) (n int) {
		_, rest, found := strings.Cut(e.look("/metrics"), "\ntenantedge_trace_spans_total{result=\""+result+"\"} ")
		if _, err := fmt.Sscan(rest, &n); !found || err != nil {
			t.Fatalf("the metric of spans: %v", err)
		}
		return n
	}
	// send sends requests until the condition holds. Each has two spans.
	send := func(what string, holds func() bool) {
		t.Helper()
		e.w.until(what, func() bool {
			for range 100 {
				if got := e.ask("GET", "nobody.example.com", "/"); got != "404" {
					t.Fatalf("until %s: a request gets %s", what, got)
				}
			}
			return holds()
		})
	}
	recovered := func(what string) {
		t.Helper()
		before := spans("exported")
		send(what, func() bool { return spans("exported") > before })
	}
	recovered("spans are sent")
	server.Kill(t)
	send("spans are lost since the collector is down", func() bool { return spans("failed") > 0 })
	server.Restart(t)
	recovered("spans are sent after its restart")
	resume := paused(t, server)
	defer resume()
	send("spans are dropped since the collector hangs", func() bool { return spans("dropped") > 0 })
	if n := strings.Count(e.logs.String(), "the collector of traces does not take spans"); n != 1 {
		t.Errorf("the log has %d lines about the collector, expected one a minute", n)
	}
	resume()
	recovered("spans are sent after it answers again")
	resume = paused(t, server)
	defer resume()
	e.shutDown()
}
