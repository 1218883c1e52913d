package files

import (
	"cmp"
	"math"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// Bounds on what one Range may ask for (RFC 9110, 17.15). Of a bucket, each
// part is a request to its server. A Range beyond them is ignored.
const (
	mostSpecs = 64 // in the header
	mostParts = 16 // in the answer, when those that touch have become one
)

// span is the bytes from first on, up to end, which is not one of them.
type span struct{ first, end int64 }

// spansOf reads a Range of bytes (RFC 9110, 14.1 and 14.2) for a file of size
// bytes. It returns nil where the header is to be ignored, and false where it
// is valid, but asks for nothing that is there.
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
			return nil, true // no space may stand between the unit and the first
		}
		spec = strings.TrimRight(spec, " \t")
		if spec == "" {
			continue
		}
		s, valid := spanOf(spec, size)
		if specs++; !valid || specs > mostSpecs {
			return nil, true
		}
		if s.first < s.end {
			spans = join(spans, s)
		}
	}
	switch {
	case specs == 0, len(spans) > mostParts:
		return nil, true
	case len(spans) == 0:
		// A suffix of an empty file is the whole file, for which there is no
		// Content-Range.
		return nil, size == 0 && hasSuffix(value)
	}
	return spans, true
}

// hasSuffix reports whether a valid Range asks for the last bytes, and for more
// than none of them.
func hasSuffix(value string) bool {
	for spec := range strings.SplitSeq(value[len("bytes="):], ",") {
		if n, ok := strings.CutPrefix(strings.Trim(spec, " \t"), "-"); ok && strings.Trim(n, "0") != "" {
			return true
		}
	}
	return false
}

// spanOf reads one range; it is empty where none of it is there.
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

// clipped is a number of any length, or the greatest there is.
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

// join adds a span to others, as one with all that it overlaps or touches, in
// the place of the first of them.
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

// rangeHeader is the Range header that asks for spans.
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

// canonical is the request as http.ServeContent reads it right: each condition
// in one line, and a Range that is valid, bounded, and meant for this file. It
// is not satisfiable where the answer is to be 416, if conditions allow one.
func canonical(r *http.Request, file *description, noRanges bool) (out *http.Request, satisfiable bool) {
	c := *r
	c.Header = r.Header.Clone()
	for _, name := range [...]string{"If-Match", "If-None-Match"} {
		if lines := c.Header[name]; len(lines) > 0 {
			c.Header[name] = []string{strings.Join(EntityTags(lines), ", ")}
			if c.Header[name][0] == "" && name == "If-Match" {
				c.Header[name][0] = "," // sent, and matched by nothing
			}
		}
	}
	for _, name := range [...]string{"If-Modified-Since", "If-Unmodified-Since"} {
		if len(c.Header[name]) > 1 {
			delete(c.Header, name) // RFC 9110, 13.1.3: to be ignored
		}
	}
	ranges, current := c.Header["Range"], ifRange(c.Header["If-Range"], file)
	delete(c.Header, "Range")
	delete(c.Header, "If-Range")
	// A Range is for GET alone, and one in several lines is none (14.2).
	if noRanges || r.Method != http.MethodGet || len(ranges) != 1 || !current {
		return &c, true
	}
	spans, satisfiable := spansOf(ranges[0], file.size)
	if len(spans) > 0 {
		c.Header["Range"] = []string{rangeHeader(spans)}
	}
	return &c, satisfiable
}

// ifRange reports whether a range may be sent: If-Range, if there is one, names
// the file as it is, by a strong validator (RFC 9110, 13.1.5).
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

// EntityTags reads the lines of an If-Match or If-None-Match: the tags of a
// list, with W/ where they are weak, or "*" alone. It returns nil where no line
// was sent, and none, but not nil, where what was sent is no such list.
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

// tagLength is the length of the entity tag that s begins with (RFC 9110,
// 8.8.3), -1 if it begins with none.
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
