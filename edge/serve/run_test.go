package serve

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/tenantedge/tenantedge/edge/config"
)

// blockingApp is an application that answers when it is released.
type blockingApp struct {
	arrived chan struct{}
	release chan struct{}
}

func newBlockingApp() *blockingApp { return &blockingApp{make(chan struct{}), make(chan struct{})} }

func (h *blockingApp) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	h.arrived <- struct{}{}
	select {
	case <-h.release:
		_, _ = io.WriteString(w, "done")
	case <-r.Context().Done():
	}
}

func (w *world) readyz() (int, Readiness) {
	w.Helper()
	resp, err := noRedirects.Get("http://" + w.server.AdminAddr().String() + "/readyz")
	if err != nil {
		w.Fatal(err)
	}
	defer resp.Body.Close()
	var r Readiness
	if err := json.NewDecoder(resp.Body).Decode(&r); err != nil {
		w.Fatal(err)
	}
	return resp.StatusCode, r
}

// startRequest sends a request and returns the channel of its answer.
func (w *world) startRequest(h *blockingApp) <-chan string {
	answers := make(chan string, 1)
	r := w.request(http.MethodGet, "acme.example.com", "/")
	go func() {
		resp, err := noRedirects.Do(r)
		if err != nil {
			answers <- "error: " + err.Error()
			return
		}
		defer resp.Body.Close()
		body, err := io.ReadAll(resp.Body)
		if err != nil {
			body = []byte("error: " + err.Error())
		}
		answers <- string(body)
	}()
	<-h.arrived
	return answers
}

func (w *world) refusesConnections() bool {
	c, err := net.Dial("tcp", w.addr())
	if err == nil {
		c.Close()
	}
	return err != nil
}

func TestAShutdownCompletesOpenRequests(t *testing.T) {
	h := newBlockingApp()
	w := start(t, withApp(h.ServeHTTP))
	answers := w.startRequest(h)
	w.end()
	w.eventually("not ready", func() bool { return !w.server.Readiness().Ready })
	if status, r := w.readyz(); status != http.StatusServiceUnavailable || r.Reason != "shutting down" || r.Requests != 1 {
		t.Errorf("/readyz says %d, %+v", status, r)
	}
	w.eventually("the listener is closed", w.refusesConnections)
	select {
	case err := <-w.ended:
		t.Fatalf("the server stopped (%v) while a request was in progress", err)
	default:
	}
	close(h.release)
	if got := <-answers; got != "done" {
		t.Errorf("the request in progress got %q", got)
	}
	if err := <-w.ended; err != nil {
		t.Errorf("the shutdown ended with %v", err)
	}
}

func TestAShutdownInterruptsLongRequests(t *testing.T) {
	force := make(chan struct{})
	close(force)
	for name, change := range map[string]func(*setup){
		"after the timeout": func(s *setup) { s.options.Limits.ShutdownTimeout = 10 * time.Millisecond },
		"when forced":       func(s *setup) { s.options.Force = force },
	} {
		t.Run(name, func(t *testing.T) {
			h := newBlockingApp()
			w := start(t, withApp(h.ServeHTTP), change)
			answers := w.startRequest(h)
			w.end()
			if err := <-w.ended; !errors.Is(err, ErrInterrupted) {
				t.Errorf("the shutdown ended with %v, expected %v", err, ErrInterrupted)
			}
			if got := <-answers; !strings.HasPrefix(got, "503 ") {
				t.Errorf("the request was answered with %q, expected 503", got)
			}
		})
	}
}

