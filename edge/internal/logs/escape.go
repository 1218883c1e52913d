package logs

import (
	"fmt"
	"io"
	"unicode"
	"unicode/utf8"
)

// Escaped returns a writer of JSON that escapes the characters which a terminal takes for
// control sequences or which change the direction of writing. encoding/json and log/slog
// escape those below U+0020 only, and journalctl hides a line with one of U+007F to
// U+009F: a client would hide its requests. Each Write must have whole characters.
func Escaped(to io.Writer) io.Writer { return escaped{to} }

type escaped struct{ to io.Writer }

// Write implements io.Writer.
func (e escaped) Write(p []byte) (int, error) {
	if n, err := e.to.Write(Escape(p)); err != nil {
		return min(n, len(p)), err
	}
	return len(p), nil
}

// Escape returns a JSON text as Escaped writes it: itself, or a copy. The characters occur
// in strings only.
func Escape(p []byte) []byte {
	var text []byte // nil: nothing was escaped
	copied := 0     // up to here p is in text
	for i := 0; i < len(p); {
		if p[i] < 0x7f {
			i++
			continue
		}
		r, size := utf8.DecodeRune(p[i:])
		if unicode.In(r, unicode.Cc, unicode.Bidi_Control) {
			text = fmt.Appendf(append(text, p[copied:i]...), `\u%04x`, r)
			copied = i + size
		}
		i += size
	}
	if text == nil {
		return p
	}
	return append(text, p[copied:]...)
}
