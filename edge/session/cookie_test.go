package session

import (
	"fmt"
	"net/http"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// At most one cookie is passed on that any parser uses as the session's: the one
// that the edge routes by.
func TestOneSessionsCookieIsReadAndPassedOn_A4(t *testing.T) {
	for _, c := range []struct {
		name  string
		lines []string
		want  string // the value that is read
		pass  string
	}{
		{"none", nil, "", ""},
		{"the only cookie", []string{"sessionid=a"}, "a", "sessionid=a"},
		{"among others", []string{"x=1; sessionid=a;y=2"}, "a", "x=1; sessionid=a;y=2"},
		{"empty", []string{"sessionid="}, "", "sessionid="},
		{"with an equals sign in it", []string{"sessionid=a=b"}, "a=b", "sessionid=a=b"},
		{"names that begin or end alike", []string{"xsessionid=b; sessionid2=c; session=d; sessionid=a"}, "a", "xsessionid=b; sessionid2=c; session=d; sessionid=a"},
		{"values that hold the name", []string{`next=/?sessionid=b; sessionid=a; p={"sessionid": 1, "b": "2"}`}, "a", `next=/?sessionid=b; sessionid=a; p={"sessionid": 1, "b": "2"}`},
		{"quotes that close", []string{`p="1"; sessionid=a`}, "a", `p="1"; sessionid=a`},
		{"a percent sign of another framework", []string{"sessionid=s%3Aabc.def"}, "s%3Aabc.def", "sessionid=s%3Aabc.def"},
		{"odd cookies without a session", []string{"a\xa0=1; =b; c; d=\"1"}, "", "a\xa0=1; =b; c; d=\"1"},

		{"the last of several", []string{"sessionid=a; x=1; sessionid=b"}, "b", "x=1; sessionid=b"},
		{"over several lines", []string{"sessionid=a", "sessionid=b; x=1"}, "b", "x=1; sessionid=b"},
		{"an empty one last", []string{"sessionid=a; sessionid="}, "", "sessionid="},
		{"in quotes", []string{`sessionid="a"`}, "a", "sessionid=a"},
		{"with blanks", []string{" sessionid = a ;"}, "a", "sessionid=a"},
		{"in Latin-1's white space", []string{"sessionid=a; \xa0sessionid=b; sessionid\x85=c"}, "a", "sessionid=a"},
		{"in UTF-8's white space", []string{"\u2028sessionid=b; \u00a0sessionid=c; sessionid=a; sessionid\u3000=d"}, "a", "sessionid=a"},
		{"in control characters", []string{"\x1csessionid=b; \x1dsessionid=b; \x1e\x1fsessionid\x0b=b; sessionid=a"}, "a", "sessionid=a"},
		{"only an odd one", []string{"x=1; \xa0sessionid=b"}, "", "x=1"},
		{"an odd value", []string{"sessionid=a; sessionid=b\x80"}, "a", "sessionid=a"},
		{"a value in white space", []string{"sessionid=a; sessionid=\xa0b\xa0"}, "a", "sessionid=a"},
		{"a value with an escape", []string{`sessionid=a; sessionid="\142"`}, "a", "sessionid=a"},
		{"a value with a quote", []string{`sessionid=a; sessionid=b"`}, "a", "sessionid=a"},
		{"a value with a comma", []string{"sessionid=a; sessionid=b,c"}, "a", "sessionid=a"},
		{"an encoded value", []string{"sessionid=a; sessionid=%62bbbbbbbbbbbbbbb"}, "a", "sessionid=a"},
		{"in quotes by name", []string{`"sessionid"=b; sessionid=a`}, "a", "sessionid=a"},
		{"in another case", []string{"sessionid=a; SessionId=b"}, "a", "sessionid=a"},
		{"an encoded name", []string{"sessionid=a; %73essionid=b; sessionid%20=c"}, "a", "sessionid=a"},
		{"an array", []string{"sessionid=a; sessionid[x]=b; sessionid[=c"}, "a", "sessionid=a"},
		{"without an equals sign", []string{"sessionid=a; sessionid"}, "a", "sessionid=a"},
		{"without a name", []string{"sessionid=a; =sessionid=b; ==sessionid=b; = sessionid = b"}, "a", "sessionid=a"},
		{"after a comma", []string{"sessionid=a; x=1,sessionid=b"}, "a", "sessionid=a"},
		{"after a blank", []string{"sessionid=a; x=1 sessionid=b; y=2\xa0sessionid=c"}, "a", "sessionid=a"},
		{"in quotes that another cookie opens", []string{`sessionid=a; x="; sessionid=b; y="`}, "b", "sessionid=b"},
		{"in quotes with an escape", []string{`x="\"; sessionid=b; y="; z=1`}, "b", "z=1; sessionid=b"},
	} {
		r := &Reader{cookie: "sessionid", table: &table{}}
		h := http.Header{"Cookie": c.lines}
		clean := r.CleanSession(h)
		for _, h := range []http.Header{h, clean} {
			if got := r.cookieOf(h); got.value != c.want {
				t.Errorf("%s: %q is read of %q, want %q", c.name, got.value, h["Cookie"], c.want)
			}
		}
		if got := strings.Join(clean["Cookie"], "\n"); got != c.pass {
			t.Errorf("%s: %q is passed on, want %q", c.name, got, c.pass)
		}
		if !r.cookieOf(clean).sole {
			t.Errorf("%s: %q is not clean yet", c.name, clean["Cookie"])
		}
		if !slices.Equal(h["Cookie"], c.lines) {
			t.Errorf("%s: the request's own header is %q now", c.name, h["Cookie"])
		}
	}
}

func TestNamesAreComparedAsPHPReadsThem_A4(t *testing.T) {
	r := &Reader{cookie: "session_id"}
	if got := r.CleanSession(http.Header{"Cookie": {"session.id=b; session id=c; session[id=d; session_id=a; session-id=e"}}); got.Get("Cookie") != "session-id=e; session_id=a" {
		t.Errorf("%q is passed on", got["Cookie"])
	}
}

func TestSignedCookiesAreReadInOneSpelling_A4(t *testing.T) {
	f := load(t)
	fixture := f.named(t, "signed_cookies", "tenant")
	r, _ := f.reader(t, fixture)
	encoded := "sessionid=" + strings.ReplaceAll(fixture.Value, ":", "%3A")
	if got := r.CleanSession(request(encoded).Header); len(got["Cookie"]) != 0 {
		t.Errorf("%q is passed on", got["Cookie"])
	}
	plain := request("a=b; sessionid=" + fixture.Value)
	if data := read(t, r, plain); string(data["tenant"]) == "" {
		t.Error("the session is not read")
	}
	if n := testing.AllocsPerRun(100, func() { r.CleanSession(plain.Header) }); n != 0 {
		t.Errorf("unambiguous cookies take %v allocations", n)
	}
}

// djangoReads prints how Django parses each Cookie header of its input: as Latin-1,
// as ASGI servers pass it, and as get_bytes_from_wsgi returns it; and how
// http.cookies parses it.
const djangoReads = `
import sys, http.cookies
from django.http.cookie import parse_cookie
def simple(s):
    try:
        c = http.cookies.SimpleCookie(s)
    except http.cookies.CookieError:
        return {}
    return {k: v.value for k, v in c.items()}
for line in sys.stdin:
    raw = bytes.fromhex(line.strip())
    latin, utf8 = raw.decode("latin-1"), raw.decode(errors="replace")
    print(*(ascii(d.get("sessionid", ""))[1:-1] for d in (parse_cookie(latin), parse_cookie(utf8), simple(latin), simple(utf8))), sep="\t")
`

// Django under ASGI, Django under WSGI, Python's http.cookies and Go find the same
// session cookie in the header that is passed on.
func TestEveryReaderFindsTheSessionOfTheEdge_A4(t *testing.T) {
	python := "/usr/bin/python3"
	if exec.Command(python, "-c", "import django").Run() != nil {
		t.Skip("there is no Django: apt-get install python3-django")
	}
	r := &Reader{cookie: "sessionid", table: &table{}}
	var input strings.Builder
	var wants, cookies []string
	add := func(line string) {
		clean := r.CleanSession(http.Header{"Cookie": {line}})
		cookies, wants = append(cookies, line), append(wants, r.cookieOf(clean).value)
		fmt.Fprintf(&input, "%x\n", clean.Get("Cookie"))
		req := http.Request{Header: clean}
		for i, c := range req.CookiesNamed("sessionid") {
			if i > 0 || c.Value != wants[len(wants)-1] {
				t.Errorf("%q: net/http reads %q", line, c.Value)
			}
		}
	}
	var odd []string
	for c := range 0x100 {
		odd = append(odd, string([]byte{byte(c)}))
	}
	odd = append(odd, "\u00a0", "\u0085", "\u1680", "\u2000", "\u2028", "\u2029", "\u202f", "\u205f", "\u3000", "\u200b", "\ufeff", "%20", `\"`, "\xc2", "\xe2\x80")
	for _, o := range odd {
		for _, shape := range []string{
			"%ssessionid=b", "sessionid%s=b", "sessionid=%sb", "sessionid=b%s", `sessionid="%sb"`, "x%ssessionid=b", "x=%ssessionid=b", "x=%s; sessionid=b; y=%[1]s",
		} {
			odd := fmt.Sprintf(strings.ReplaceAll(shape, "%s", "%[1]s"), o)
			add("sessionid=a; " + odd)
			add(odd + "; sessionid=a")
			add(odd)
		}
	}
	run := exec.Command(python, "-c", djangoReads)
	run.Stdin = strings.NewReader(input.String())
	out, err := run.Output()
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(strings.TrimSuffix(string(out), "\n"), "\n")
	if len(lines) != len(wants) {
		t.Fatalf("Django read %d cookies of %d", len(lines), len(wants))
	}
	for i, line := range lines {
		for j, got := range strings.Split(line, "\t") {
			none := j >= 2 && got == "" // http.cookies stops at syntax that it does not know
			if got != wants[i] && !none {
				t.Errorf("%s: reader %d finds %q, the edge %q", strconv.QuoteToASCII(cookies[i]), j, got, wants[i])
			}
		}
	}
}
