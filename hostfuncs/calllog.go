package hostfuncs

import (
	"fmt"
	"log/slog"
	"strings"

	"github.com/tenantedge/tenantedge/guest/abi"
)

// logHalf is how many bytes are kept of the start, and of the end, of what a guest
// logs and prints in one call. A panic is at the end.
const logHalf = 2 << 10

// callLog collects what a guest logs and prints in a call, for one log record.
type callLog struct {
	level   slog.Level // the highest
	head    []byte     // the first logHalf bytes
	tail    []byte     // the end of the rest: at least its last logHalf bytes
	dropped int        // bytes between the two
	lines   []attrLine // lines with attributes, at most abi.MaxLogRecords
}

// print appends text unchanged.
func (s *callLog) print(level slog.Level, text string) {
	if len(s.head) == 0 || level > s.level {
		s.level = level
	}
	room := min(logHalf-len(s.head), len(text))
	s.head = append(s.head, text[:room]...)
	s.tail = append(s.tail, text[room:]...)
	if len(s.tail) > 2*logHalf {
		s.shorten()
	}
}

// line appends text as one line.
func (s *callLog) line(level slog.Level, text string) {
	end := s.head
	if len(s.tail) > 0 {
		end = s.tail
	}
	if len(end) > 0 && end[len(end)-1] != '\n' {
		s.print(level, "\n")
	}
	s.print(level, strings.ReplaceAll(text, "\n", " ")+"\n")
}

// shorten drops all but the last logHalf bytes of the tail.
func (s *callLog) shorten() {
	if extra := len(s.tail) - logHalf; extra > 0 {
		s.tail = s.tail[:copy(s.tail, s.tail[extra:])]
		s.dropped += extra
	}
}

// text returns what is kept as one line.
func (s *callLog) text() string {
	s.shorten()
	if s.dropped == 0 {
		return printable(string(s.head) + string(s.tail))
	}
	return fmt.Sprintf("%s … (%d bytes dropped) … %s", printable(string(s.head)), s.dropped, printable(string(s.tail)))
}

// flushLog passes the collected text to Services.Log.
func (c *Call) flushLog() {
	s := c.log
	c.log = callLog{} // frees the memory: few calls need any
	if text := s.text(); text != "" {
		c.Services.Log(c.Context(), s.level, text)
	}
}

// printable returns text as one line, with " | " for line breaks. A guest may log
// what a client sent, so control characters and invalid UTF-8 are replaced.
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
	c.log.line(m.logged(s))
	c.worked()
}

// logged returns the level and the text that a guest logs: the first three parameters.
func (m memory) logged(s []uint64) (slog.Level, string) {
	text, ok := m.text(uint32(s[1]), min(uint32(s[2]), abi.MaxLogText))
	if !ok {
		text = "(a log line outside the guest's memory)"
	}
	level := slog.Level(int32(uint32(s[0])))
	return max(slog.LevelDebug, min(level, slog.LevelError)), text
}
