package serve

import (
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/tenantedge/tenantedge/guest/abi"
)

// HTTP/2 has two fields for the host: :authority and host.
func TestAnAuthorityIsTheOnlyHost_A11(t *testing.T) {
	bothHTTP2(t, func(t *testing.T, listener func(*setup)) {
		u, heads := capturing(t, plainAnswer)
		w := start(t, withUpstreamConf(u, nil), listener)
		for _, c := range []struct {
			name   string
			lines  []string
			status string
		}{
			{"the authority", []string{":authority: acme.example.com"}, "200"},
			{"with a port", []string{":authority: acme.example.com:8443"}, "200"},
			{"in upper case, with a dot", []string{":authority: ACME.example.com."}, "200"},
			{"the same host too", []string{":authority: acme.example.com", "host: acme.example.com"}, "200"},
			{"a host and no authority", []string{"host: acme.example.com"}, "200"},
			{"another host", []string{":authority: acme.example.com", "host: umbra.example.com"}, "400"},
			{"another port", []string{":authority: acme.example.com", "host: acme.example.com:80"}, "400"},
			{"an empty host", []string{":authority: acme.example.com", "host: "}, "400"},
			{"an empty authority and a host", []string{":authority: ", "host: acme.example.com"}, "200"}, // net/http treats it as absent
			{"two hosts", []string{":authority: acme.example.com", "host: acme.example.com", "host: umbra.example.com"}, "400"},
			{"one host twice", []string{":authority: acme.example.com", "host: acme.example.com", "host: acme.example.com"}, "400"},
			{"two hosts and no authority", []string{"host: acme.example.com", "host: umbra.example.com"}, "400"},
			{"none", nil, "400"},
			{"an empty one", []string{":authority: "}, "400"},
			{"only a port", []string{":authority: :80"}, "400 421"},
			{"a user", []string{":authority: umbra@acme.example.com"}, "reset"},
			{"a user and a password", []string{":authority: umbra.example.com:80@acme.example.com"}, "reset"},
			{"a list", []string{":authority: acme.example.com,umbra.example.com"}, "400 421"},
			{"a path", []string{":authority: acme.example.com/umbra.example.com"}, "400 421"},
			{"a query", []string{":authority: acme.example.com?umbra.example.com"}, "400 421"},
			{"a space", []string{":authority: acme.example.com umbra.example.com"}, "reset 400 421"},
			{"an invalid port", []string{":authority: acme.example.com:80x"}, "400"},
			{"an encoded name", []string{":authority: acme%2eexample.com"}, "400 421"},
			{"two authorities", []string{":authority: acme.example.com", ":authority: umbra.example.com"}, "reset 400 421"},
			{"an authority after the fields", []string{"host: acme.example.com", ":authority: umbra.example.com"}, "reset 400 421"},
		} {
			a := w.http2(t).do(append([]string{":method: GET", ":scheme: https", ":path: /"}, c.lines...)...)
			if !oneOf(a.status, c.status) {
				t.Errorf("%s: status %s, expected %s", c.name, a.status, c.status)
			}
			if a.status == "200" {
				<-heads
			}
		}
	})
}

