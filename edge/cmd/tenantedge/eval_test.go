package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
)

const acme = `
tenants:
  public: {}
  www: {DOMAINS: [example.com], URLCONF: site}
  default: {URLCONF: app, WS_URLCONF: ws}
routers: [domain, session]
directory:
  source: file
  tenants: [{id: 7, schema_name: acme, schema_pathname: acme-files}]
  domains: [{tenant_id: 7, domain: acme.example.com, is_primary: true}, {tenant_id: 7, domain: shop.example.com, folder: acme}]
urlconfs: {site: {files: .}, app: "http://127.0.0.1:8000"}
ws_urlconfs: {ws: [{path: "room/<int:n>/", name: room}]}
`

func TestEvalAnswersInJSON(t *testing.T) {
	config := writeFile(t, "edge.yaml", acme)
	for _, c := range []struct{ name, question, answer string }{
		{
			"a tenant by folder",
			`{"id":1,"op":"route","method":"GET","target":"/acme/x?y=1","headers":[["host","shop.example.com"]],"session":null,"peer":"untrusted"}`,
			`{"id":1,"outcome":"tenant","status":200,"schema":"acme","tenant_id":"7","dynamic":true,` +
				`"routing":{"kind":"domain","domain":"shop.example.com","folder":"acme"},"urlconf":"app","ws_urlconf":"ws","path":"/x",` +
				`"location":null,"identifier":"acme-files","cache_prefix":"acme"}`,
		},
		{
			"a static tenant",
			`{"id":"a","op":"route","target":"/<&>","headers":[["HOST","example.com"]]}`,
			`{"id":"a","outcome":"tenant","status":200,"schema":"www","tenant_id":null,"dynamic":false,` +
				`"routing":{"kind":"domain","domain":"example.com","folder":""},"urlconf":"site","ws_urlconf":"ws","path":"/<&>",` +
				`"location":null,"identifier":"www","cache_prefix":"www","file":{"status":404}}`,
		},
		{
			"a tenant that domain and session agree on",
			`{"op":"route","target":"/","headers":[["host","acme.example.com"]],"session":{"tenant":"acme","x":[1]}}`,
			`{"outcome":"tenant","status":200,"schema":"acme","tenant_id":"7","dynamic":true,` +
				`"routing":{"kind":"session","reference":"acme"},"urlconf":"app","ws_urlconf":"ws","path":"/",` +
				`"location":null,"identifier":"acme-files","cache_prefix":"acme"}`,
		},
		{
			"unknown",
			`{"id":null,"op":"route","target":"/","headers":[["host","unknown.example.com"]]}`,
			`{"id":null,"outcome":"not_found","status":404,"schema":null,"tenant_id":null,"dynamic":null,"routing":null,` +
				`"urlconf":null,"ws_urlconf":null,"path":null,"location":null,"identifier":null,"cache_prefix":null}`,
		},
		{
			"a disagreement",
			`{"id":[1,{"a":2}],"op":"route","target":"/","headers":[["host","acme.example.com"]],"session":{"tenant":"www"}}`,
			`{"id":[1,{"a":2}],"outcome":"conflict","status":421,"schema":null,"tenant_id":null,"dynamic":null,"routing":null,` +
				`"urlconf":null,"ws_urlconf":null,"path":null,"location":null,"identifier":null,"cache_prefix":null}`,
		},
		{
			"two hosts",
			`{"op":"route","target":"/","headers":[["host","acme.example.com"],["Host","acme.example.com"]]}`,
			`{"outcome":"bad_request","status":400,"schema":null,"tenant_id":null,"dynamic":null,"routing":null,` +
				`"urlconf":null,"ws_urlconf":null,"path":null,"location":null,"identifier":null,"cache_prefix":null}`,
		},
		{
			"an absolute target",
			`{"op":"route","target":"http://acme.example.com/","headers":[["host","acme.example.com"]]}`,
			`{"outcome":"bad_request","status":400,"schema":null,"tenant_id":null,"dynamic":null,"routing":null,` +
				`"urlconf":null,"ws_urlconf":null,"path":null,"location":null,"identifier":null,"cache_prefix":null}`,
		},
		{
			"a websocket",
			`{"op":"websocket","target":"/room/5/","headers":[["host","acme.example.com"]]}`,
			`{"outcome":"tenant","status":200,"schema":"acme","tenant_id":"7","dynamic":true,` +
				`"routing":{"kind":"domain","domain":"acme.example.com","folder":""},"urlconf":"app","ws_urlconf":"ws","path":"/room/5/",` +
				`"location":null,"identifier":"acme-files","cache_prefix":"acme","route":{"name":"room","kwargs":{"n":5}}}`,
		},
		{
			"a websocket without a route",
			`{"op":"websocket","target":"/room/x/","headers":[["host","acme.example.com"]]}`,
			`{"outcome":"tenant","status":200,"schema":"acme","tenant_id":"7","dynamic":true,` +
				`"routing":{"kind":"domain","domain":"acme.example.com","folder":""},"urlconf":"app","ws_urlconf":"ws","path":"/room/x/",` +
				`"location":null,"identifier":"acme-files","cache_prefix":"acme","route":null}`,
		},
		{"a cache key", `{"op":"cache_key","schema":"t1","prefix":"","version":1,"key":"foo"}`, `{"cache_key":"t1::1:foo"}`},
		{"a cache key without a tenant", `{"op":"cache_key","schema":null,"prefix":"p","version":true,"key":"<é>"}`, `{"cache_key":"public:p:True:<é>"}`},
		{"a cache key with defaults", `{"op":"cache_key","key":5}`, `{"cache_key":"public::1:5"}`},
		{"a key from a cache key", `{"op":"reverse_key","cache_key":"t1::1:foo:bar"}`, `{"key":"foo:bar"}`},
		{
			"a file",
			`{"op":"storage","schema":"t1","folder":"","schema_pathname":null,"location":"/srv/media","base_url":"/media/","name":"a b.txt"}`,
			`{"identifier":"t1","base_location":"/srv/media/t1/","base_url":"/media/t1/","path":"/srv/media/t1/a b.txt","url":"/media/t1/a%20b.txt"}`,
		},
		{
			"a file of a tenant with a pathname",
			`{"op":"storage","schema":"t1","folder":"","schema_pathname":"own","location":"/srv","base_url":"/m/","name":"x"}`,
			`{"identifier":"own","base_location":"/srv/own/","base_url":"/m/own/","path":"/srv/own/x","url":"/m/own/x"}`,
		},
		{
			"no file",
			`{"op":"storage","schema":"t1","location":"/srv","base_url":"/m/"}`,
			`{"identifier":"t1","base_location":"/srv/t1/","base_url":"/m/t1/"}`,
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			code, stdout, stderr := command(c.question+"\n", "eval", "-c", config)
			if code != exitOK || strings.TrimSpace(stdout) != c.answer {
				t.Errorf("exit %d %s\nanswered %sexpected %s", code, stderr, stdout, c.answer)
			}
		})
	}
}

