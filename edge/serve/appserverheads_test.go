//go:build unix

package serve

import (
	"cmp"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
)

const oddCharacters = "_!#$%&'*+.^`|~"

// guardedNames are some headers of each kind; the tests of package edge have all.
var guardedNames = []string{"Tenant", "X-Forwarded-For", "X-Real-Ip", "Script-Name", "Path-Info", "Daphne-Root-Path", "Proxy", "Remote-User", "X-Accel-Mapping"}

func headerNames(p pair) (found []string) {
	kinds := map[string]string{}
	var all []string
	for _, c := range oddCharacters {
		h := p.directly(get("/", strings.ReplaceAll("X-Forwarded-For", "-", string(c))+": 192.0.2.9"))
		s, ok := h.appRequest()
		kind := "keeps"
		switch got := s.nameOf("192.0.2.9"); {
		case !ok:
			kind = "refuses"
		case got == "":
			kind = "drops headers with"
		case got == "x-forwarded-for":
			kind = "reads as `-`:"
		}
		kinds[kind] += string(c)
		for _, name := range guardedNames {
			all = append(all, strings.ReplaceAll(name, "-", string(c))+": forged")
		}
	}
	if got := p.gets(get("/", all...)).nameOf("forged"); got != "" {
		p.Errorf("the application got %s", got)
	}
	for _, kind := range []string{"reads as `-`:", "drops headers with", "refuses", "keeps"} {
		switch kinds[kind] {
		case "":
		case oddCharacters:
			found = append(found, kind+" every character except letters and digits")
		case oddCharacters[1:]:
			found = append(found, kind+" all others")
		default:
			found = append(found, kind+" "+code(kinds[kind]))
		}
	}
	return found
}

// steeringHeaders are headers that a server may use as properties of the request,
// with values that differ from the real ones.
var steeringHeaders = []string{
	"SCRIPT_NAME: /inner", "Script-Name: /inner", "Daphne-Root-Path: /inner", "PATH_INFO: /inner", "X-Script-Name: /inner", "X-Forwarded-Prefix: /inner",
	"X-Rewrite-Url: /inner", "X-Original-Url: /inner", "REQUEST_URI: /inner", "X-Forwarded-For: 192.0.2.9", "Forwarded: for=192.0.2.9;proto=https",
	"X-Real-Ip: 192.0.2.9", "Client-Ip: 192.0.2.9", "X-Forwarded-Proto: https", "X-Forwarded-Protocol: ssl", "X-Forwarded-Ssl: on", "X-Forwarded-Scheme: https",
	"X-Url-Scheme: https", "Front-End-Https: on", "Https: on", "X-Forwarded-Host: umbra.example.com",
}

// stated returns what a server reports of a request apart from its headers.
func (s appRequest) stated() string {
	return fmt.Sprintf("script %q path %q target %q scheme %q client %q host %q", s.Script, s.Path, s.Target, s.Scheme, s.Client, s.values("host"))
}

func steering(p pair) (found []string) {
	for _, header := range append(steeringHeaders, "Proxy: http://192.0.2.9/") {
		name, value, _ := strings.Cut(header, ": ")
		base, _ := p.directly(get("/inner/x")).appRequest()
		h := p.directly(get("/inner/x", header))
		s, ok := h.appRequest()
		switch {
		case !ok:
			found = append(found, fmt.Sprintf("%d to %s", h.status, code(name)))
		case s.stated() != base.stated():
			found = append(found, "obeys "+code(name))
		case name == "Proxy" && s.nameOf(value) != "":
			found = append(found, "passes `Proxy`")
		}
		through := p.gets(get("/inner/x"))
		s = p.gets(get("/inner/x", header))
		if s.stated() != through.stated() || s.nameOf("192.0.2.9") != "" {
			p.Errorf("%s: the application got %+v, expected %+v", header, s, through)
		}
	}
	return found
}

// oddPaths are sent unchanged. The edge refuses ambiguous paths.
var oddPaths = []struct {
	target  string
	refused bool
}{
	{"/a%2Fb", false}, {"/a//b", false}, {"//a/b", false}, {"/a/../b", false}, {"/a/%2e%2e/b", false}, {"/a/./b", false}, {"/a;b=c/d", false},
	{"/a%5Cb", false}, {`/a\b`, false}, {"/a|b<>\"^{}`", false}, {"/\xc3\xa9", false}, {"/%C3%A9", false}, {"/a%0d%0ab", false}, {"/a+b%20c?d", false},
	{"/a?", false}, {"/%41%7e", false}, {"/..%2f..%2fb", false}, {"/x/y/../../../b", false},
	{"/%ff", true}, {"/%zz", true}, {"/a%00b", true},
}

