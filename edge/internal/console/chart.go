package console

import (
	"fmt"
	"math"
	"strings"

	"github.com/tenantedge/tenantedge/edge/stats"
)

// Charts are drawn in a box of this size, which the page stretches to its width.
const (
	chartWidth  = 600
	chartHeight = 120
)

// traffic is the chart of the requests of the last minutes, by outcome.
type traffic struct {
	Areas   []area
	Rows    []trafficRow
	Top     string // the value at the upper edge
	Now     string // requests a second of all outcomes
	Minutes string // that the chart shows
}

// area is one outcome in the chart: a path in its box.
type area struct{ Class, Path string }

// trafficRow is an outcome in the table.
type trafficRow struct {
	Class, Name, Meaning, Rate, Total string
}

// meanings describe outcomes for people.
var meanings = map[stats.Result][2]string{
	stats.ResultTenant:    {"tenant", "routed to a tenant"},
	stats.ResultNone:      {"no tenant", "passed on without a tenant"},
	stats.ResultRedirect:  {"redirect", "sent to another domain or path"},
	stats.ResultNotFound:  {"not found", "there is no such tenant"},
	stats.ResultBad:       {"bad request", "the request is not valid"},
	stats.ResultConflict:  {"conflict", "the request names different tenants or hosts"},
	stats.ResultTooLarge:  {"too large", "the request does not fit the guest’s buffer"},
	stats.ResultSession:   {"session", "the session could not be read"},
	stats.ResultCancelled: {"cancelled", "the client disconnected, or the deadline passed"},
	stats.ResultBusy:      {"busy", "no instance of the guest was free in time"},
	stats.ResultGuest:     {"guest error", "the guest failed"},
	stats.ResultError:     {"error", "the edge failed"},
}

// newTraffic draws samples, the newest at the right edge.
func newTraffic(samples []sample) traffic {
	last := sample{}
	if len(samples) > 0 {
		last = samples[len(samples)-1]
	}
	highest, now := 0.0, 0.0
	for i := range samples {
		sum := 0.0
		for _, rate := range samples[i].rates {
			sum += rate
		}
		highest, now = max(highest, sum), sum
	}
	top := ceiling(highest)
	t := traffic{Top: quantity(top), Now: quantity(now), Minutes: fmt.Sprint(int(maxSamples * sampleEvery.Minutes()))}
	below := make([]float64, len(samples))
	for _, result := range results {
		class := "r-" + string(result)
		if path, any := stack(samples, result, below, top); any {
			t.Areas = append(t.Areas, area{class, path})
		}
		if total := last.total[result]; total > 0 || result == stats.ResultTenant || result == stats.ResultNotFound || result == stats.ResultGuest {
			t.Rows = append(t.Rows, trafficRow{class, meanings[result][0], meanings[result][1], quantity(last.rates[result]), number(total)})
		}
	}
	return t
}

// stack draws the area of an outcome above those that were drawn before, whose sum is
// below. It reports false if the outcome has not occurred.
func stack(samples []sample, result stats.Result, below []float64, top float64) (path string, any bool) {
	var up, down strings.Builder
	step := float64(chartWidth) / (maxSamples - 1)
	y := func(rate float64) float64 { return chartHeight * (1 - rate/top) }
	for i := range samples {
		rate := samples[i].rates[result]
		any = any || rate > 0
		x := chartWidth - step*float64(len(samples)-1-i)
		command := 'L'
		if i == 0 {
			command = 'M'
		}
		fmt.Fprintf(&up, "%c%.1f %.1f", command, x, y(below[i]+rate))
		back := len(samples) - 1 - i
		fmt.Fprintf(&down, "L%.1f %.1f", chartWidth-step*float64(i), y(below[back]))
	}
	for i := range samples {
		below[i] += samples[i].rates[result]
	}
	return up.String() + down.String() + "Z", any
}

// ceiling returns a round number that is not below x.
func ceiling(x float64) float64 {
	if x <= 0 {
		return 1
	}
	unit := math.Pow(10, math.Floor(math.Log10(x)))
	for _, step := range []float64{1, 2, 5, 10} {
		if x <= step*unit {
			return step * unit
		}
	}
	return 10 * unit
}

// distribution is the chart of what the calls of a program took.
type distribution struct {
	Name  string // what is distributed
	Bars  []bar
	Rows  []bucket
	First string // bounds below the first and the last bar
	Last  string
	Mean  string
	Half  string // at most what half of the calls took
	Most  string // at most what 99 % of the calls took
	Calls string
}

// bar is one bucket in the chart.
type bar struct{ X, Y, Width, Height float64 }

// bucket is one bucket in the table.
type bucket struct{ Range, Count, Share string }

// newDistribution draws a histogram. write writes its values. Buckets before the first
// call and after the last are left out.
func newDistribution(name string, h *stats.Histogram, write func(float64) string) distribution {
	d := distribution{Name: name}
	var sum, most uint64
	first, last := -1, 0
	for i, n := range h.Counts {
		sum, most = sum+n, max(most, n)
		if n > 0 {
			if first < 0 {
				first = i
			}
			last = i
		}
	}
	d.Calls = number(sum)
	if sum == 0 || len(h.Counts) != len(h.Bounds)+1 {
		return d
	}
	upTo := func(i int) string {
		if i == len(h.Bounds) {
			return "more"
		}
		return write(h.Bounds[i])
	}
	d.Mean, d.Half, d.Most = write(h.Sum/float64(sum)), quantile(h, sum, 0.5, write), quantile(h, sum, 0.99, write)
	// Few bars would be wide blocks.
	const least = 8
	for last-first+1 < min(least, len(h.Counts)) {
		if last < len(h.Counts)-1 {
			last++
		}
		if first > 0 && last-first+1 < least {
			first--
		}
	}
	width := float64(chartWidth) / float64(last-first+1)
	for i := first; i <= last; i++ {
		n := h.Counts[i]
		height := chartHeight * float64(n) / float64(most)
		if n > 0 {
			height = max(height, 2) // a rare call can be seen
		}
		d.Bars = append(d.Bars, bar{X: digits(width*float64(i-first) + 1), Y: digits(chartHeight - height), Width: digits(width - 2), Height: digits(height)})
		if n > 0 {
			between := "up to " + upTo(i)
			if i > 0 {
				between = upTo(i-1) + " to " + upTo(i)
			}
			d.Rows = append(d.Rows, bucket{between, number(n), percent(float64(n) / float64(sum))})
		}
	}
	d.First, d.Last = "0", upTo(last)
	if first > 0 {
		d.First = upTo(first - 1)
	}
	return d
}

// quantile returns the bound below which a share of the calls is.
func quantile(h *stats.Histogram, sum uint64, share float64, write func(float64) string) string {
	seen := uint64(0)
	for i, n := range h.Counts {
		if seen += n; float64(seen) >= share*float64(sum) {
			if i == len(h.Bounds) {
				return "more than " + write(h.Bounds[i-1])
			}
			return "≤ " + write(h.Bounds[i])
		}
	}
	return "0"
}
