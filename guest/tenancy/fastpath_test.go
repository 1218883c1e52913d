package tenancy

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"testing"

	"github.com/tenantedge/tenantedge/guest/tenancy/fastpath"
)

// front precedes the text under test: the readers may read eight bytes before it.
const front = "12345678"

// checkHostReader compares fastpath.CutPort and Host with cutPort and NormalizeHost, and reports
// whether the host is plain.
func checkHostReader(t *testing.T, host string) (plain bool) {
	t.Helper()
	b := []byte(front + host + "-:80tail")
	end := fastpath.CutPort(b, len(front), len(front)+len(host))
	hash, ok := fastpath.Host(b, len(front), end)
	if !ok {
		return false
	}
	name := string(b[len(front):end])
	cut, _, err := cutPort(host)
	if err != nil || cut != name {
		t.Fatalf("%q is plain with the name %q, but without its port it is %q, %v", host, name, cut, err)
	}
	if normal, err := NormalizeHost(name); err != nil || normal != name {
		t.Fatalf("%q is plain, but its normal form is %q, %v", host, normal, err)
	}
	var table fastpath.Table
	table.SetHosts(map[string]int{name: 7}, nil)
	if domain, fallback := table.Find(name, hash); domain != 7 || fallback != -1 {
		t.Fatalf("a table with %q finds tenants %d and %d by hash %#x, want 7 and -1", name, domain, fallback, hash)
	}
	return true
}

func TestPlainHostsAreNamesInNormalForm(t *testing.T) {
	for host, plain := range map[string]bool{
		"a": true, "0": true, "_": true, "z9.io": true, "a--b.c": true, "acme.example.com": true, "abcdefgh": true, "abcdefg.h": true, "abcdefg-h": true,
		strings.Repeat("a", 63): true, strings.Repeat("a", 64): false, "": false, "-": false, ".": false, "a-": false, "-a": false, "a.": false, ".a": false,
		"a..b": false, "a-.b": false, "a.-b": false, "abcdefg..h": false, "abcdefg-.h": false, "abcdefg.-h": false, "abcdefg.": false, "abcdefg-": false,
		"A": false, "a/b": false, "a b": false, "é.io": false, "a\x00": false,
	} {
		if got := checkHostReader(t, host); got != plain {
			t.Errorf("host %q: plain %v, want %v", host, got, plain)
		}
	}
	for c := range 256 {
		checkHostReader(t, "abc"+string([]byte{byte(c)})+"efghijkl")
	}
}

// portHosts are hosts with a port, and whether they are plain.
var portHosts = map[string]bool{
	"a:8": true, "a:80": true, "acme.example.com:8080": true, "127.0.0.1:8080": true, "1:2": true, "a_b.c:0": true, "abcdefgh:65535": true,
	"acme.example.com:00080": true, "acme.example.com:65535": true, strings.Repeat("a", 63) + ":65535": true,
	"acme.example.com:65536": false, "acme.example.com:99999": false, "acme.example.com:0000080": true, "acme.example.com:00000080": false, "acme.example.com:100000": false,
	"acme.example.com:18446744073709551617": false, "acme.example.com:": false, "acme.example.com::": false, "acme.example.com::80": false,
	"acme.example.com:80:80": false, "acme.example.com:80:": false, ":": false, ":80": false, ":::80": false, "acme.example.com:-1": false,
	"acme.example.com:+80": false, "acme.example.com:8o": false, "acme.example.com:0x50": false, "acme.example.com: 80": false,
	"acme.example.com:80 ": false, "acme.example.com:80.": false, "acme.example.com:８０": false, "acme.example.com:80/": false, "acme.example.com:8;": false,
	"acme.example.com.:80": false, "acme.example.com..:80": false, ".:80": false, "-:80": false, "a-:80": false, "Acme.example.com:80": false,
	"bücher.example:80": false, "xn--bcher-kva.example:80": true, "%61cme.example.com:80": false, "acme.example.com%3A80": false,
	"[::1]": false, "[::1]:80": false, "[::1]:": false, "[2001:DB8::1]:443": false, "[::1": false, "::1": false, "[::1]80": false, "[a]:80": false,
	"acme.example.com:80\nacme.example.com:80": false, "acme.example.com:8\x000": false, strings.Repeat("a", 64) + ":80": false,
}

