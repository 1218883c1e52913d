package pyregex_test

import (
	"bufio"
	"encoding/json"
	"os"
	"slices"
	"testing"

	"github.com/tenantedge/tenantedge/guest/internal/pyregex"
)

// testdata/python.jsonl holds the answers of Python 3.11.7, through the pattern of
// Django 3.2's re_path(), for handwritten expressions and for random ones, chosen
// so that each construct occurs several times. A line is an expression and paths,
// each with the offsets of the match and of the groups; a line without paths is an
// expression that Python rejects.
func TestExpressionsMatchAsInPython(t *testing.T) {
	file, err := os.Open("testdata/python.jsonl")
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	compared := 0
	for lines := bufio.NewScanner(file); lines.Scan(); {
		var line []json.RawMessage
		if err := json.Unmarshal(lines.Bytes(), &line); err != nil {
			t.Fatalf("%q: %v", lines.Text(), err)
		}
		var expr string
		decode(t, line[0], &expr)
		re, err := pyregex.Compile(expr)
		if (err != nil) != (len(line) == 1) {
			t.Errorf("%q: error %v, while Python has results for %d paths", expr, err, len(line)-1)
			continue
		}
		for _, raw := range line[1:] {
			var answer []json.RawMessage
			decode(t, raw, &answer)
			var path string
			decode(t, answer[0], &path)
			var want []int
			for _, offset := range answer[1:] {
				var n int
				decode(t, offset, &n)
				want = append(want, n)
			}
			compared++
			if got := re.Match(path); !slices.Equal(got, want) {
				t.Errorf("%q matches %q at %v (linear: %v), want %v", expr, path, got, re.Linear(), want)
			}
		}
	}
	if compared < 5000 {
		t.Errorf("compared %d matches, want at least 5000", compared)
	}
}

func decode(t *testing.T, raw json.RawMessage, into any) {
	t.Helper()
	if err := json.Unmarshal(raw, into); err != nil {
		t.Fatalf("%s: %v", raw, err)
	}
}
