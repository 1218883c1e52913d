package files

import (
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

func TestRangesAreParsedStrictly_C2(t *testing.T) {
	for _, c := range []struct {
		value string
		size  int64
		want  string // the resulting Range; "": the complete file; "416"
	}{
		{"bytes=0-4", 10, "bytes=0-4"}, {"Bytes=0-4", 10, "bytes=0-4"}, {"BYTES=-1", 10, "bytes=9-9"},
		{"bytes=-0", 10, "416"}, {"bytes=-0,0-0", 10, "bytes=0-0"}, {"bytes=-5", 0, ""}, {"bytes=-0", 0, "416"}, {"bytes=0-", 0, "416"},
		{"bytes=0-99999999999999999999999", 10, "bytes=0-9"}, {"bytes=99999999999999999999-", 10, "416"},
		{"bytes=-99999999999999999999", 10, "bytes=0-9"}, {"bytes=99999999999999999999-99999999999999999998", 10, ""},
		{"bytes=+0-4", 10, ""}, {"bytes=0-+4", 10, ""}, {"bytes=--4", 10, ""}, {"bytes=0--4", 10, ""}, {"bytes=4-1", 10, ""}, {"bytes=0-1,4-1", 10, ""},
		{"bytes=", 10, ""}, {"bytes=,", 10, ""}, {"bytes=-", 10, ""}, {"bytes=x", 10, ""}, {"bytes", 10, ""}, {"lines=0-1", 10, ""}, {"bytes =0-1", 10, ""},
		{"bytes=0 -4", 10, ""}, {"bytes=0- 4", 10, ""}, {"bytes= 0-4", 10, ""}, {"bytes=,0-4", 10, "bytes=0-4"}, {"bytes=0-1, ,\t4-5 ,", 10, "bytes=0-1,4-5"},
		{"bytes=0x0-4", 10, ""}, {"bytes=1_0-", 100, ""}, {"bytes=007-08", 10, "bytes=7-8"},
		{"bytes=8-,0-1", 10, "bytes=8-9,0-1"}, {"bytes=0-,0-,0-", 10, "bytes=0-9"}, {"bytes=0-1,2-3", 10, "bytes=0-3"}, {"bytes=0-1,6-7,1-6", 10, "bytes=0-7"},
		{"bytes=0-0" + strings.Repeat(",0-0", 16000), 10, ""}, {"bytes=" + scattered(maxParts), 100, "bytes=" + scattered(maxParts)}, {"bytes=" + scattered(maxParts+1), 100, ""},
	} {
		spans, satisfiable := spansOf(c.value, c.size)
		got := ""
		switch {
		case !satisfiable:
			got = "416"
		case spans != nil:
			got = rangeHeader(spans)
		}
		if got != c.want {
			t.Errorf("%.60q of %d: got %.60q, want %.60q", c.value, c.size, got, c.want)
		}
	}
}

func scattered(n int) string {
	var specs []string
	for i := range n {
		d := string([]byte{byte('0' + i*2/10), byte('0' + i*2%10)})
		d = strings.TrimPrefix(d, "0")
		specs = append(specs, d+"-"+d)
	}
	return strings.Join(specs, ",")
}

func TestTheResponseToAnUnsatisfiableRangeHasTheSize_C2(t *testing.T) {
	dir := t.TempDir()
	for name, content := range map[string]string{"a.txt": "0123456789", "empty.txt": ""} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	folder, err := OpenFolder(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer folder.Close()
	for _, c := range []struct{ name, value, want string }{
		{"a.txt", "bytes=-0", "bytes */10"}, {"a.txt", "bytes=10-", "bytes */10"}, {"empty.txt", "bytes=0-0", "bytes */0"},
	} {
		r := sendRequest(t, folder, http.MethodGet, c.name, Options{}, "Range: "+c.value)
		if r.StatusCode != 416 || r.Header.Get("Content-Range") != c.want || bodyOf(t, r) != "" {
			t.Errorf("%s %s: %d %v", c.name, c.value, r.StatusCode, r.Header)
		}
	}
	tag := sendRequest(t, folder, http.MethodHead, "a.txt", Options{}).Header.Get("ETag")
	for _, c := range []struct {
		headers []string
		status  int
	}{
		{[]string{"Range: bytes=-0", "If-None-Match: " + tag}, 304},
		{[]string{"Range: bytes=-0", `If-Match: "x"`}, 412},
		{[]string{"Range: bytes=-0", `If-Range: "x"`}, 200},
		{[]string{"Range: bytes=0-1", "Range: bytes=0-1"}, 200},
		{[]string{"Range: bytes=0-1", "If-Range: " + tag + `, "x"`}, 200},
		{[]string{`If-Match: "x"`, "If-Match: " + tag}, 200},
		{[]string{`If-None-Match: "x"`, "If-None-Match: W/" + tag}, 304},
		{[]string{`If-Match: "x" ` + tag}, 412},
	} {
		if r := sendRequest(t, folder, http.MethodGet, "a.txt", Options{}, c.headers...); r.StatusCode != c.status {
			t.Errorf("%q: got %d, want %d", c.headers, r.StatusCode, c.status)
		}
	}
}

func TestListsOfTagsMayHaveSeveralLines_C4(t *testing.T) {
	for _, c := range []struct {
		lines []string
		want  []string
	}{
		{nil, nil}, {[]string{""}, []string{}}, {[]string{"*"}, []string{"*"}}, {[]string{`"a", *`}, []string{}},
		{[]string{`"a"`, `W/"b"`}, []string{`"a"`, `W/"b"`}}, {[]string{` ,"a,b" , ,"c"`}, []string{`"a,b"`, `"c"`}},
		{[]string{`"a" "b"`}, []string{}}, {[]string{`"a"b`}, []string{}}, {[]string{`a`}, []string{}}, {[]string{`w/"a"`}, []string{}}, {[]string{"\"a b\""}, []string{}},
	} {
		if got := EntityTags(c.lines); !slices.Equal(got, c.want) || (got == nil) != (c.want == nil) {
			t.Errorf("%q: got %q, want %q", c.lines, got, c.want)
		}
	}
}

func FuzzEntityTags(f *testing.F) {
	f.Add(`"a", W/"b" , *`)
	f.Add(`"a`)
	f.Add(`W/`)
	f.Fuzz(func(t *testing.T, s string) {
		for _, tag := range EntityTags([]string{s}) {
			if tag != "*" && (len(tag) < 2 || tag[len(tag)-1] != '"' || !strings.Contains(s, tag)) {
				t.Fatalf("%q in %q", tag, s)
			}
		}
	})
}

// FuzzRanges compares the spans with a model that checks each byte.
func FuzzRanges(f *testing.F) {
	for _, s := range []string{"bytes=0-4", "bytes=-3, 5-6", "bytes=-0", "bytes=9-,0-0,,3-99999999999999999999"} {
		f.Add(s, uint8(10))
	}
	f.Fuzz(func(t *testing.T, s string, size uint8) {
		spans, satisfiable := spansOf(s, int64(size))
		var got, want [256]bool
		for i, a := range spans {
			if a.first < 0 || a.first >= a.end || a.end > int64(size) || len(spans) > maxParts {
				t.Fatalf("%q: %v", s, spans)
			}
			for _, b := range spans[:i] {
				if a.first <= b.end && b.first <= a.end {
					t.Fatalf("%q: %v overlap", s, spans)
				}
			}
			for at := a.first; at < a.end; at++ {
				got[at] = true
			}
		}
		if len(spans) == 0 {
			return
		}
		for spec := range strings.SplitSeq(s[len("bytes="):], ",") {
			first, last, _ := strings.Cut(strings.Trim(spec, " \t"), "-")
			for at := range int64(size) {
				switch {
				case first == "" && last != "":
					want[at] = want[at] || clipped(last) >= int64(size)-at
				case first != "":
					want[at] = want[at] || at >= clipped(first) && (last == "" || at <= clipped(last))
				}
			}
		}
		if got != want || !satisfiable {
			t.Fatalf("%q of %d: %v", s, size, spans)
		}
	})
}
