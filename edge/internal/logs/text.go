package logs

import (
	"log/slog"
	"strings"
)

// maxText is the size of the longest text of a client in a record, in bytes. Journald
// splits lines of more than 48 KiB, and one client that sends 60 kB of %01 as a path would
// fill the queue of a Writer for all others.
const maxText = 2 << 10

// Clip returns a text that a client has chosen, such as a path, and clips a long one.
func Clip(text string) string { return Cut(text, maxText) }

// Cut returns a text, or the first most bytes of a longer one and "…", without keeping
// the rest in memory.
func Cut(text string, most int) string {
	if len(text) <= most {
		return text
	}
	return strings.ToValidUTF8(strings.Clone(text[:most]), "") + "…"
}

// Text returns an attribute with a clipped text.
func Text(key, text string) slog.Attr { return slog.String(key, Clip(text)) }
