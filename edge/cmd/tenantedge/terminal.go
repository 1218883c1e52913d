package main

import (
	"encoding/json"
	"io"
	"strings"
	"unicode"

	"github.com/tenantedge/tenantedge/edge/internal/logs"
)

// terminal writes text for people to Writer. A guest, a client or a file may have
// chosen parts of the text, so characters that control a terminal or hide other
// characters are replaced. Each write must end at the end of a character.
type terminal struct{ io.Writer }

// Write implements io.Writer.
func (t terminal) Write(p []byte) (int, error) {
	if _, err := io.WriteString(t.Writer, forTerminal(string(p))); err != nil {
		return 0, err
	}
	return len(p), nil
}

// inLine is forTerminal for a part of a line.
func inLine(s string) string {
	return strings.NewReplacer("\n", "\uFFFD", "\t", "\uFFFD").Replace(forTerminal(s))
}

// forTerminal replaces what a terminal must not get: all that is not printable,
// except line feeds and tabs.
func forTerminal(s string) string {
	return strings.Map(func(r rune) rune {
		if r == '\n' || r == '\t' || unicode.IsGraphic(r) {
			return r
		}
		return unicode.ReplacementChar
	}, s)
}

// newEncoder returns an encoder whose JSON a terminal may get.
func newEncoder(to io.Writer) *json.Encoder { return json.NewEncoder(logs.Escaped(to)) }