func TestEvalContinuesAfterAnInvalidLine(t *testing.T) {
	config := writeFile(t, "edge.yaml", acme)
	bad := []string{
		`nonsense`, `{"op":`, `[]`, `5`, `"text"`, `{}`, `{"id":1}`, `{"id":1,"op":"bogus"}`, `{"id":1,"op":"route"}`,
		`{"id":1,"op":5}`, `{"id":1,"op":"route","target":"/","headers":[["host"]]}`,
		`{"id":1,"op":"route","target":"/","headers":{"host":"a"}}`, `{"id":1,"op":"route","target":"/","session":5}`,
		`{"id":1,"op":"route","target":"/","peer":"somebody"}`, `{"id":1,"op":"route","target":"/","scheme":"ftp"}`,
		`{"id":1,"op":"cache_key"}`, `{"id":1,"op":"reverse_key"}`, `{"id":1,"op":"reverse_key","cache_key":"a:b"}`,
		`{"id":1,"op":"route","target":"/"} {"id":2}`, "\x00\xff", strings.Repeat("x", 200_000), strings.Repeat("x", maxLine+10),
	}
	var stdin strings.Builder
	for i, line := range bad {
		fmt.Fprintf(&stdin, "%s\n\n{\"id\":\"good %d\",\"op\":\"reverse_key\",\"cache_key\":\"a:b:c:d\"}\r\n", line, i)
	}
	stdin.WriteString(`{"id":"the last, without a line feed","op":"reverse_key","cache_key":"a:b:c:d"}`)
	code, stdout, stderr := command(stdin.String(), "eval", "-c", config)
	if code != exitOK {
		t.Fatalf("exit %d: %s", code, stderr)
	}
	answers := strings.Split(strings.TrimSpace(stdout), "\n")
	if len(answers) != 2*len(bad)+1 {
		t.Fatalf("%d answers, expected %d", len(answers), 2*len(bad)+1)
	}
	for i, line := range bad {
		var failed map[string]any
		if err := json.Unmarshal([]byte(answers[2*i]), &failed); err != nil || failed["error"] == nil || failed["error"] == "" {
			t.Errorf("%.60q is answered with %s", line, answers[2*i])
		}
		if want := fmt.Sprintf(`{"id":"good %d","key":"d"}`, i); answers[2*i+1] != want {
			t.Errorf("after %.60q: %s, expected %s", line, answers[2*i+1], want)
		}
	}
}

