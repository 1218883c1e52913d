//go:build unix

package serve

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"time"
)

const (
	// betweenPieces makes a body arrive after its head: some servers read only a
	// body that arrives with the head.
	betweenPieces = 50 * time.Millisecond
	chunks        = "5\r\nhello\r\n1;x=y\r\n \r\n5\r\nworld\r\n0\r\n\r\n"
)

// sendApart is send, with a pause between head and body.
func (p pair) sendApart(address, head, body string) rawResponse {
	p.Helper()
	c := dial(p.T, address)
	defer c.Close()
	for _, piece := range []string{head, body} {
		if _, err := io.WriteString(c, piece); err != nil {
			p.Logf("the server did not read %.40q to the end: %v", head, err)
		}
		time.Sleep(betweenPieces)
	}
	method, _, _ := strings.Cut(head, " ")
	return readResponse(bufio.NewReader(c), method)
}

func bodies(p pair) (found []string) {
	for _, c := range []struct{ name, head, body, want string }{
		{"a length", rawRequest("POST", "/", "", "Content-Length: 11"), "hello world", "hello world"},
		{"chunks", rawRequest("POST", "/", "", "Transfer-Encoding: chunked"), chunks, "hello world"},
		{"a length of 0", rawRequest("POST", "/", "", "Content-Length: 0"), "", ""},
		{"no length", rawRequest("POST", "/", ""), "", ""},
		{"PUT", rawRequest("PUT", "/", "", "Content-Length: 11"), "hello world", "hello world"},
		{"GET with a length", rawRequest("GET", "/", "", "Content-Length: 11"), "hello world", "hello world"},
		{"GET with chunks", rawRequest("GET", "/", "", "Transfer-Encoding: chunked"), chunks, "hello world"},
	} {
		d := p.sendApart(p.app.address(), c.head, c.body)
		ds, ok := d.appRequest()
		switch {
		case !ok:
			found = append(found, fmt.Sprintf("%d to %s", d.status, c.name))
		case ds.Body != c.want:
			found = append(found, fmt.Sprintf("%s: the body is dropped", c.name))
		}
		e := p.sendApart(p.edge.addr(), c.head, c.body)
		// The edge adds a length of 0 to a request without a body. A body may
		// arrive at the server sooner through the edge than from the client.
		es, eok := e.appRequest()
		if ok && !eok || es.Body != c.want && es.Body != ds.Body {
			p.Errorf("%s: directly %d %q, through the edge %d %q", c.name, d.status, ds.Body, e.status, es.Body)
		}
	}
	return found
}

// surplusRequests are requests whose answers have no body in HTTP.
var surplusRequests = []struct{ name, method, query string }{
	{"HEAD", "HEAD", "b="}, {"204", "GET", "s=204+No+Content&b="}, {"205", "GET", "s=205+Reset+Content&b="}, {"304", "GET", "s=304+Not+Modified&b="},
}

func surplus(p pair) (found []string) {
	c := dial(p.T, p.edge.addr())
	defer c.Close()
	in := bufio.NewReader(c)
	// One connection for all tenants, like that of a proxy before the edge.
	exchange := func(method, host, target string) rawResponse {
		if _, err := fmt.Fprintf(c, "%s %s HTTP/1.1\r\nHost: %s\r\n\r\n", method, target, host); err != nil {
			p.Fatal(err)
		}
		return readResponse(in, method)
	}
	for _, r := range surplusRequests {
		target := "/?" + r.query + forgedQuery
		if d := p.directly(rawRequest(r.method, target, "")); r.name == "205" && d.body == forgedAnswer || strings.Contains(d.surplus, "forged") {
			found = append(found, "a body after "+r.name)
		}
		for n := range 5 {
			if h := exchange(r.method, "acme.example.com", target); h.body != "" || h.status >= 500 {
				p.Errorf("%s: status %d with %q", r.name, h.status, h.body)
			}
			if h := exchange("GET", "umbra.example.com", fmt.Sprintf("/?n=%d", n)); h.body != fmt.Sprintf("page of umbra %d", n) {
				p.Fatalf("after %s: status %d with %q, expected the tenant's own page", r.name, h.status, h.body)
			}
		}
	}
	return found
}

const handshake = "Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nOrigin: http://acme.example.com"

// upgrade requests a switch of protocols. It returns the status and what the
// server sends unprompted.
func (p pair) upgrade(address string, lines ...string) (int, string) {
	p.Helper()
	c := dial(p.T, address)
	defer c.Close()
	if _, err := io.WriteString(c, strings.Join(append([]string{"GET / HTTP/1.1", "Host: acme.example.com"}, lines...), "\r\n")+"\r\n\r\n"); err != nil {
		p.Fatal(err)
	}
	in := bufio.NewReader(c)
	h := readResponse(in, "GET")
	if h.status != http.StatusSwitchingProtocols {
		return h.status, h.body
	}
	head := make([]byte, 2)
	if _, err := io.ReadFull(in, head); err != nil {
		return h.status, ""
	}
	text := make([]byte, head[1]&127)
	if _, err := io.ReadFull(in, text); err != nil {
		return h.status, ""
	}
	return h.status, string(text)
}

