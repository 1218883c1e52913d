package files

import (
	"net/http"
	"strings"
	"testing"
)

// A type that some parsers take for an image and others for a page is
// application/octet-stream.
func TestAnInvalidTypeBecomesOctetStream_C1(t *testing.T) {
	for _, lines := range [][]string{
		{"image/png,text/html"}, {"image/png, text/html"}, {"image/png", "text/html"}, {"", "text/html"}, {"text/html", ""}, {"text/html,"}, {",text/html"},
		{"text/html foo"}, {"text/html(x)"}, {"text/html\tfoo"}, {"text/html\x00"}, {"text/html\x0c"}, {"\x0btext/html"}, {"text /html"}, {"text/ html"}, {"text/"}, {"/html"}, {"text"},
		{"text/plain;x=\",text/html,\""}, {"text/plain; text/html"}, {"text/plain;x"}, {"text/plain;x=\"a"}, {"text/plain;x=\"a\"b"}, {"text/plain; x =a"}, {"text/plain;x=a b"},
		{"text/plain\r\nX: y"}, {"*/*"}, {"text/*"}, {"unknown/unknown"}, {"application/unknown"}, {"text/html\u00a0"}, {"text/html\x85"}, {"text//html"}, {"text/html/x"},
	} {
		h := http.Header{"Content-Type": lines}
		describe(h, plain("image/png"), false)
		if got := h["Content-Type"]; len(got) != 1 || got[0] != octets {
			t.Errorf("%q is sent as %q", lines, got)
		}
	}
}

func TestEverySpellingOfAnActiveTypeIsAnAttachment_C1(t *testing.T) {
	for _, given := range []string{
		"text/html", "TEXT/HTML", " text/html ", "\ttext/html\t", "text/html;", "text/html ; charset=utf-8;;", `text/html;charset="utf-8"`, "image/svg+xml;x=y", "application/atom+xml",
		"application/xhtml+xml", "text/xml", "text/xsl", "multipart/x-mixed-replace;boundary=a", "multipart/related", "message/rfc822", "text/x-server-parsed-html",
		"text/javascript", "text/javascript1.0", "text/javascript1.5", "application/x-javascript", "text/x-ecmascript", "text/livescript", "text/jscript", "text/vbscript",
	} {
		for _, disposition := range [][]string{nil, {"inline"}, {"inline; filename=a.html"}, {"attachment", "inline"}, {"attachment, inline"}, {`inline; filename="a`}, {""}} {
			h := http.Header{"Content-Type": {given}}
			if disposition != nil {
				h["Content-Disposition"] = disposition
			}
			describe(h, plain("image/png"), false)
			kind, _, _ := strings.Cut(h.Get("Content-Disposition"), ";")
			if kind != "attachment" || len(h["Content-Disposition"]) != 1 || !strings.Contains(h.Get("Content-Security-Policy"), "sandbox") {
				t.Errorf("%q with %q: %v", given, disposition, h)
			}
			if essence, _ := essenceOf([]string{given}); dangerOf(essence) == script && h.Get("Content-Type") != octets {
				t.Errorf("%q is sent as %q", given, h.Get("Content-Type"))
			}
		}
	}
}

func TestPlainTypesStayAsTheyAre_C1(t *testing.T) {
	for _, given := range []string{
		"image/png", "text/plain; charset=utf-8", `text/plain; charset="utf-8"`, "application/pdf", "application/json", "video/mp4; codecs=avc1.42E01E",
		"application/vnd.openxmlformats-officedocument.wordprocessingml.document",
	} {
		h := http.Header{"Content-Type": {given}, "Content-Disposition": {"inline; filename=a"}}
		describe(h, unknown, false)
		if h.Get("Content-Type") != given || h.Get("Content-Disposition") != "inline; filename=a" || h.Get("Content-Security-Policy") != "" {
			t.Errorf("%q: %v", given, h)
		}
	}
}

func FuzzEssence(f *testing.F) {
	for _, s := range []string{"text/html", `text/plain; a="\""`, "image/png,text/html", "text/plain;;x=y ;"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		essence, ok := essenceOf([]string{s})
		if ok && (strings.ContainsAny(s, ",\r\n\x00") || !strings.HasPrefix(strings.ToLower(strings.TrimLeft(s, " \t")), essence)) {
			t.Fatalf("%q is %q", s, essence)
		}
	})
}

func TestTheCodingWithTheHighestWeightWins_C3(t *testing.T) {
	type weights = [len(codings)]int // br, zstd, gzip
	for _, c := range []struct {
		value    string
		want     weights
		identity int
	}{
		{"identity;q=1.0, gzip;q=0.5", weights{0, 0, 500}, 1000}, {"gzip;q=0.5", weights{0, 0, 500}, 0}, {"", weights{}, 0},
		{"*;q=0.5, x-gzip;Q=0.2", weights{500, 500, 200}, 500}, {"identity;q=0, br", weights{1000, 0, 0}, 0}, {"GZIP ; q=0.123", weights{0, 0, 123}, 0},
		{"gzip;q=0.1234", weights{}, 0}, {"gzip;q=1.001", weights{}, 0}, {"gzip;q=.5", weights{}, 0}, {"gzip;q=-0", weights{}, 0}, {"gzip;q=1e0", weights{}, 0},
		{"gzip;q=", weights{}, 0}, {"gzip;q", weights{}, 0}, {"gzip;", weights{}, 0}, {"gzip;q=1.", weights{0, 0, 1000}, 0}, {"gzip;q=0.", weights{}, 0},
	} {
		if got, identity := accepted([]string{c.value}); got != c.want || identity != c.identity {
			t.Errorf("%q: got %v and %d, want %v and %d", c.value, got, identity, c.want, c.identity)
		}
	}
}
