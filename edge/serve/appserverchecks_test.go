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

func (p pair) directly(request string) heard { p.Helper(); return send(p.T, p.app.address(), request) }

func (p pair) throughEdge(request string) heard {
	p.Helper()
	return send(p.T, p.edge.addr(), request)
}

// gets returns what the application gets through the edge. The test fails if the
// tenant is not the expected one.
func (p pair) gets(request string) seen {
	p.Helper()
	h := p.throughEdge(request)
	s, ok := h.seen()
	if !ok {
		p.Fatalf("%.60q: status %d with %.200q, expected what the application got", request, h.status, h.body)
	}
	if got := s.values("tenant"); !slices.Equal(got, []string{"acme"}) {
		p.Errorf("%.60q: the application got the tenants %q, expected acme", request, got)
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
	{"Headers that steer servers", "None of them changes script name, path, scheme, address or host of a request: the edge removes a client's and sends its own forwarding headers.", steering},
	{"Paths", "A path arrives byte for byte as the client sent it. A path that is no UTF-8, or holds NUL or a broken escape, is 400. No spelling of `..` leads out of a tenant's folder.", paths},
	{"Hosts", "All of these requests are refused, and the application gets none of them.", hosts},
	{"Two cookie lines", "They become one line, joined by `; `, before the edge routes by a session and before the application sees them.", cookies},
	{"Request bodies", "A body passes as it is framed, and a request without one has a length of 0. Where a server loses chunked bodies, the edge does not change that: have clients send a length, or buffer in front of the server.", bodies},
	{"Bodies where HTTP has none", "Nothing of them reaches a client or another request: the connection to the application is closed after such answers.", surplus},
	{"Upgrade", "The edge removes every upgrade but a websocket, with its headers. A websocket handshake names the tenant that the edge chose, whatever the client claims.", upgradeRequests},
	{"Trailers", "A request's trailers do not reach the application. An answer's trailers lose what is for servers, frames a message or sets state.", trailers},
	{"Interim answers", "The edge itself answers `Expect: 100-continue`, once. 103 passes.", interim},
	{"Answers before the request has ended", "The application's early answer reaches the client. The request is not repeated, and further requests get their own answers.", early},
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
