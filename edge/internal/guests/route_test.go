package guests

import (
	"bytes"
	"net/http"
	"testing"

	"github.com/tenantedge/tenantedge/guest/abi"
)

func TestTheHostLooksAheadIfOnlyHostAndPathNameTheTenant(t *testing.T) {
	set := newRouterSet(t, nil, "domain", "header", "session")
	g := set.Current()
	if !g.program.LooksAhead() {
		t.Fatal("the default guest does not prefetch the tenant's record")
	}
	plain := Request{Method: "GET", Scheme: "https", Host: "t1.example.com", Target: "/x?y"}
	changed := func(change func(*Request)) Request {
		q := plain
		change(&q)
		return q
	}
	for _, c := range []struct {
		name   string
		q      Request
		schema string
	}{
		{"a domain", plain, "t1"},
		{"a trusted peer", changed(func(q *Request) { q.Trusted = true }), "t1"},
		{"a folder", changed(func(q *Request) { q.Host, q.Target = "shared.example.com", "/two/x" }), "t2"},
		{"an unknown host", changed(func(q *Request) { q.Host = "unknown.example.com" }), ""},
		{"a port", changed(func(q *Request) { q.Host += ":80" }), "t1"},
		{"a port and a folder", changed(func(q *Request) { q.Host, q.Target = "shared.example.com:8080", "/two/x" }), "t2"},
		{"an IPv6 address", changed(func(q *Request) { q.Host = "[::1]" }), ""},
		{"no path", changed(func(q *Request) { q.Target = "*" }), ""},
		{"a session that names a tenant", changed(func(q *Request) { q.Session = `"t2"` }), ""},
		{"a header that names a tenant", changed(func(q *Request) { q.Header = http.Header{"Tenant": {"t2"}} }), ""},
		{"a handshake", changed(func(q *Request) { q.Websocket = true }), ""},
		{"a request for reasons", changed(func(q *Request) { q.Explain = true }), ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := newServices(set, nil)
			buf := make([]byte, 1024)
			m, err := abi.Parse(buf[:g.encode(buf, &c.q, s)])
			if err != nil {
				t.Fatal(err)
			}
			raw, ok := m.Field(abi.ReqHeader0 + len(g.headers))
			if ok != (c.schema != "") || s.lookahead.Tenant.Schema != c.schema {
				t.Fatalf("the message has a record: %v, of %q; want that of %q", ok, s.lookahead.Tenant.Schema, c.schema)
			}
			if !ok {
				return
			}
			record, err := abi.Parse(raw)
			if err != nil || string(record.Get(abi.RecSchema)) != c.schema {
				t.Errorf("the record has the schema %q, %v", record.Get(abi.RecSchema), err)
			}
		})
	}
}

// What is left out is not written either: only the message is reset after the call.
func TestARecordThatDoesNotFitIsLeftOut(t *testing.T) {
	set := newRouterSet(t, nil)
	g, q := set.Current(), Request{Method: "GET", Scheme: "https", Host: "t1.example.com", Target: "/"}
	buf := make([]byte, 1024)
	complete := g.encode(buf, &q, newServices(set, nil))
	for size := range complete {
		s := newServices(set, nil)
		clear(buf)
		n := g.encode(buf[:size], &q, s)
		if n < 0 {
			continue
		}
		m, err := abi.Parse(buf[:n])
		if _, ok := m.Field(abi.ReqHeader0); err != nil || ok || s.lookahead.Tenant.Schema != "" {
			t.Errorf("in %d bytes: the record is present: %v, %v", size, ok, err)
		}
		if rest := bytes.Trim(buf[n:], "\x00"); len(rest) > 0 {
			t.Errorf("in %d bytes: after the message of %d bytes is %q", size, n, rest)
		}
	}
}
