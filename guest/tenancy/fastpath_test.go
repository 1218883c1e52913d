package tenancy

import (
	"math"
	"strings"
	"testing"

	"github.com/tenantedge/tenantedge/guest/tenancy/fastpath"
)

// front precedes the text under test: the readers may read eight bytes before it.
const front = "12345678"

// checkHostReader compares fastpath.Host with NormalizeHost, and reports whether the
// host is plain.
func checkHostReader(t *testing.T, host string) (plain bool) {
	t.Helper()
	b := []byte(front + host + "-:tail")
	hash, ok := fastpath.Host(b, len(front), len(front)+len(host))
	normal, err := NormalizeHost(host)
	if ok && (err != nil || normal != host) {
		t.Fatalf("%q is plain, but its normal form is %q, %v", host, normal, err)
	}
	var table fastpath.Table
	table.SetHosts(map[string]int{host: 7}, nil)
	if domain, fallback := table.Find(host, hash); ok && (domain != 7 || fallback != -1) {
		t.Fatalf("a table with %q finds tenants %d and %d by hash %#x, want 7 and -1", host, domain, fallback, hash)
	}
	return ok
}

func TestPlainHostsAreNamesInNormalForm(t *testing.T) {
	for host, plain := range map[string]bool{
		"a": true, "0": true, "_": true, "z9.io": true, "a--b.c": true, "acme.example.com": true, "abcdefgh": true, "abcdefg.h": true, "abcdefg-h": true,
		strings.Repeat("a", 63): true, strings.Repeat("a", 64): false, "": false, "-": false, ".": false, "a-": false, "-a": false, "a.": false, ".a": false,
		"a..b": false, "a-.b": false, "a.-b": false, "abcdefg..h": false, "abcdefg-.h": false, "abcdefg.-h": false, "abcdefg.": false, "abcdefg-": false,
		"A": false, "a:8": false, "a/b": false, "a b": false, "é.io": false, "a\x00": false,
	} {
		if got := checkHostReader(t, host); got != plain {
			t.Errorf("host %q: plain %v, want %v", host, got, plain)
		}
	}
	for c := range 256 {
		checkHostReader(t, "abc"+string([]byte{byte(c)})+"efghijkl")
	}
}

func FuzzPlainHost(f *testing.F) {
	f.Add("acme-1.example.com")
	f.Add("abcdefg.-h")
	f.Fuzz(func(t *testing.T, host string) {
		if len(host) < 1000 {
			checkHostReader(t, host)
		}
	})
}

// checkTargetReader compares fastpath.Target with parseTarget, and reports whether
// the target is plain.
func checkTargetReader(t *testing.T, raw string) (plain bool) {
	t.Helper()
	b := []byte(front + raw + "\x00?%/tail")
	p, ok := fastpath.Target(b, len(front), len(front)+len(raw))
	if !ok {
		return false
	}
	var d Decision
	var slow target
	if reason := d.parseTarget(&Request{Method: "GET", Target: raw}, &slow); reason != "" {
		t.Fatalf("%q is plain, but parseTarget refuses it: %s", raw, reason)
	}
	path, segment := string(b[len(front):p.End]), string(b[len(front)+1:p.Segment])
	if path != slow.path || path != slow.raw || segment != firstSegment(path) {
		t.Fatalf("%q has the path %q and the segment %q, by parseTarget %q and %q", raw, path, segment, slow.path, firstSegment(path))
	}
	if hiddenDots := d.readLeniently(&slow); !p.Odd && (climbs(path) || hiddenDots || slow.lenient != "") {
		t.Fatalf("%q is not odd, but has dot segments, or a lenient server reads the first segment %q", raw, slow.lenient)
	}
	return true
}

func TestPlainTargetsAreReadAsByParseTarget(t *testing.T) {
	for target, plain := range map[string]bool{
		"/": true, "/?": true, "/x": true, "/x/": true, "/abcdefg": true, "/abcdefgh": true, "/abcdefg?": true, "/abcdefgh?x": true, "/a//b": true, `/a\b`: true,
		"/a?b?c": true, "/a?%zz": true, "/a/../..": true, "/x?//": true, "//": false, "//x": false, `/\x`: false, "": false, "x": false, "*": false, "/%41": false,
		"/abcdefg%41?": false, "/a b": false, "/a?b c": false, "/a?abcdefghijklm\x7f": false, "/é": false, "/a?é": false, "/\x00": false,
	} {
		if got := checkTargetReader(t, target); got != plain {
			t.Errorf("target %q: plain %v, want %v", target, got, plain)
		}
	}
	for c := range 256 {
		checkTargetReader(t, "/abc"+string([]byte{byte(c)})+"efghij?k"+string([]byte{byte(c)}))
	}
}

func FuzzPlainTarget(f *testing.F) {
	f.Add("/invoices/2026?page=2")
	f.Add(`/a/..\../b?`)
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
		if _, ok := fastpath.Host(b, span[0], span[1]); ok {
			t.Errorf("host at %v is plain", span)
		}
		if _, ok := fastpath.Target(b, span[0], span[1]); ok {
			t.Errorf("target at %v is plain", span)
		}
		if fastpath.Segment(b, span[0], span[1]) {
			t.Errorf("segment at %v is plain", span)
		}
	}
}
