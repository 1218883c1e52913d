//go:build unix

package serve

import (
	"slices"
	"strings"
	"testing"
)

// pair is a server that is tested directly and through an edge.
type pair struct {
	*testing.T
	app  running
	edge *world
}

func (p pair) directly(request string) rawResponse {
	p.Helper()
	return send(p.T, p.app.address(), request)
}

func (p pair) throughEdge(request string) rawResponse {
	p.Helper()
	return send(p.T, p.edge.addr(), request)
}

// gets returns what the application gets through the edge. The test fails if the
// tenant is not the expected one.
func (p pair) gets(request string) appRequest {
	p.Helper()
	h := p.throughEdge(request)
	s, ok := h.appRequest()
	if !ok {
		p.Fatalf("%.60q: status %d with %.200q, expected what the application got", request, h.status, h.body)
	}
	if got := s.values("tenant"); !slices.Equal(got, []string{"acme"}) {
		p.Errorf("%.60q: the application got the tenants %q, expected only acme", request, got)
	}
	return s
}

// appServerCheck sends something to a server, directly and through the edge.
type appServerCheck struct {
	name string
	// edge describes what the edge does with every server. run checks it.
	edge string
	// run returns what the server does when it is tested directly.
	run func(pair) []string
}

var appServerChecks = []appServerCheck{
	{"Header names", "No guarded header reaches the application in any spelling: the edge compares names as the loosest of these servers does.", headerNames},
	{"Headers that control servers", "None of them changes the script name, path, scheme, address or host of a request: the edge removes the client's and sends its own forwarding headers.", steering},
	{"Paths", "A path reaches the application byte for byte as the client sent it. A path with invalid UTF-8, a NUL or an invalid escape gets 400. No spelling of `..` leads out of a tenant's folder.", paths},
	{"Hosts", "The edge rejects all of these requests; none reaches the application.", hosts},
	{"Two Cookie header lines", "The edge joins them into one line with `; `, before it routes by session and before the application sees them.", cookies},
	{"Request bodies", "The edge keeps the framing of a body; a request without a body has a length of 0. If a server drops chunked bodies, the edge does not change that: make clients send a length, or buffer requests in front of the server.", bodies},
	{"Bodies where HTTP allows none", "No byte of them reaches a client or another request: the edge closes the connection to the application after such an answer.", surplus},
	{"Upgrade", "The edge removes every upgrade except to websocket, with its headers. A websocket handshake names the tenant that the edge chose, whatever the client claims.", upgradeRequests},
	{"Trailers", "A request's trailers do not reach the application. From an answer's trailers the edge removes the fields that instruct servers, frame a message or set state.", trailers},
	{"Interim answers", "The edge answers `Expect: 100-continue` itself, once. It forwards 103.", interim},
	{"Answers before the end of the request", "The application's early answer reaches the client. The edge does not repeat the request, and later requests get their own answers.", early},
}

// code returns text as Markdown code for a table.
func code(text string) string {
	var quoted strings.Builder
	for i := range len(text) {
		switch c := text[i]; {
		case c < ' ' || c >= 0x7f:
			quoted.WriteString(`\x` + string("0123456789abcdef"[c>>4]) + string("0123456789abcdef"[c&15]))
		case c == '|':
			quoted.WriteString(`\|`)
		default:
			quoted.WriteByte(c)
		}
	}
	if strings.Contains(text, "`") {
		return "`` " + quoted.String() + " ``"
	}
	return "`" + quoted.String() + "`"
}
