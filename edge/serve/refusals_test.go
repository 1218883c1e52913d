package serve

import (
	"errors"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/tenantedge/tenantedge/edge/config"
	"github.com/tenantedge/tenantedge/edge/internal/sockets"
	"github.com/tenantedge/tenantedge/edge/internal/wasm/wasmtest"
	"github.com/tenantedge/tenantedge/edge/storage"
	"github.com/tenantedge/tenantedge/guest/abi"
)

// refusal is a way to be refused.
type refusal struct {
	name   string
	status int
	page   bool // the answer has the page of errors
	send   func(*world) answer
}

// refuses checks that each refusal has the id of the request, which the access log has
// too, and never the one that the client sent.
func (w *world) refuses(all ...refusal) {
	w.Helper()
	for _, c := range all {
		before := len(w.logs.entries("access"))
		a := c.send(w)
		id := a.Header.Get("X-Request-Id")
		if a.StatusCode != c.status || len(a.Header["X-Request-Id"]) != 1 || len(id) < 20 || id == forgedID {
			w.Errorf("%s: status %d, expected %d; the id is %q", c.name, a.StatusCode, c.status, a.Header["X-Request-Id"])
			continue
		}
		if c.page && !strings.Contains(a.body, "\nrequest "+id+"\n") {
			w.Errorf("%s: the page %q lacks the id %s", c.name, a.body, id)
		}
		w.eventually(c.name+" is logged", func() bool { return len(w.logs.entries("access")) > before })
		if e := w.logs.entries("access")[before]; e["request"] != id {
			w.Errorf("%s: the access log has %v, the client %s", c.name, e["request"], id)
		}
	}
}

const forgedID = "of-the-client"

// gets returns what sends a GET.
func gets(host, target string, headers ...string) func(*world) answer {
	return asks(http.MethodGet, host, target, headers...)
}

func asks(method, host, target string, headers ...string) func(*world) answer {
	return func(w *world) answer {
		return w.do(w.request(method, host, target, append(headers, "X-Request-Id", forgedID)...))
	}
}

// shakes returns what sends a websocket handshake.
func shakes(path string, headers ...string) func(*world) answer {
	return func(w *world) answer {
		_, err := w.websocket(path, append(headers, "X-Request-Id", forgedID)...)
		var refused *sockets.StatusError
		if !errors.As(err, &refused) {
			w.Fatalf("the handshake of %s: %v", path, err)
		}
		defer refused.Response.Body.Close()
		body, _ := io.ReadAll(refused.Response.Body)
		return answer{refused.Response, string(body)}
	}
}

func logged(s *setup) { s.options.AccessLog = true }

func TestEveryRefusalHasTheIDOfItsRequest(t *testing.T) {
	large := strings.Repeat("x", 1000)
	w := start(t, logged, withWebsockets(t), withApp(func(rw http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/slow" {
			<-r.Context().Done()
		}
		_, _ = io.Copy(io.Discard, r.Body)
	}), func(s *setup) {
		s.edge.TrustedPeers = loopbackPeers()
		s.options.Limits.MaxBodyBytes, s.options.Limits.ResponseHeaderTimeout = 100, 50*time.Millisecond
	})
	w.refuses(
		refusal{"an unknown host", 404, true, gets("unknown.example.com", "/")},
		refusal{"an invalid host", 400, true, gets("a..example.com", "/")},
		refusal{"another host than that of the load balancer", 421, true, gets("acme.example.com", "/", "X-Forwarded-Host", "umbra.example.com")},
		refusal{"a request that is too large for the guest", 431, true, gets("acme.example.com", "/?"+strings.Repeat("x", 65<<10))},
		refusal{"a urlconf that is not configured", 502, true, gets("lost.example.com", "/")},
		refusal{"a reply", 410, false, gets("gone.example.com", "/")},
		refusal{"a missing file", 404, true, gets("files.example.com", "/missing")},
		refusal{"a method that files do not have", 405, true, asks("POST", "files.example.com", "/missing")},
		refusal{"a method that applications do not get", 405, true, asks("TRACE", "acme.example.com", "/")},
		refusal{"a body that is too large", 413, true, func(w *world) answer { return w.send("POST", "acme.example.com", "/", large) }},
		refusal{"a chunked body that is too large", 413, true, func(w *world) answer {
			r := w.request("POST", "acme.example.com", "/")
			r.Body, r.ContentLength = io.NopCloser(strings.NewReader(large)), -1
			return w.do(r)
		}},
		refusal{"a slow application", 504, true, gets("acme.example.com", "/slow")},
		refusal{"a handshake without a route", 404, true, shakes("/none/")},
		refusal{"a handshake from another site", 403, true, shakes("/echo/", "Origin", "https://evil.example.com")},
		refusal{"a handshake of another version", 426, true, gets("acme.example.com", "/echo/", "Connection", "Upgrade", "Upgrade", "websocket",
			"Sec-Websocket-Version", "7", "Sec-Websocket-Key", "AAAAAAAAAAAAAAAAAAAAAA==", "Origin", "https://acme.example.com")},
	)
	w.app.Close()
	w.refuses(refusal{"a broken application", 502, true, gets("acme.example.com", "/")})
	w.server.interrupt()
	w.refuses(refusal{"a shutdown", 503, true, gets("acme.example.com", "/")})
}