func TestPlainHostsMayHaveAPort(t *testing.T) {
	for host, plain := range portHosts {
		if got := checkHostReader(t, host); got != plain {
			t.Errorf("host %q: plain %v, want %v", host, got, plain)
		}
	}
	for port := range 100_000 {
		for _, zeros := range []string{"", "0", "0000"} {
			host := "acme.example.com:" + zeros + strconv.Itoa(port)
			if got, want := checkHostReader(t, host), port <= 0xffff && len(host) <= len("acme.example.com:1234567"); got != want {
				t.Errorf("host %q: plain %v, want %v", host, got, want)
			}
		}
	}
	for c := range 256 {
		checkHostReader(t, "abc:8"+string([]byte{byte(c)})+"80")
		checkHostReader(t, "abc"+string([]byte{byte(c)})+"8080")
	}
}

func FuzzPlainHost(f *testing.F) {
	f.Add("acme-1.example.com")
	f.Add("abcdefg.-h")
	for host := range portHosts {
		f.Add(host)
	}
	f.Fuzz(func(t *testing.T, host string) {
		if len(host) < 1000 {
			checkHostReader(t, host)
		}
	})
}

// checkTargetReader compares fastpath.Target and Decode with parseTarget, and reports
// whether the target is plain.
func checkTargetReader(t *testing.T, raw string) (plain bool) {
	t.Helper()
	b := []byte(front + raw + "\x00?%/tail" + raw)
	at := len(front)
	p, ok := fastpath.Target(b, at, at+len(raw))
	if !ok {
		return false
	}
	end := p.End
	if p.Odd {
		to := len(b) - len(raw)
		if p, ok = fastpath.Decode(b, at, end, to); !ok {
			return false
		}
		at = to
	}
	var d Decision
	var slow target
	if reason := d.parseTarget(&Request{Method: "GET", Target: raw}, &slow); reason != "" {
		t.Fatalf("%q is plain, but parseTarget refuses it: %s", raw, reason)
	}
	path, segment, sent := string(b[at:p.End]), string(b[at+1:p.Segment]), string(b[len(front):end])
	if path != slow.path || sent != slow.raw || segment != firstSegment(path) {
		t.Fatalf("%q has the path %q and the segment %q, by parseTarget %q and %q", raw, path, segment, slow.path, firstSegment(path))
	}
	dots := false
	eachSegment(path, func(segment string) { dots = dots || isDots(segment) })
	if hiddenDots := d.readLeniently(&slow); dots || climbs(path) || hiddenDots || slow.lenient != "" {
		t.Fatalf("%q is plain, but has dot segments, or a lenient server reads the first segment %q", raw, slow.lenient)
	}
	return true
}