func upgradeRequests(p pair) (found []string) {
	for _, protocol := range []string{"h2c", "websocket/13", "tls/1.0"} {
		lines := []string{"Upgrade: " + protocol, "HTTP2-Settings: AAMAAABkAARAAAAAAAIAAAAA", strings.Replace(handshake, "Upgrade", "Upgrade, HTTP2-Settings", 1)}
		if status, _ := p.upgrade(p.app.address(), lines...); status == http.StatusSwitchingProtocols {
			found = append(found, "switches to "+code(protocol))
		}
		switch status, body := p.upgrade(p.edge.addr(), lines...); {
		case status == http.StatusSwitchingProtocols || status >= 500:
			p.Errorf("%s: status %d", protocol, status)
		case status == http.StatusOK:
			if s, _ := (rawResponse{status: status, body: body}).appRequest(); len(s.values("upgrade")) > 0 || len(s.values("http2-settings")) > 0 {
				p.Errorf("%s: the application got %q", protocol, body)
			}
		}
	}
	status, _ := p.upgrade(p.app.address(), "Upgrade: websocket", handshake)
	if status != http.StatusSwitchingProtocols {
		if status, _ := p.upgrade(p.edge.addr(), "Upgrade: websocket", handshake); status == http.StatusSwitchingProtocols {
			p.Error("the edge opened a websocket that the application does not accept")
		}
		return found
	}
	if status, text := p.upgrade(p.edge.addr(), "Upgrade: websocket", handshake, "Tenant: umbra"); status != http.StatusSwitchingProtocols || text != "tenant acme" {
		p.Errorf("a websocket: status %d with %q", status, text)
	}
	return append(found, "websockets")
}

func trailers(p pair) (found []string) {
	request := rawRequest("POST", "/", "5\r\nhello\r\n0\r\nX-Sum: in the trailer\r\nCookie: sessionid=in the trailer\r\nX-Forwarded-For: in the trailer\r\nTenant: in the trailer\r\n\r\n",
		"Transfer-Encoding: chunked", "Trailer: X-Sum, Cookie, X-Forwarded-For, Tenant")
	d := p.directly(request)
	s, ok := d.appRequest()
	switch {
	case !ok:
		found = append(found, fmt.Sprintf("%d to a request with trailers", d.status))
	case s.nameOf("in the trailer") != "":
		found = append(found, "treats a request's trailers as headers")
	case slices.Contains(s.Trailers, "in the trailer"):
		found = append(found, "passes a request's trailers separately")
	}
	if e := p.throughEdge(request); e.status == http.StatusOK {
		s, _ := e.appRequest()
		if !slices.Equal(s.values("tenant"), []string{"acme"}) || s.nameOf("in the trailer") != "" || len(s.values("trailer")) > 0 || len(s.Trailers) > 0 {
			p.Errorf("the application got %+v", s)
		}
	} else if s.Body == "hello" { // a server that does not read chunks may reset the connection
		p.Errorf("status %d, directly %d", e.status, d.status)
	}
	if d := p.directly(get("/trailer", "TE: trailers")); len(d.trailer) > 0 {
		found = append(found, "sends trailers, including `X-Accel-Redirect` and `Set-Cookie`")
		if e := p.throughEdge(get("/trailer", "TE: trailers")); e.trailer.Get("X-Sum") != "1" || e.trailer.Get("X-Accel-Redirect") != "" || e.trailer.Get("Set-Cookie") != "" {
			p.Errorf("the client got the trailer %v", e.trailer)
		}
	}
	return found
}

func interim(p pair) (found []string) {
	expectation := rawRequest("POST", "/", "hello world", "Content-Length: 11", "Expect: 100-continue")
	for _, c := range []struct {
		status  int
		request string
	}{{http.StatusContinue, expectation}, {http.StatusEarlyHints, get("/hints")}} {
		d, e := p.directly(c.request).interim, p.throughEdge(c.request).interim
		if slices.Contains(d, c.status) {
			found = append(found, fmt.Sprint("sends ", c.status))
		} else if c.status == http.StatusContinue {
			found = append(found, "never sends 100")
		}
		if c.status == http.StatusContinue {
			d = []int{http.StatusContinue} // the edge's
		}
		if !slices.Equal(d, e) {
			p.Errorf("directly %d, through the edge %d", d, e)
		}
	}
	return found
}

// early sends a request whose answer does not depend on the body, and a part of
// the body. It returns the status, and whether the answer came before the rest of
// the body was sent.
func (p pair) early(address string, wait time.Duration) (int, bool) {
	p.Helper()
	body := bytes.Repeat([]byte("x"), 1<<20)
	c := dial(p.T, address)
	defer c.Close()
	if _, err := io.WriteString(c, rawRequest("POST", "/early", string(body[:1000]), fmt.Sprint("Content-Length: ", len(body)))); err != nil {
		p.Fatal(err)
	}
	heads := make(chan rawResponse, 1)
	go func() { heads <- readResponse(bufio.NewReader(c), "POST") }()
	select {
	case h := <-heads:
		return h.status, true
	case <-time.After(wait):
	}
	_, _ = c.Write(body[1000:]) // the server may have closed the connection
	return (<-heads).status, false
}

// earlyWait is how long early waits for an answer before it sends the rest.
const earlyWait = 2 * time.Second

func early(p pair) (found []string) {
	status, before := p.early(p.app.address(), earlyWait)
	if before {
		found = append(found, fmt.Sprintf("answers %d before the body has arrived", status))
	} else {
		found = append(found, "reads the body first")
	}
	asked := strings.Count(p.app.requests(p.T), "POST /early")
	if status, _ := p.early(p.edge.addr(), earlyWait); status != http.StatusRequestEntityTooLarge {
		p.Errorf("status %d, expected the application's 413", status)
	}
	if n := strings.Count(p.app.requests(p.T), "POST /early") - asked; n != 1 {
		p.Errorf("the application got the request %d times", n)
	}
	// These use the connections that the edge still has to the application.
	for n := range 5 {
		h := p.throughEdge(get(fmt.Sprintf("/?n=%d", n)))
		if h.body != fmt.Sprintf("page of acme %d", n) {
			p.Errorf("afterwards: status %d with %q", h.status, h.body)
		}
	}
	return found
}
