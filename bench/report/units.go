package report

import (
	"fmt"
	"math"
	"strconv"
)

// nanoseconds formats a duration with three significant digits: 265 ns, 1.43 µs.
func nanoseconds(ns float64) string {
	unit, v := "ns", ns
	for _, next := range []string{"µs", "ms", "s"} {
		if math.Abs(v) < 1000 {
			break
		}
		unit, v = next, v/1000
	}
	return digits(v) + " " + unit
}

// digits formats a number with three significant digits, and an integer without
// decimals.
func digits(v float64) string {
	switch a := math.Abs(v); {
	case a >= 1000:
		return count(v)
	case a >= 100 || a == math.Trunc(a):
		return strconv.FormatFloat(v, 'f', 0, 64)
	case a >= 10:
		return strconv.FormatFloat(v, 'f', 1, 64)
	default:
		return strconv.FormatFloat(v, 'f', 2, 64)
	}
}

// count formats a rounded number with thousands separators.
func count(v float64) string {
	s := strconv.FormatFloat(math.Round(v), 'f', 0, 64)
	for i := len(s) - 3; i > 0; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}

func times(v float64) string { return digits(v) + "×" }

// spreadOf formats the larger distance of an interval's bounds from its median
// as a percentage, as benchstat does.
func (f figure) spreadOf() string {
	return fmt.Sprintf("±%.0f %%", 100*max(f.high/f.median-1, 1-f.low/f.median))
}
