package hostfuncs

import (
	"log/slog"
	"strings"

	"github.com/tenantedge/tenantedge/guest/abi"
)

func logLine(c *Call, m memory, s []uint64) {
	text, ok := m.text(uint32(s[1]), min(uint32(s[2]), abi.MaxLogText))
	if !ok {
		text = "(a log line outside of the guest's memory)"
	}
	level := slog.Level(int32(uint32(s[0])))
	// The line outlives the call, and a guest may log what a client sent:
	// control characters must not reach a terminal.
	c.Services.Log(c.Context(), max(slog.LevelDebug, min(level, slog.LevelError)), printable(text))
	c.worked()
}

// printable copies text, replacing control characters and broken UTF-8.
func printable(text string) string {
	return strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f || r >= 0x80 && r < 0xa0 {
			return '\uFFFD'
		}
		return r
	}, strings.TrimRight(text, "\n"))
}
