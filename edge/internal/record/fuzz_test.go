package record

import (
	"bytes"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/klauspost/compress/zstd"

	"github.com/tenantedge/tenantedge/edge/internal/guests"
)

const header = `{"v":1,"guest":"aa","fuel_version":1,"config_digest":"bb","config":{"abi":1},"headers":["Tenant","X-A"],"limits":{"fuel":1,"memory":1,"stack":1,"file_bytes":1,"open_files":1},"rules":{"upstream":[],"guard":[],"allow":[]}}
`

const body = `{"r":0,"id":"7","schema":"acme","domain":"a.io","primary":true,"attributes":["plan","x"]}
{"a":0,"ask":"domain","of":["a.io","x"],"row":0}
{"a":1,"ask":"query","of":["acme","q","[]"],"answer":"[]"}
{"a":2,"ask":"query","of":["acme","none","[]"],"errno":1}
{"t":1,"method":"GET","scheme":"https","host":"a.io","target":"/x?y","trusted":true,"headers":[null,"v"],"redacted":["session"],"session":"\"x\"","asks":[0,1,2],"fuel":12,"decision":{"outcome":"tenant","schema":"acme","id":"7","urlconf":"u"}}
{"t":2,"method":"GET","scheme":"http","target":"*","websocket":true,"fuel":3,"failed":"trap","error":"why \u00e9 \udc80"}
`

// decoded returns all requests of a log.
func decoded(data []byte) (all []Request, sections int, err error) {
	r, err := NewReader("log", bytes.NewReader(data))
	if err != nil {
		return nil, 0, err
	}
	defer r.Close()
	for {
		s, err := r.Next()
		if err != nil {
			return all, sections, err
		}
		sections++
		count := 0
		if err := s.Requests(func(_ int, r *Request) {
			count++
			all = append(all, *r)
			last := &all[len(all)-1]
			last.Asks, last.Redacted = slices.Clone(r.Asks), slices.Clone(r.Redacted)
			last.Request.Header = r.Request.Header.Clone()
		}); err != nil {
			return all, sections, err
		}
		if count != s.Count() {
			panic("Count differs from the number of requests")
		}
	}
}

// FuzzLog decodes logs. What is valid is encoded again, and must decode to the same.
func FuzzLog(f *testing.F) {
	f.Add([]byte(header + body))
	f.Add([]byte(header + body + header + body))
	f.Add([]byte(header))
	f.Add([]byte(strings.Replace(header, `"v":1`, `"v":2`, 1) + body))
	z, err := zstd.NewWriter(nil)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(z.EncodeAll([]byte(header+body), nil))
	f.Add([]byte(body))
	f.Fuzz(func(t *testing.T, data []byte) {
		all, _, _ := decoded(data)
		if len(all) == 0 { // most changes of a header make it invalid
			all, _, _ = decoded(append([]byte(header), data...))
		}
		if len(all) == 0 {
			return
		}
		var l lines
		h := Header{Version: Version, Config: []byte("{}")}
		for i := range all {
			for name := range all[i].Request.Header {
				if !slices.Contains(h.Headers, name) {
					h.Headers = append(h.Headers, name)
				}
			}
		}
		if len(h.Headers) > 8 {
			return // sections with different headers
		}
		if err := l.begin(&h); err != nil {
			t.Fatal(err)
		}
		for i := range all {
			e := entry{Request: all[i], guest: &generation{h}}
			if all[i].Decision != nil {
				e.decided = &guests.Decision{}
				if err := ParseDecision(all[i].Decision, &all[i].Request, e.decided); err != nil {
					return
				}
			}
			l.request(&e)
		}
		again, _, err := decoded(l.b)
		if len(again) != len(all) {
			t.Fatalf("%d requests are %d after encoding them again: %v\n%s", len(all), len(again), err, l.b)
		}
		for i := range all {
			a, b := all[i], again[i]
			a.Decision, b.Decision = nil, nil
			if len(a.Request.Header) == 0 {
				a.Request.Header, b.Request.Header = nil, nil
			}
			if len(a.Redacted) == 0 {
				a.Redacted, b.Redacted = nil, nil
			}
			if !sameAsks(a.Asks, b.Asks) {
				t.Fatalf("the asks of request %d are\n%v, after encoding\n%v", i, a.Asks, b.Asks)
			}
			a.Asks, b.Asks = nil, nil
			if !reflect.DeepEqual(a, b) {
				t.Fatalf("request %d is\n%+v, after encoding\n%+v", i, a, b)
			}
		}
	})
}

func sameAsks(a, b []*Ask) bool {
	return slices.EqualFunc(a, b, func(a, b *Ask) bool {
		x, y := *a, *b
		if len(x.Of) == 0 && len(y.Of) == 0 {
			x.Of, y.Of = nil, nil
		}
		return reflect.DeepEqual(x, y)
	})
}

// FuzzText encodes texts of any bytes and decodes them.
func FuzzText(f *testing.F) {
	for _, s := range []string{"", "plain", "\"\\\n\x00\x7f", "é€😀", "\xff\xc3\xed\xa0\x80", "\ufffd"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		encoded := appendString(nil, s)
		p := parser{b: encoded}
		if got := p.text(); got != s || p.err != nil || p.i != len(encoded) {
			t.Errorf("%q is %s and decodes to %q, %v", s, encoded, got, p.err)
		}
	})
}

// FuzzDecision decodes decisions; what is valid encodes to one that decodes to the same.
func FuzzDecision(f *testing.F) {
	f.Add([]byte(`{"outcome":"tenant","schema":"acme","id":"7","urlconf":"u","path":"/x","headers":["a","b"]}`))
	f.Add([]byte(`{"outcome":"redirect","status":301,"location":"//a.io/","reference":"acme","by_session":true}`))
	f.Add([]byte(`{"outcome":"not_found","reason":"none"}`))
	f.Fuzz(func(t *testing.T, b []byte) {
		q := guests.Request{Host: "a.io", Target: "/x?y"}
		var d, again guests.Decision
		if ParseDecision(b, &q, &d) != nil {
			return
		}
		encoded := AppendDecision(nil, &d, &q)
		if err := ParseDecision(encoded, &q, &again); err != nil {
			t.Fatalf("%s: %v", encoded, err)
		}
		if twice := AppendDecision(nil, &again, &q); !bytes.Equal(encoded, twice) {
			t.Errorf("%s\nis encoded as %s\nand then as   %s", b, encoded, twice)
		}
	})
}
