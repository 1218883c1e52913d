package tenancy

import (
	"strings"
	"testing"

	"github.com/tenantedge/tenantedge/guest/tenancy/fastpath"
)

// front stands before what is read: readers may look back eight bytes.
const front = "12345678"

func samePlainHost(t *testing.T, host string) bool {
	t.Helper()
	b := []byte(front + host + "-:tail")
	hash, ok := fastpath.Host(b, len(front), len(front)+len(host))
	normal, err := NormalizeHost(host)
	if ok && (err != nil || normal != host) {
		t.Fatalf("%q is plain; its normal form is %q, %v", host, normal, err)
	}
	var table fastpath.Table
	table.SetHosts(map[string]int{host: 7}, nil)
	if domain, fallback := table.Find(host, hash); ok && (domain != 7 || fallback != -1) {
		t.Fatalf("a table with %q finds tenants %d and %d by hash %#x, expected 7 and -1", host, domain, fallback, hash)
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
		if got := samePlainHost(t, host); got != plain {
			t.Errorf("%q is plain: %v, expected %v", host, got, plain)
		}
	}
	for c := range 256 {
		samePlainHost(t, "abc"+string([]byte{byte(c)})+"efghijkl")
	}
}

func FuzzPlainHost(f *testing.F) {
	f.Add("acme-1.example.com")
	f.Add("abcdefg.-h")
	f.Fuzz(func(t *testing.T, host string) {
		if len(host) < 1000 {
			samePlainHost(t, host)
		}
	})
}

func samePlainTarget(t *testing.T, raw string) bool {
	t.Helper()
	b := []byte(front + raw + "\x00?%/tail")
	p, ok := fastpath.Target(b, len(front), len(front)+len(raw))
	if !ok {
		return false
	}
	var d Decision
	var long target
	if reason := d.parseTarget(&Request{Method: "GET", Target: raw}, &long); reason != "" {
		t.Fatalf("%q is plain, but refused: %s", raw, reason)
	}
	path, segment := string(b[len(front):p.End]), string(b[len(front)+1:p.Segment])
	if path != long.path || path != long.raw || segment != candidate(path) {
		t.Fatalf("%q is plain with path %q and segment %q, else they are %q and %q", raw, path, segment, long.path, candidate(path))
	}
	if disguised := d.readLeniently(&long); !p.Odd && (climbs(path) || disguised || long.lenient != "") {
		t.Fatalf("%q is not odd, but climbs, or others read it as %q", raw, long.lenient)
	}
	return true
}

func TestPlainTargetsAreReadAsTheLongWayReadsThem(t *testing.T) {
	for target, plain := range map[string]bool{
		"/": true, "/?": true, "/x": true, "/x/": true, "/abcdefg": true, "/abcdefgh": true, "/abcdefg?": true, "/abcdefgh?x": true, "/a//b": true, `/a\b`: true,
		"/a?b?c": true, "/a?%zz": true, "/a/../..": true, "/x?//": true, "//": false, "//x": false, `/\x`: false, "": false, "x": false, "*": false, "/%41": false,
		"/abcdefg%41?": false, "/a b": false, "/a?b c": false, "/a?abcdefghijklm\x7f": false, "/é": false, "/a?é": false, "/\x00": false,
	} {
		if got := samePlainTarget(t, target); got != plain {
			t.Errorf("%q is plain: %v, expected %v", target, got, plain)
		}
	}
	for c := range 256 {
		samePlainTarget(t, "/abc"+string([]byte{byte(c)})+"efghij?k"+string([]byte{byte(c)}))
	}
}

func FuzzPlainTarget(f *testing.F) {
	f.Add("/invoices/2026?page=2")
	f.Add(`/a/..\../b?`)
	f.Fuzz(func(t *testing.T, target string) { samePlainTarget(t, target) })
}

func FuzzPlainSegment(f *testing.F) {
	for _, s := range []string{"", ".", "..", ".x", "x", "a/b", `a\b`, "a\x00b", "\x01/", "0/", "abcdefgh", "abcdefgh/", "é"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		b := []byte(front + s + "/")
		if fastpath.Segment(b, len(front), len(front)+len(s)) != (isSegment(s) && s[0] != '.') {
			t.Fatalf("%q is a plain segment, or it is not", s)
		}
	})
}

func TestWhatIsNotInsideTheMessageIsNotPlain(t *testing.T) {
	b := []byte("/a-message")
	for _, span := range [][2]int{{0, 0}, {0, 7}, {5, 5}, {9, 8}, {-1, 9}, {0, 11}, {8, 1 << 40}, {1 << 40, 1<<40 + 1}} {
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