// outOfFolder are paths below the folder of a tenant that a server may resolve to
// the folder of another tenant.
var outOfFolder = []string{
	"/acme/../umbra/", "/acme/%2e%2e/umbra/", "/acme/.%2E/umbra/", "/acme/..;/umbra/", "/acme/..%2fumbra/", "/acme/x/../../umbra/", `/acme/..\umbra/`,
	"/acme/..%5cumbra/", "/acme%2f..%2fumbra/", "/acme/%252e%252e/umbra/",
}

func paths(p pair) (found []string) {
	for _, c := range oddPaths {
		d, e := p.directly(get(c.target)), p.throughEdge(get(c.target))
		ds, dok := d.appRequest()
		es, eok := e.appRequest()
		if dok && ds.Path != "" && !samePath(ds.Path, c.target) {
			found = append(found, fmt.Sprintf("%s is %s", code(c.target), code(strings.Trim(strconv.QuoteToASCII(ds.Path), `"`))))
		} else if !dok {
			found = append(found, fmt.Sprintf("%d to %s", d.status, code(c.target)))
		}
		switch {
		case c.refused:
			if e.status != http.StatusBadRequest {
				p.Errorf("%q: status %d, expected 400", c.target, e.status)
			}
		case d.status != e.status || dok != eok || ds.Path != es.Path || ds.Target != es.Target:
			p.Errorf("%q: directly %d %q %q, through the edge %d %q %q", c.target, d.status, ds.Path, ds.Target, e.status, es.Path, es.Target)
		}
	}
	for _, target := range outOfFolder {
		h := send(p.T, p.edge.addr(), "GET "+target+" HTTP/1.1\r\nHost: shared.example.com\r\nConnection: close\r\n\r\n")
		if s, ok := h.appRequest(); ok && (!strings.HasPrefix(s.Path, "/acme/") && s.Path != "" || !strings.HasPrefix(s.Target, "/acme/")) {
			p.Errorf("%q: the application got the path %q of %q", target, s.Path, s.Target)
		}
	}
	return found
}

// samePath reports whether path is the decoded path of target. WSGI represents
// each byte as one character.
func samePath(path, target string) bool {
	raw, _, _ := strings.Cut(target, "?")
	decoded, err := url.PathUnescape(raw)
	if err != nil {
		decoded = raw
	}
	var latin1 []rune
	for i := range len(decoded) {
		latin1 = append(latin1, rune(decoded[i]))
	}
	return path == decoded || path == string(latin1)
}

// doubtfulHosts are requests whose host servers do not agree about.
var doubtfulHosts = []struct{ name, request string }{
	{"two hosts", "GET / HTTP/1.1\r\nHost: acme.example.com\r\nHost: umbra.example.com\r\nConnection: close\r\n\r\n"},
	{"another host in the target", "GET http://umbra.example.com/ HTTP/1.1\r\nHost: acme.example.com\r\nConnection: close\r\n\r\n"},
	{"no host", "GET / HTTP/1.1\r\nConnection: close\r\n\r\n"},
	{"an empty host", "GET / HTTP/1.1\r\nHost: \r\nConnection: close\r\n\r\n"},
	{"a space before the colon", "GET / HTTP/1.1\r\nHost : acme.example.com\r\nConnection: close\r\n\r\n"},
	{"a list of hosts", "GET / HTTP/1.1\r\nHost: acme.example.com, umbra.example.com\r\nConnection: close\r\n\r\n"},
	{"a user", "GET / HTTP/1.1\r\nHost: umbra.example.com@acme.example.com\r\nConnection: close\r\n\r\n"},
}

func hosts(p pair) (found []string) {
	for _, c := range doubtfulHosts {
		if s, ok := p.directly(c.request).appRequest(); ok {
			found = append(found, fmt.Sprintf("accepts %s (%s)", c.name, code(cmp.Or(strings.Join(s.values("host"), " | "), "-"))))
		}
		before := p.app.requests(p.T)
		if h := p.throughEdge(c.request); h.status != http.StatusBadRequest && h.status != http.StatusMisdirectedRequest && h.status != http.StatusNotFound {
			p.Errorf("%s: status %d", c.name, h.status)
		}
		if after := p.app.requests(p.T); after != before {
			p.Errorf("%s: the application got the request", c.name)
		}
	}
	return found
}

func cookies(p pair) []string {
	s, _ := p.directly(get("/", "Cookie: a=1", "Cookie: b=2")).appRequest()
	if got := p.gets(get("/", "Cookie: a=1", "cookie: b=2")).values("cookie"); !slices.Equal(got, []string{"a=1; b=2"}) {
		p.Errorf("the application got %q", got)
	}
	return []string{"makes " + code(strings.Join(s.values("cookie"), " | ")) + " of two lines"}
}