// In HTTP/2 method and path are values of fields, which may contain spaces. An
// application would read "GET http://umbra.example.com/ HTTP/1.1 / HTTP/1.1" as a
// request for another tenant.
func TestNoFieldOfHTTP2ChangesTheRequestLine_A5(t *testing.T) {
	for _, compat := range []abi.Compat{abi.Hardened, abi.Strict} {
		u, heads := capturing(t, plainAnswer)
		w := start(t, withUpstreamConf(u, nil), h2c, func(s *setup) { s.edge.GuestConfig.Compat = compat })
		for _, c := range []struct {
			method, path string
			want         string // the request line, or the possible statuses
		}{
			{"GET", "/a%2Fb?c=%zz&d|", "GET /a%2Fb?c=%zz&d| HTTP/1.1"},
			{"GET", "/\xc3\xa9\"<>^`{|}", "GET /\xc3\xa9\"<>^`{|} HTTP/1.1"},
			{"M-SEARCH", "/", "M-SEARCH / HTTP/1.1"},
			{"GET http://umbra.example.com/ HTTP/1.1", "/", "400"},
			{"GET /admin/ HTTP/1.1", "/", "400"},
			{"GET ", "/", "400"},
			{" GET", "/", "400"},
			{"G\xe9T", "/", "400"},
			{"GET:", "/", "400"},
			{"GET\tx", "/", "400 reset"},
			{"", "/", "400 reset"},
			{"CONNECT", "/", "400 reset"},
			{"GET", "/admin/ HTTP/1.1", "400"},
			{"GET", "/?a HTTP/1.1", "400"},
			{"GET", "/ ", "400"},
			{"GET", "/\tx", "400 reset"},
			{"GET", "/\x7f", "400 reset"},
			{"GET", "", "400 reset"},
			{"GET", "a", "400 reset"},
			{"GET", "?a", "400 reset"},
			{"GET", "/%zz", "400 reset"},
		} {
			a := w.http2(t).do(":method: "+c.method, ":scheme: http", ":authority: acme.example.com", ":path: "+c.path)
			if strings.HasSuffix(c.want, "HTTP/1.1") {
				if a.status != "200" {
					t.Errorf("%s, %q %q: status %s", compat, c.method, c.path, a.status)
				} else if line, _, _ := strings.Cut(<-heads, "\r\n"); line != c.want {
					t.Errorf("%s, %q %q: the application got %q", compat, c.method, c.path, line)
				}
			} else if !oneOf(a.status, c.want) {
				t.Errorf("%s, %q %q: status %s, expected %s", compat, c.method, c.path, a.status, c.want)
			}
		}
		if status := w.http2(t).do(":method: CONNECT", ":authority: umbra.example.com:80").status; status != "400" {
			t.Errorf("%s: CONNECT has the status %s", compat, status)
		}
		if len(heads) > 0 {
			t.Errorf("%s: the application got %q", compat, <-heads)
		}
	}
}

// A request whose Content-Length is not the length of its body is malformed and
// must not be passed on (RFC 9113, 8.1.1).
func TestAContentLengthOfHTTP2IsThatOfTheBody_A11(t *testing.T) {
	w := start(t, h2c, func(s *setup) {
		s.app = http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
			if _, err := io.Copy(io.Discard, r.Body); err != nil { // it answers only complete requests
				panic(http.ErrAbortHandler)
			}
		})
	})
	for _, c := range []struct {
		name    string
		lengths []string
		body    string // "none": the head ends the stream
		status  string
	}{
		{"right", []string{"2"}, "ab", "200"},
		{"none with a body", nil, "ab", "200"},
		{"zero", []string{"0"}, "none", "200"},
		{"zero with an empty body", []string{"0"}, "", "200"},
		{"without a body", []string{"2"}, "none", "400"},
		{"too large", []string{"3"}, "ab", "400 reset"},
		{"too small", []string{"1"}, "ab", "400 reset"},
		{"zero with a body", []string{"0"}, "ab", "200 400 reset"}, // the answer may come before the excess data
		{"twice", []string{"2", "2"}, "ab", "400"},
		{"two", []string{"2", "3"}, "ab", "400"},
		{"two without a body", []string{"0", "5"}, "none", "400"},
		{"a list", []string{"2, 2"}, "ab", "400 reset"},
		{"a sign", []string{"+2"}, "ab", "400 reset"},
		{"negative", []string{"-1"}, "none", "400"},
		{"hexadecimal", []string{"0x2"}, "ab", "400 reset"},
		{"with an underscore", []string{"1_0"}, "0123456789", "400 reset"},
		{"empty", []string{""}, "none", "400"},
		{"beyond 64 bits", []string{"18446744073709551618"}, "ab", "400 reset"},
	} {
		client := w.http2(t)
		lines := []string{":method: POST", ":scheme: http", ":authority: acme.example.com", ":path: /"}
		for _, length := range c.lengths {
			lines = append(lines, "content-length: "+length)
		}
		stream := client.open(c.body == "none", lines...)
		if c.body != "none" {
			client.must(client.WriteData(stream, true, []byte(c.body)))
		}
		if a := client.answer(stream); !oneOf(a.status, c.status) {
			t.Errorf("%s: status %s, expected %s", c.name, a.status, c.status)
		}
	}
}
