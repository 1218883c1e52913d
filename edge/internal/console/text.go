package console

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

// clean replaces characters that could make a text look like another one: those that
// control a terminal or the direction of writing, and those that cannot be seen.
func clean(s string) string {
	return strings.Map(func(r rune) rune {
		if r == '\n' || r == '\t' {
			return ' '
		}
		if !unicode.IsPrint(r) {
			return unicode.ReplacementChar
		}
		return r
	}, s)
}

// sentence returns the text of an error as a sentence for a page.
func sentence(text string) string {
	text = clean(text)
	first, size := utf8.DecodeRuneInString(text)
	text = string(unicode.ToUpper(first)) + text[size:]
	if !strings.HasSuffix(text, ".") {
		text += "."
	}
	return text
}

// short returns the first digits of a digest.
func short(digest string) string { return fmt.Sprintf("%.12s", digest) }

// number writes an integer with separators between groups of three digits.
func number[T int | int64 | uint64](n T) string {
	s := strconv.FormatInt(int64(n), 10)
	sign := ""
	if s[0] == '-' {
		sign, s = "-", s[1:]
	}
	for i := len(s) - 3; i > 0; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return sign + s
}

// quantity writes a number with three digits at most, and a prefix of the SI.
func quantity(x float64) string {
	for _, step := range []struct {
		size float64
		name string
	}{{1e9, " G"}, {1e6, " M"}, {1e3, " k"}} {
		if x >= step.size {
			return strconv.FormatFloat(digits(x/step.size), 'f', -1, 64) + step.name
		}
	}
	return strconv.FormatFloat(digits(x), 'f', -1, 64)
}

// digits rounds x to three digits.
func digits(x float64) float64 {
	if x == 0 || math.IsNaN(x) || math.IsInf(x, 0) {
		return 0
	}
	scale := math.Pow(10, 2-math.Floor(math.Log10(math.Abs(x))))
	return math.Round(x*scale) / scale
}

// size writes a number of bytes.
func size[T int | int64 | uint64](n T) string {
	units := []string{"B", "KiB", "MiB", "GiB", "TiB"}
	if n < 1024 {
		return strconv.FormatUint(uint64(n), 10) + " B"
	}
	x, i := float64(n), 0
	for x >= 1024 && i < len(units)-1 {
		x, i = x/1024, i+1
	}
	return strconv.FormatFloat(digits(x), 'f', -1, 64) + " " + units[i]
}

// seconds writes a time in the unit that fits.
func seconds(s float64) string {
	switch {
	case s <= 0:
		return "0"
	case s < 1e-3:
		return strconv.FormatFloat(digits(s*1e6), 'f', -1, 64) + " µs"
	case s < 1:
		return strconv.FormatFloat(digits(s*1e3), 'f', -1, 64) + " ms"
	}
	return strconv.FormatFloat(digits(s), 'f', -1, 64) + " s"
}

// percent writes a share.
func percent(share float64) string {
	return strconv.FormatFloat(digits(share*100), 'f', -1, 64) + " %"
}

// ago writes how long ago something was.
func ago(t time.Time) string {
	if t.IsZero() {
		return "never"
	}
	return past(time.Since(t))
}

// past writes the time since something.
func past(d time.Duration) string {
	switch {
	case d < 2*time.Second:
		return "just now"
	case d < 2*time.Minute:
		return fmt.Sprintf("%d s ago", int(d.Seconds()))
	case d < 2*time.Hour:
		return fmt.Sprintf("%d min ago", int(d.Minutes()))
	case d < 48*time.Hour:
		return fmt.Sprintf("%d h ago", int(d.Hours()))
	default:
		return fmt.Sprintf("%d days ago", int(d.Hours()/24))
	}
}