// A program that asks one question at a time must get the answer before it
// asks the next.
func TestEvalAnswersEachQuestionImmediately(t *testing.T) {
	in, questions := io.Pipe()
	answers, out := io.Pipe()
	done := make(chan int, 1)
	go func() {
		done <- run(context.Background(), []string{"eval", "-c", writeFile(t, "edge.yaml", acme)}, in, out, io.Discard)
		out.Close()
	}()
	read := bufio.NewReader(answers)
	for i := range 3 {
		fmt.Fprintf(questions, "{\"id\":%d,\"op\":\"reverse_key\",\"cache_key\":\"a:b:c:d\"}\n", i)
		if got, err := read.ReadString('\n'); got != fmt.Sprintf("{\"id\":%d,\"key\":\"d\"}\n", i) {
			t.Fatalf("%q, %v", got, err)
		}
	}
	questions.Close()
	if _, err := read.ReadByte(); !errors.Is(err, io.EOF) {
		t.Errorf("expected no further output, found %v", err)
	}
	if code := <-done; code != exitOK {
		t.Errorf("exit %d", code)
	}
}

// A busy machine must not change the answers.
func TestEvalExtendsTheDeadlineOfTheGuest(t *testing.T) {
	// The expression is slow but within the limit of fuel.
	config := writeFile(t, "edge.yaml", strings.Replace(acme, "[{path:", `[{regex: '^(?:a|aa)+(?!c)b$', name: slow}, {path:`, 1)+"limits: {guest: {deadline: 1ns}}\n")
	code, stdout, stderr := command(`{"op":"websocket","target":"/`+strings.Repeat("a", 14)+`","headers":[["host","acme.example.com"]]}`, "eval", "-c", config)
	if code != exitOK || !strings.Contains(stdout, `"outcome":"tenant"`) || !strings.Contains(stdout, `"route":null`) {
		t.Errorf("exit %d %s\nanswered %s", code, stderr, stdout)
	}
}

func TestEvalExplainsARequestInText(t *testing.T) {
	config := writeFile(t, "edge.yaml", acme)
	for _, c := range []struct {
		args []string
		want []string
	}{
		{
			[]string{"-r", "GET http://shop.example.com:8080/acme/x?y=1"},
			[]string{"acme, a row of the directory, id 7", "domain shop.example.com, folder acme", "app, served by http://127.0.0.1:8000", "/x", "acme-files"},
		},
		{[]string{"-r", "example.com"}, []string{"www, an entry of the TENANTS table", "site, served from "}},
		{[]string{"-r", "unknown.example.com/x"}, []string{"refused     404 (not_found)"}},
		{[]string{"-r", "acme.example.com/room/5/", "--websocket"}, []string{`route room with {"n":5}`}},
		{[]string{"-r", "acme.example.com/x", "--websocket"}, []string{"no route matches"}},
		{[]string{"-r", "acme.example.com", "--session", `{"tenant":"www"}`}, []string{"refused     421 (conflict)"}},
		{[]string{"-r", "acme.example.com", "--json"}, []string{`{"outcome":"tenant","status":200,"schema":"acme"`}},
		{[]string{"-r", "a.example.com", "-r", "b.example.com"}, []string{"http://a.example.com/", "http://b.example.com/"}},
	} {
		code, stdout, stderr := command("", append([]string{"eval", "-c", config}, c.args...)...)
		for _, want := range c.want {
			if code != exitOK || !strings.Contains(stdout, want) {
				t.Errorf("%q: exit %d %s\n%sexpected %q", c.args, code, stderr, stdout, want)
			}
		}
	}
}

