//go:build !wasip1

package query

import (
	"encoding/json"
	"strings"
	"testing"
)

func FuzzArguments(f *testing.F) {
	for _, s := range []string{"", `a"b\c`, "\x00\x1f\x7f\n", "é\u2028", "\xff\xc3("} {
		f.Add(s, int64(-1), true)
	}
	f.Fuzz(func(t *testing.T, s string, n int64, b bool) {
		args := []any{s, n, int(n), b, nil}
		encoded, err := encode(args)
		if err != nil {
			t.Fatal(err)
		}
		want, err := json.Marshal(args)
		if err != nil {
			t.Fatal(err)
		}
		var found, expected [5]json.RawMessage
		if err := json.Unmarshal([]byte(encoded), &found); err != nil {
			t.Fatalf("%q is encoded as %s: %v", args, encoded, err)
		}
		if err := json.Unmarshal(want, &expected); err != nil {
			t.Fatal(err)
		}
		var got, text string
		if err := json.Unmarshal(found[0], &got); err != nil {
			t.Fatal(err)
		}
		if err := json.Unmarshal(expected[0], &text); err != nil {
			t.Fatal(err)
		}
		for i := 1; i < len(found); i++ {
			if string(found[i]) != string(expected[i]) {
				t.Errorf("argument %d is encoded as %s, want %s", i+1, found[i], expected[i])
			}
		}
		if got != text {
			t.Errorf("%q is read as %q, want %q", s, got, text)
		}
	})
}

func TestArgumentsOfOtherTypesAreRefused(t *testing.T) {
	if _, err := encode([]any{"a", 1.5}); err == nil || !strings.Contains(err.Error(), "argument 2: expected a string") {
		t.Errorf("error %v: expected one about argument 2", err)
	}
}

func TestColumns(t *testing.T) {
	row := Row{[]byte(`{"t":"é\n","n":-7,"b":true,"f":1.5,"o":{"a":[1]},"none":null}`)}
	for column, want := range map[string][4]any{
		"t": {"é\n", 0, false, `"é\n"`}, "n": {"", -7, false, "-7"}, "b": {"", 0, true, "true"}, "f": {"", 0, false, "1.5"},
		"o": {"", 0, false, `{"a":[1]}`}, "none": {"", 0, false, ""}, "T": {"", 0, false, ""},
	} {
		text, isText := row.Text(column)
		n, isInteger := row.Integer(column)
		b, isBool := row.Bool(column)
		got := [4]any{text, n, b, string(row.JSON(column))}
		if got != want || isText != (column == "t") || isInteger != (column == "n") || isBool != (column == "b") {
			t.Errorf("column %s is %v (%v, %v, %v), want %v", column, got, isText, isInteger, isBool, want)
		}
	}
}
