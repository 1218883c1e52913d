package header

import (
	"net/http"
	"slices"
	"testing"
)

func TestTokensOfSeveralLines(t *testing.T) {
	lines := []string{"a, B", "", " ,\tc\t,", "d"}
	if got := slices.Collect(Tokens(lines)); !slices.Equal(got, []string{"a", "B", "c", "d"}) {
		t.Errorf("Tokens = %q", got)
	}
	for token, want := range map[string]bool{"A": true, "b": true, "c": true, "e": false, "": false, "a, b": false} {
		if got := HasToken(lines, token); got != want {
			t.Errorf("HasToken(%q) = %v", token, got)
		}
	}
	if n := testing.AllocsPerRun(100, func() { HasToken(lines, "none") }); n != 0 {
		t.Errorf("HasToken allocates %v times, expected 0", n)
	}
}

func TestValidFields(t *testing.T) {
	for _, c := range []struct {
		name, value string
		want        bool
	}{
		{"X-Plan", "gold", true}, {"X-Plan", "", true}, {"X-Plan", "a\tb", true}, {"X_Plan!", "é", true},
		{"", "a", false}, {"X Plan", "a", false}, {"X:Plan", "a", false}, {"Xé", "a", false},
		{"X", " a", false}, {"X", "a\t", false}, {"X", "a\r\nY: b", false}, {"X", "a\x00", false},
	} {
		if got := Valid(c.name, c.value); got != c.want {
			t.Errorf("Valid(%q, %q) = %v", c.name, c.value, got)
		}
	}
}

func TestFieldsAreDeletedInEverySpelling(t *testing.T) {
	h := http.Header{"X-Our": {"1"}, "X_our": {"2"}, "x!OUR": {"3"}, "X-Ours": {"4"}}
	DeleteFolded(h, "X-OUR")
	if len(h) != 1 || h["X-Ours"] == nil {
		t.Errorf("left: %v", h)
	}
}

func TestCanonicalNames(t *testing.T) {
	same := http.Header{"Accept": {"a"}, "X_a": {"b"}}
	if got, ok := Canonical(same); !ok || len(got) != 2 || testing.AllocsPerRun(100, func() { Canonical(same) }) != 0 {
		t.Errorf("got %v, %v, expected the same header without an allocation", got, ok)
	}
	sent := http.Header{"ACCEPT": {"a"}, "accept": {"b", "c"}, "x_a": {"d"}}
	got, ok := Canonical(sent)
	if !ok || len(got) != 2 || !slices.Equal(got["Accept"], []string{"a", "b", "c"}) || !slices.Equal(got["X_a"], []string{"d"}) || len(sent) != 3 {
		t.Errorf("%v became %v, %v", sent, got, ok)
	}
	for _, bad := range []http.Header{{"": {"a"}}, {"a b": {"c"}}, {"A:": {"b"}}, {"A": {"b\nc"}}, {"A": {"\x7f"}}} {
		if _, ok := Canonical(bad); ok {
			t.Errorf("%q is valid", bad)
		}
	}
}

func TestFieldsOfOneHopAreRemoved(t *testing.T) {
	h := http.Header{"Connection": {"x-a, close", "Sec-WebSocket-Key"}, "X-A": {"1"}, "Sec-Websocket-Key": {"2"}, "Te": {"3"}, "X-B": {"4"}}
	RemoveHopByHop(h)
	if len(h) != 2 || h["X-B"] == nil || h["Sec-Websocket-Key"] == nil {
		t.Errorf("left: %v", h)
	}
}
