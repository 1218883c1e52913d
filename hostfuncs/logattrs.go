package hostfuncs

import (
	"log/slog"
	"strconv"
	"strings"

	"github.com/tenantedge/tenantedge/guest/abi"
)

// attrLine is a line with attributes, which becomes one record at the end of the call.
type attrLine struct {
	level slog.Level
	text  string
	attrs []slog.Attr
}

func logAttrs(c *Call, m memory, s []uint64) {
	level, text := m.logged(s)
	line := attrLine{level, printable(strings.ReplaceAll(text, "\n", " ")), m.attrs(uint32(s[3]), uint32(s[4]))}
	if len(c.log.lines) < abi.MaxLogRecords {
		c.log.lines = append(c.log.lines, line)
	} else {
		c.log.line(level, line.String())
	}
	c.worked()
}

// String returns the line with its attributes as text.
func (l attrLine) String() string {
	var b strings.Builder
	b.WriteString(l.text)
	for _, a := range l.attrs {
		b.WriteString(" " + a.Key + "=" + strconv.Quote(a.Value.String()))
	}
	return b.String()
}

// attrs returns the attributes in a message at addr. Instead of those that exceed the
// bounds, there is one with the key "error".
func (m memory) attrs(addr, length uint32) []slog.Attr {
	invalid := func(what string) []slog.Attr { return []slog.Attr{slog.String("error", "the attributes are "+what)} }
	b, ok := m.bytes(addr, length)
	switch {
	case !ok:
		return invalid("outside the guest's memory")
	case length > abi.MaxLogAttrs:
		return invalid("longer than " + strconv.Itoa(abi.MaxLogAttrs) + " bytes")
	}
	m.call.charge(uint64(length) * costByte)
	pairs, err := abi.Parse(b)
	if err != nil || pairs.Len()%2 != 0 {
		return invalid("malformed: expected a message of pairs of a name and a value")
	}
	if pairs.Len() > 2*abi.MaxLogPairs {
		return invalid("more than " + strconv.Itoa(abi.MaxLogPairs))
	}
	attrs := make([]slog.Attr, 0, abi.MaxLogPairs)
	for i := 0; i < pairs.Len(); i += 2 {
		value := pairs.Get(i + 1)
		value = value[:min(len(value), abi.MaxLogValue)]
		attrs = append(attrs, slog.String(attrKey(pairs.Get(i)), printable(strings.ReplaceAll(string(value), "\n", " "))))
	}
	return attrs
}

// attrKey returns name as a key of at most abi.MaxLogName bytes. Other characters than
// those of keys become underscores.
func attrKey(name []byte) string {
	key := []byte(string(name[:min(len(name), abi.MaxLogName)]))
	for i, c := range key {
		switch {
		case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9', c == '_', c == '-', c == '.':
		default:
			key[i] = '_'
		}
	}
	if len(key) == 0 {
		return "_"
	}
	return string(key)
}

// flushLines passes the lines with attributes to the Services.
func (c *Call) flushLines() {
	lines := c.log.lines
	c.log.lines = nil
	for _, l := range lines {
		c.Services.Log(c.Context(), l.level, l.text, l.attrs...)
	}
}