func TestVersionsAreFormattedAsPythonDoes(t *testing.T) {
	for in, want := range map[string]string{
		`1`: "1", `-7`: "-7", `-0`: "0", `123456789012345678901234567890`: "123456789012345678901234567890",
		`1.0`: "1.0", `1e22`: "1e+22", `1E+2`: "100.0", `1e16`: "1e+16", `1e15`: "1000000000000000.0", `123456789.25`: "123456789.25",
		`0.0001`: "0.0001", `0.00001`: "1e-05", `1.5e-7`: "1.5e-07", `-0.0`: "-0.0", `1e400`: "inf", `-1e400`: "-inf", `5e-324`: "5e-324",
		`1.7976931348623157e308`: "1.7976931348623157e+308", `0.1`: "0.1",
		`true`: "True", `false`: "False", `null`: "None", `"a:b"`: "a:b", `"it's"`: "it's",
		`[]`: "[]", `[1,"a",null,2.0]`: "[1, 'a', None, 2.0]", `{"a":{"b":[true]},"c":1,"a":2}`: "{'a': 2, 'c': 1}",
		`["it's","say \"x\"","both ' and \"","\\\n\t\r\u0000\u007f\u00a0é日\u200b"]`: `["it's", 'say "x"', 'both \' and "', '\\\n\t\r\x00\x7f\xa0é日\u200b']`,
	} {
		if got, err := pythonString(json.RawMessage(in)); got != want || err != nil {
			t.Errorf("%s is %q (%v), expected %q", in, got, err, want)
		}
	}
}

func FuzzPythonString(f *testing.F) {
	for _, s := range []string{`1`, `1e22`, `[1,{"a":"b'"}]`, `"x"`, `{"a":1,"a":2}`, `-0.0`} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		if !json.Valid([]byte(s)) {
			return
		}
		if _, err := pythonString(json.RawMessage(s)); err != nil {
			t.Errorf("%q is JSON: %v", s, err)
		}
	})
}

func FuzzQuestion(f *testing.F) {
	for _, s := range []string{
		`{"id":1,"op":"route","target":"/","headers":[["host","a"]],"session":{"a":1},"peer":"trusted"}`,
		`{"op":"cache_key","key":"a","version":1e22}`, `{"op":"storage","name":null}`, `{"id":{}}`, `[]`,
	} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, line []byte) {
		var q question
		if err := q.parse(line); err != nil {
			if err.Error() == "" {
				t.Error("an error without a reason")
			}
			return
		}
		for _, pair := range q.Headers {
			if len(pair) != 2 {
				t.Errorf("a header of %d values was accepted", len(pair))
			}
		}
		if q.ID != nil && !json.Valid(q.ID) {
			t.Errorf("the id %q is not JSON", q.ID)
		}
	})
}

func TestEvalExplainsWhereATenantsFilesAre(t *testing.T) {
	base := strings.Replace(acme, `app: "http://127.0.0.1:8000"`, `app: {upstream: "http://127.0.0.1:8000", media: true}`, 1)
	for media, want := range map[string]string{
		"media: {location: /srv/media}\n":                                      "below /media/ from /srv/media",
		"media: {s3: {endpoint: 'http://127.0.0.1:9000', bucket: pictures}}\n": "below /media/ from the bucket pictures",
	} {
		code, stdout, stderr := command("", "eval", "-c", writeFile(t, "edge.yaml", base+media), "-r", "GET http://acme.example.com/")
		if code != exitOK || !strings.Contains(stdout, want) {
			t.Errorf("exit %d %s\n%sexpected %q", code, stderr, stdout, want)
		}
	}
}

// Servers trim the values of headers, and refuse what is no header.
func TestEvalReadsHeadersAsServersDo(t *testing.T) {
	config := writeFile(t, "edge.yaml", acme)
	for headers, want := range map[string]string{
		`["host"," acme.example.com\t"]`:                    `"schema":"acme"`,
		`["host","acme.example.com"],["x","\u0001"]`:        `"outcome":"bad_request","status":400`,
		`["host","acme.example.com"],["x y","z"]`:           `"outcome":"bad_request","status":400`,
		`["host","acme.example.com"],["x","a\r\ntenant:b"]`: `"outcome":"bad_request","status":400`,
	} {
		question := `{"op":"route","target":"/","headers":[` + headers + `]}`
		if code, stdout, stderr := command(question, "eval", "-c", config); code != exitOK || !strings.Contains(stdout, want) {
			t.Errorf("%s: exit %d: %s%s\nexpected %s", headers, code, stdout, stderr, want)
		}
	}
}
