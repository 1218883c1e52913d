package logs

import (
	"strings"
	"testing"
	"unicode/utf8"
)

func TestTextsOfClientsAreClipped(t *testing.T) {
	if a := Text("path", "/short"); a.Key != "path" || a.Value.String() != "/short" {
		t.Errorf("got %v", a)
	}
	for _, long := range []string{strings.Repeat("x", 60<<10), strings.Repeat("é", 60<<10), "x" + strings.Repeat("é", 60<<10)} {
		got := Text("path", long).Value.String()
		if text, clipped := strings.CutSuffix(got, "…"); !clipped || len(got) > maxText+len("…") || !strings.HasPrefix(long, text) || !utf8.ValidString(got) {
			t.Errorf("%.10q became %d bytes: %.10q … %q", long, len(got), got, got[len(got)-5:])
		}
	}
	if n := testing.AllocsPerRun(100, func() { _ = Text("path", "/short") }); n > 0 {
		t.Errorf("%v allocations", n)
	}
}
