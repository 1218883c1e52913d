package logs

import (
	"bytes"
	"encoding/json"
	"log/slog"
	"strings"
	"testing"
)

func TestJSONHasNoCharactersThatControlATerminal(t *testing.T) {
	for text, want := range map[string]string{
		"/plain":               `"/plain"`,
		"/\u009b31m\x7f/":      `"/\u009b31m\u007f/"`,
		"a\u202egnp.exe":       `"a\u202egnp.exe"`,
		"a\u2066b\u200f":       `"a\u2066b\u200f"`,
		"\u009b":               `"\u009b"`,
		"Zürich, 東京, 👩\u200d💻": `"Zürich, 東京, 👩` + "\u200d" + `💻"`,
	} {
		var line bytes.Buffer
		slog.New(slog.NewJSONHandler(Escaped(&line), nil)).Info("access", "path", text)
		var read struct{ Path string }
		if err := json.Unmarshal(line.Bytes(), &read); err != nil || read.Path != text || !strings.Contains(line.String(), `"path":`+want) {
			t.Errorf("%q: %s, read as %q, %v", text, line.String(), read.Path, err)
		}
	}
}

// What was escaped means the same, and nothing else is changed.
func FuzzEscape(f *testing.F) {
	for _, seed := range []string{"", "a\x7f", "\u009b\u009b", "\xc2", "\xc2\x9b\xe2\x80", "\u202e"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		encoded, err := json.Marshal(text)
		if err != nil {
			t.Fatal(err)
		}
		var want, got string
		if err := json.Unmarshal(encoded, &want); err != nil {
			t.Fatal(err)
		}
		clean := Escape(bytes.Clone(encoded))
		if err := json.Unmarshal(clean, &got); err != nil || got != want {
			t.Errorf("%q became %q, %v", encoded, clean, err)
		}
		if bytes.ContainsAny(clean, "\x7f\u0085\u009b\u202e") {
			t.Errorf("%q has characters that control a terminal", clean)
		}
	})
}