// plainTargets are targets, and whether they are plain.
var plainTargets = map[string]bool{
	"/": true, "/?": true, "/x": true, "/x/": true, "/abcdefg": true, "/abcdefgh": true, "/abcdefg?": true, "/abcdefgh?x": true, "/a//b": true, `/a\b`: true,
	"/a?b?c": true, "/a?%zz": true, "/x?//": true, "//": false, "//x": false, `/\x`: false, "": false, "x": false, "*": false,
	"/a b": false, "/a?b c": false, "/a?abcdefghijklm\x7f": false, "/é": false, "/a?é": false, "/\x00": false,
	"/.well-known/x": true, "/x/.y": true, "/...": true, "/.a./b": true, "/x/..y": true, "/a/../..": false, "/.": false, "/..": false, "/x/./y": false, `/x\..\y`: false,
	"/x/..?y": false, "/x/.?y": false, "/.?": false, "/x;y": false, "/..;/x": false, "/x?;": true, "/x?/../": true,
	"/%41": true, "/abcdefg%41?": true, "/my%20file.pdf": true, "/caf%C3%A9/%d0%b6": true, "/%E6%97%A5%E6%9C%AC": true, "/%3f%23?x": true, "/x%2e.y": true,
	"/%": false, "/%4": false, "/%zz": false, "/%4z": false, "/x%?41": false, "/%00": false, "/%0a": false, "/%1f": false, "/%7f": false,
	"/a%2Fb": false, "/a%5cb": false, "/%2f": false, "/%3bx": false, "/%2541": false, "/%252e%252e/": false, "/%2e%2e/x": false, "/x/%2e": false, "/.%2e": false,
	"/x%20": false, "/x%20/y": false, `/x%20\y`: false, "/%20": false, "/%20x": true, "/..%20/x": false, "/x/%20?y": false,
	"/%ff": false, "/%c0%ae": false, "/%e0%80%ae": false, "/%c3": false, "/%ed%a0%80": false, "/x%E2%80%93y": false,
}

func TestPlainTargetsAreReadAsByParseTarget(t *testing.T) {
	for target, plain := range plainTargets {
		if got := checkTargetReader(t, target); got != plain {
			t.Errorf("target %q: plain %v, want %v", target, got, plain)
		}
	}
	for c := range 256 {
		checkTargetReader(t, "/abc"+string([]byte{byte(c)})+"efghij?k"+string([]byte{byte(c)}))
		for _, form := range []string{"/%%%02x", "/x%%%02x/y", "/.%%%02x", "/x/%%%02x./y", "/..%%%02x", "/%%c3%%%02x", "/%%%02x%%a9/x"} {
			checkTargetReader(t, fmt.Sprintf(form, c))
		}
	}
	for _, l := range lookalikes {
		for _, form := range []string{"/%s", "/x%sy", "/%s%[1]s/x", "/x/.%s"} {
			if target := fmt.Sprintf(form, strings.ReplaceAll(fmt.Sprintf("% x", " "+l.from), " ", "%")[3:]); checkTargetReader(t, target) {
				t.Errorf("target %q is plain, but some servers read %q as %q", target, l.from, l.to)
			}
		}
	}
}

func FuzzPlainTarget(f *testing.F) {
	f.Add("/invoices/2026?page=2")
	f.Add(`/a/..\../b?`)
	for target := range plainTargets {
		f.Add(target)
	}
	f.Fuzz(func(t *testing.T, target string) { checkTargetReader(t, target) })
}

func FuzzPlainSegment(f *testing.F) {
	for _, s := range []string{"", ".", "..", ".x", "x", "a/b", `a\b`, "a\x00b", "\x01/", "0/", "abcdefgh", "abcdefgh/", "é"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		b := []byte(front + s + "/")
		want := isSegment(s) && s[0] != '.'
		if got := fastpath.Segment(b, len(front), len(front)+len(s)); got != want {
			t.Fatalf("segment %q: plain %v, want %v", s, got, want)
		}
	})
}

func TestOffsetsOutsideOfTheBufferAreNotPlain(t *testing.T) {
	b := []byte("/a-message")
	for _, span := range [][2]int{{0, 0}, {0, 7}, {5, 5}, {9, 8}, {-1, 9}, {0, 11}, {8, math.MaxInt}, {math.MaxInt - 1, math.MaxInt}} {
		if _, ok := fastpath.Host(b, span[0], span[1]); ok || fastpath.CutPort(b, span[0], span[1]) != span[1] {
			t.Errorf("host at %v is plain", span)
		}
		if _, ok := fastpath.Target(b, span[0], span[1]); ok {
			t.Errorf("target at %v is plain", span)
		}
		if _, ok := fastpath.Decode(b, span[0], span[1], span[1]); ok {
			t.Errorf("path at %v is decoded", span)
		}
		if fastpath.Segment(b, span[0], span[1]) {
			t.Errorf("segment at %v is plain", span)
		}
	}
}