// A request without an answer at the end of the shutdown time gets 503.
func TestInterruptedRequestsAreAnsweredWith503_G10(t *testing.T) {
	h := newBlockingApp()
	defer close(h.release) // the application's server waits for the body, which the handler does not read
	w := startMedia(t, withApp(h.ServeHTTP), uploadsFor(config.AccessPublic), func(s *setup) {
		s.options.Limits.ShutdownTimeout, s.options.Limits.BodyTimeout = 10*time.Millisecond, patience
		s.options.URLConfs["media"] = s.options.URLConfs["app"]
		s.options.URLConfs["app"] = config.URLConf{}
		s.edge.GuestConfig.Tenants[0].URLConf = "media" // www
	})
	requests := map[string]string{
		"waits for an upstream": "GET / HTTP/1.1\r\nHost: acme.example.com\r\n\r\n",
		"sends to an upstream":  "POST / HTTP/1.1\r\nHost: acme.example.com\r\nContent-Length: 10\r\n\r\nx",
		"uploads":               "PUT /media/www/new.txt HTTP/1.1\r\nHost: www-site.example.com\r\nContent-Length: 10\r\n\r\nx",
	}
	answers := map[string]*bufio.Reader{}
	for name, request := range requests {
		_, answers[name] = w.dialAndSend(request)
	}
	<-h.arrived
	<-h.arrived
	w.eventually("all are served", func() bool {
		w.server.shares.mu.Lock()
		defer w.server.shares.mu.Unlock()
		return w.server.shares.total == 3
	})
	w.end()
	for name, in := range answers {
		resp, err := http.ReadResponse(in, nil)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if resp.StatusCode != http.StatusServiceUnavailable || !resp.Close {
			t.Errorf("%s: %d, close %v, expected 503 and the end of the connection", name, resp.StatusCode, resp.Close)
		}
		resp.Body.Close()
	}
	if err := <-w.ended; !errors.Is(err, ErrInterrupted) {
		t.Errorf("the shutdown ended with %v, expected %v", err, ErrInterrupted)
	}
}

func TestAShutdownClosesTunnelsImmediately_G10(t *testing.T) {
	h := newBlockingApp()
	w := start(t, withApp(func(rw http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Upgrade") != "" {
			uppercaseEcho(rw, r)
			return
		}
		h.ServeHTTP(rw, r)
	}))
	_, in := w.upgrade()
	answers := w.startRequest(h)
	w.end()
	if rest, err := io.ReadAll(in); string(rest) != "\x88\x02\x03\xe9" || err != nil && !errors.Is(err, net.ErrClosed) && !strings.Contains(err.Error(), "reset") {
		t.Errorf("with a request in progress, the websocket read %q, %v, expected 1001", rest, err)
	}
	close(h.release)
	if got := <-answers; got != "done" {
		t.Errorf("the request in progress got %q", got)
	}
	if err := <-w.ended; err != nil {
		t.Errorf("the shutdown ended with %v", err)
	}
}

func TestRequestsDuringAShutdownAreAnsweredOrRefused(t *testing.T) {
	w := start(t)
	var clients sync.WaitGroup
	started := make(chan struct{}, 4)
	for range 4 {
		clients.Go(func() {
			client := &http.Client{Transport: &http.Transport{}, Timeout: patience}
			defer client.CloseIdleConnections()
			for first := true; ; first = false {
				resp, err := client.Do(w.request(http.MethodGet, "acme.example.com", "/"))
				if err != nil {
					return // the server has shut down
				}
				_, err = io.Copy(io.Discard, resp.Body)
				resp.Body.Close()
				if resp.StatusCode != http.StatusOK || err != nil {
					t.Errorf("status %d, %v", resp.StatusCode, err)
				}
				if first {
					started <- struct{}{}
				}
			}
		})
	}
	for range 4 {
		<-started
	}
	w.end()
	if err := <-w.ended; err != nil {
		t.Errorf("the shutdown ended with %v", err)
	}
	clients.Wait()
}

// Run serves a configuration until its context ends.
func TestRunServesAFile(t *testing.T) {
	f, err := config.Parse("tenantedge.yaml", []byte(`
tenants:
  www: {DOMAINS: [www.example.com], URLCONF: site}
urlconfs:
  site: {reply: {body: hello}}
admin: off
listeners: ['127.0.0.1:0']
`))
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	got := make(chan string, 1)
	err = Run(ctx, f, Options{Logger: slog.New(slog.DiscardHandler), Ready: func(s *Server) {
		address := s.Addrs()[0].String()
		go func() { // Run accepts connections after Ready has returned
			defer cancel()
			got <- pageOf(t, address, "www.example.com")
		}()
	}})
	if page := <-got; err != nil || page != "hello" {
		t.Errorf("the page is %q, Run returned %v; expected hello and nil", page, err)
	}
}

// pageOf returns the body of / for a host from the server at address.
func pageOf(t *testing.T, address, host string) string {
	r, err := http.NewRequest(http.MethodGet, "http://"+address+"/", nil)
	if err != nil {
		t.Error(err)
		return ""
	}
	r.Host = host
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Error(err)
		return ""
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Error(err)
	}
	return string(body)
}
