package files

import (
	"cmp"
	"math"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// Limits of one Range (RFC 9110, section 17.15): for a file in a bucket, each part
// is a request to the server. A Range beyond them is ignored.
const (
	maxSpecs = 64 // in the header
	maxParts = 16 // in the answer, after adjacent ones are joined
)

// span is the bytes from first up to but not including end.
type span struct{ first, end int64 }

// spansOf parses a Range of bytes (RFC 9110, sections 14.1 and 14.2) for a file of
// size bytes. It returns nil if the header must be ignored, and false if it is
// valid but selects nothing.
func spansOf(value string, size int64) (spans []span, satisfiable bool) {
	const unit = "bytes="
	if len(value) < len(unit) || !strings.EqualFold(value[:len(unit)], unit) {
		return nil, true
	}
	specs := 0
	for i, spec := range strings.Split(value[len(unit):], ",") {
		if i > 0 {
			spec = strings.TrimLeft(spec, " \t")
		}
		if i == 0 && strings.Trim(spec, " \t") != "" && spec[0] <= ' ' {
			return nil, true // space between the unit and the first range is invalid
		}
		spec = strings.TrimRight(spec, " \t")
		if spec == "" {
			continue
		}
		s, valid := spanOf(spec, size)
		if specs++; !valid || specs > maxSpecs {
			return nil, true
		}
		if s.first < s.end {
			spans = join(spans, s)
		}
	}
	switch {
	case specs == 0, len(spans) > maxParts:
		return nil, true
	case len(spans) == 0:
		// A suffix of an empty file is the complete file, which has no
		// Content-Range.
		return nil, size == 0 && hasSuffix(value)
	}
	return spans, true
}

// hasSuffix reports whether a valid Range has a suffix of more than zero bytes.
func hasSuffix(value string) bool {
	for spec := range strings.SplitSeq(value[len("bytes="):], ",") {
		if n, ok := strings.CutPrefix(strings.Trim(spec, " \t"), "-"); ok && strings.Trim(n, "0") != "" {
			return true
		}
	}
	return false
}

// spanOf parses one range. The span is empty if the range selects nothing.
func spanOf(spec string, size int64) (s span, valid bool) {
	first, last, dashed := strings.Cut(spec, "-")
	if !dashed || !isDigits(first) || !isDigits(last) || first == "" && last == "" {
		return s, false
	}
	if first == "" {
		return span{size - min(clipped(last), size), size}, true
	}
	if last != "" && compareDigits(last, first) < 0 {
		return s, false
	}
	s = span{clipped(first), size}
	if last != "" && clipped(last) < size {
		s.end = clipped(last) + 1
	}
	return s, true
}

func isDigits(s string) bool {
	for i := range len(s) {
		if s[i] < '0' || s[i] > '9' {
			return false
		}
	}
	return true
}

// clipped parses a number of any length; at most math.MaxInt64.
func clipped(digits string) int64 {
	n, err := strconv.ParseInt(digits, 10, 64)
	if err != nil {
		return math.MaxInt64
	}
	return n
}

// compareDigits compares numbers of any length.
func compareDigits(a, b string) int {
	a, b = strings.TrimLeft(a, "0"), strings.TrimLeft(b, "0")
	return cmp.Or(cmp.Compare(len(a), len(b)), strings.Compare(a, b))
}

// join adds a span to spans. It merges those that overlap or are adjacent, at the
// position of the first of them.
func join(spans []span, s span) []span {
	at := -1
	kept := spans[:0]
	for _, other := range spans {
		if other.first > s.end || other.end < s.first {
			kept = append(kept, other)
			continue
		}
		s = span{min(s.first, other.first), max(s.end, other.end)}
		if at < 0 {
			at = len(kept)
			kept = append(kept, s)
		}
	}
	if at < 0 {
		return append(kept, s)
	}
	kept[at] = s
	return kept
}

// rangeHeader returns the Range header for spans.
func rangeHeader(spans []span) string {
	b := []byte("bytes=")
	for i, s := range spans {
		if i > 0 {
			b = append(b, ',')
		}
		b = strconv.AppendInt(b, s.first, 10)
		b = append(b, '-')
		b = strconv.AppendInt(b, s.end-1, 10)
	}
	return string(b)
}

// canonical returns a request that http.ServeContent interprets correctly: each
// condition is one line, and Range is valid, within the limits, and intended for
// this version of the file. If satisfiable is false, the answer is 416, unless a
// condition fails.
func canonical(r *http.Request, file *description, noRanges bool) (out *http.Request, satisfiable bool) {
	c := *r
	c.Header = r.Header.Clone()
	for _, name := range [...]string{"If-Match", "If-None-Match"} {
		if lines := c.Header[name]; len(lines) > 0 {
			c.Header[name] = []string{strings.Join(EntityTags(lines), ", ")}
			if c.Header[name][0] == "" && name == "If-Match" {
				c.Header[name][0] = "," // present, but matches nothing
			}
		}
	}
	for _, name := range [...]string{"If-Modified-Since", "If-Unmodified-Since"} {
		if len(c.Header[name]) > 1 {
			delete(c.Header, name) // RFC 9110, section 13.1.3: ignored
		}
	}
	ranges, current := c.Header["Range"], ifRange(c.Header["If-Range"], file)
	delete(c.Header, "Range")
	delete(c.Header, "If-Range")
	// Range applies only to GET, and several lines are invalid (section 14.2).
	if noRanges || r.Method != http.MethodGet || len(ranges) != 1 || !current {
		return &c, true
	}
	spans, satisfiable := spansOf(ranges[0], file.size)
	if len(spans) > 0 {
		c.Header["Range"] = []string{rangeHeader(spans)}
	}
	return &c, satisfiable
}

// ifRange reports whether a range may be sent: there is no If-Range, or it matches
// the file by a strong validator (RFC 9110, section 13.1.5).
func ifRange(lines []string, file *description) bool {
	switch {
	case len(lines) == 0:
		return true
	case len(lines) > 1:
		return false
	case strings.HasPrefix(lines[0], `"`) || strings.HasPrefix(lines[0], "W/"):
		return lines[0] == file.tag[0]
	}
	at, err := http.ParseTime(lines[0])
	changed := time.Unix(0, file.changed)
	return err == nil && file.modified != nil && at.Unix() == changed.Unix() && time.Since(changed) >= time.Second
}

// EntityTags parses the lines of an If-Match or If-None-Match. It returns the tags,
// weak ones with W/, or "*". It returns nil if there are no lines, and an empty
// slice if they are malformed.
func EntityTags(lines []string) []string {
	if len(lines) == 0 {
		return nil
	}
	rest := strings.Trim(strings.Join(lines, ","), " \t,")
	if rest == "*" {
		return []string{"*"}
	}
	tags := []string{}
	for rest != "" {
		end := tagLength(rest)
		if end < 0 {
			return []string{}
		}
		tags = append(tags, rest[:end])
		after := strings.TrimLeft(rest[end:], " \t")
		rest = strings.TrimLeft(after, " \t,")
		if after != "" && after[0] != ',' {
			return []string{}
		}
	}
	return tags
}

// tagLength returns the length of the entity tag that s begins with (RFC 9110,
// section 8.8.3); -1 if there is none.
func tagLength(s string) int {
	start := 0
	if strings.HasPrefix(s, "W/") {
		start = 2
	}
	if !strings.HasPrefix(s[start:], `"`) {
		return -1
	}
	for i := start + 1; i < len(s); i++ {
		switch c := s[i]; {
		case c == '"':
			return i + 1
		case c <= ' ' || c == 0x7f:
			return -1
		}
	}
	return -1
}