func TestRefusalsAtLimitsHaveTheIDOfTheirRequest(t *testing.T) {
	running, end := make(chan struct{}), make(chan struct{})
	w := start(t, logged, withApp(func(http.ResponseWriter, *http.Request) { running <- struct{}{}; <-end }),
		func(s *setup) { s.options.Limits.TenantRequests = 1 })
	first := make(chan struct{})
	go func() {
		defer close(first)
		resp, err := noRedirects.Do(w.request("GET", "acme.example.com", "/"))
		if err == nil {
			resp.Body.Close()
		}
	}()
	<-running
	w.refuses(refusal{"too many requests of a tenant", 503, true, gets("acme.example.com", "/")})
	close(end)
	<-first

	c := startCells(t, config.Hold{Timeout: time.Millisecond, Requests: 1, Bytes: 1 << 20}, logged)
	c.place("acme", "eu1", "moving")
	c.refuses(refusal{"a hold that lasts too long", 503, true, gets("acme.example.com", "/")})

	hungry := start(t, logged, func(s *setup) { s.edge.Guest = wasmtest.Sound().Replies(abi.ExportRoute, "no message").Wasm() })
	hungry.refuses(refusal{"a guest that fails", 502, true, gets("acme.example.com", "/")})
}

func TestRefusalsOfFilesHaveTheIDOfTheirRequest(t *testing.T) {
	keys := []storage.Key{{ID: "k", Secret: []byte("a secret of sixteen bytes")}}
	signed := startMedia(t, logged, serveAs(config.URLConf{Media: true, Access: config.AccessSigned}), func(s *setup) { s.options.SigningKeys = keys })
	signed.refuses(refusal{"no signature", 403, true, gets("acme.example.com", "/media/acme/a.txt")})
	private := startMedia(t, logged, serveAs(config.URLConf{Media: true, Access: config.AccessPrivate}))
	private.refuses(refusal{"a private file", 403, true, gets("acme.example.com", "/media/acme/a.txt")})

	w := startMedia(t, logged, uploadsFor(config.AccessPublic))
	put := func(target string, headers ...string) func(*world) answer {
		return func(w *world) answer {
			return w.send("PUT", "acme.example.com", target, "content", append(headers, "X-Request-Id", forgedID)...)
		}
	}
	w.refuses(
		refusal{"a missing file", 404, true, gets("acme.example.com", "/media/acme/none.txt")},
		refusal{"another tenant's file", 404, true, gets("acme.example.com", "/media/other/a.txt")},
		refusal{"a range outside of the file", 416, false, gets("acme.example.com", "/media/acme/a.txt", "Range", "bytes=100-")},
		refusal{"a condition", 412, false, gets("acme.example.com", "/media/acme/a.txt", "If-Match", `"other"`)},
		refusal{"a condition of an upload", 412, true, put("/media/acme/a.txt", "If-None-Match", "*")},
		refusal{"an encoded upload", 415, true, put("/media/acme/a.txt", "Content-Encoding", "gzip")},
		refusal{"a resumable upload that does not exist", 404, false, asks("HEAD", "acme.example.com", "/media/acme/a.txt?"+url.Values{"te-upload": {"none"}}.Encode(), "Tus-Resumable", "1.0.0")},
	)
}

func TestTheDeciderAndTheAdminListenerNameTheRequest(t *testing.T) {
	w := start(t, logged, asking("nginx"))
	a := w.asks("unknown.example.com", "X-Request-Id: "+forgedID)
	id := a.Header.Get("X-Request-Id")
	if e := w.logs.entries("decision"); a.StatusCode != http.StatusForbidden || !strings.Contains(a.body, "\nrequest "+id+"\n") || len(e) != 1 || e[0]["request"] != id || id == forgedID {
		t.Errorf("%d %v %q, logged %v", a.StatusCode, a.Header, a.body, e)
	}
	for target, status := range map[string]int{"/nothing": 404, "/tenants/none": 404} {
		r := w.request("GET", "localhost", target, "X-Request-Id", forgedID)
		r.URL.Host = w.server.AdminAddr().String()
		if a := w.do(r); a.StatusCode != status || len(a.Header.Get("X-Request-Id")) < 20 {
			t.Errorf("%s: %d %v", target, a.StatusCode, a.Header)
		}
	}
}

// An application gets the id of the request, and its own answer stays as it is.
func TestAnApplicationGetsTheIDOfTheRequest(t *testing.T) {
	w := start(t, logged, withApp(func(rw http.ResponseWriter, r *http.Request) {
		rw.Header()["Got"] = r.Header["X-Request-Id"]
		for name := range r.Header {
			if strings.EqualFold(strings.ReplaceAll(name, "_", "-"), "X-Request-Id") && name != "X-Request-Id" {
				rw.Header().Add("Got", name)
			}
		}
		rw.WriteHeader(http.StatusNotFound)
	}))
	a := w.get("acme.example.com", "/", "X-Request-Id", forgedID, "X_Request_Id", forgedID)
	if got := a.Header["Got"]; len(got) != 1 || got[0] == forgedID || a.Header["X-Request-Id"] != nil {
		t.Fatalf("the application got %q, the client %v", got, a.Header)
	}
	w.eventually("the line", func() bool { return len(w.logs.entries("access")) == 1 })
	if e := w.logs.entries("access")[0]; e["request"] != a.Header.Get("Got") {
		t.Errorf("the access log has %v, the application %v", e["request"], a.Header["Got"])
	}
}
