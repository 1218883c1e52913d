package hostfuncs

import (
	"fmt"
	"log/slog"
	"strings"

	"github.com/tenantedge/tenantedge/guest/abi"
)

// saidHalf is how much is kept of the beginning, and of the end, of what a guest
// logs and prints in one call: the message of a panic comes first, and a panic is
// the last thing that a guest prints.
const saidHalf = 2 << 10

// said is what a guest has logged and printed in a call. It becomes one record
// of the log.
type said struct {
	level slog.Level // the highest
	head  []byte     // the first saidHalf bytes
	tail  []byte     // the last saidHalf bytes of the rest, and up to as many before them
	cut   int        // bytes between the two that were dropped
}

// print adds text as it stands.
func (s *said) print(level slog.Level, text string) {
	if len(s.head) == 0 || level > s.level {
		s.level = level
	}
	room := min(saidHalf-len(s.head), len(text))
	s.head = append(s.head, text[:room]...)
	s.tail = append(s.tail, text[room:]...)
	if len(s.tail) > 2*saidHalf {
		s.shorten()
	}
}

// line adds text as a line of its own.
func (s *said) line(level slog.Level, text string) {
	end := s.head
	if len(s.tail) > 0 {
		end = s.tail
	}
	if len(end) > 0 && end[len(end)-1] != '\n' {
		s.print(level, "\n")
	}
	s.print(level, strings.ReplaceAll(text, "\n", " ")+"\n")
}

// shorten drops all of the tail but its last saidHalf bytes.
func (s *said) shorten() {
	if extra := len(s.tail) - saidHalf; extra > 0 {
		s.tail = s.tail[:copy(s.tail, s.tail[extra:])]
		s.cut += extra
	}
}

// text returns all that is kept, in one line.
func (s *said) text() string {
	s.shorten()
	if s.cut == 0 {
		return printable(string(s.head) + string(s.tail))
	}
	return fmt.Sprintf("%s … (%d bytes are left out) … %s", printable(string(s.head)), s.cut, printable(string(s.tail)))
}

// tell writes what the guest has said in the call to the log.
func (c *Call) tell() {
	s := c.said
	c.said = said{} // the memory goes too: few calls need any
	if text := s.text(); text != "" {
		c.Services.Log(c.Context(), s.level, text)
	}
}

// printable copies text. A guest may log what a client sent, so control
// characters and broken UTF-8 are replaced: they must not reach a terminal, nor
// begin another line.
func printable(text string) string {
	var b strings.Builder
	for line := range strings.Lines(text) {
		line = strings.TrimSpace(line)
		if line == "" {
			continue
		}
		if b.Len() > 0 {
			b.WriteString(" | ")
		}
		b.WriteString(strings.Map(func(r rune) rune {
			switch {
			case r == '\t':
				return ' '
			case r < ' ' || r >= 0x7f && r < 0xa0 || r == '\u2028' || r == '\u2029':
				return '\uFFFD'
			}
			return r
		}, line))
	}
	return b.String()
}

func logLine(c *Call, m memory, s []uint64) {
	text, ok := m.text(uint32(s[1]), min(uint32(s[2]), abi.MaxLogText))
	if !ok {
		text = "(a log line outside of the guest's memory)"
	}
	level := slog.Level(int32(uint32(s[0])))
	c.said.line(max(slog.LevelDebug, min(level, slog.LevelError)), text)
	c.worked()
}
