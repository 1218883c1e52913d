// Package suggest finds the name that a misspelled word is probably meant to be.
//
//	suggest.Name("te_rout", []string{"te_route", "te_buffer"}) // te_route
package suggest

import (
	"slices"
	"strings"
)

// Name returns the name that word is probably meant to be, or the empty string
// if none is close.
func Name(word string, names []string) string {
	if best := Nearest(word, names); best != "" {
		return best
	}
	word = strings.ToLower(word)
	// A part of a name is better than no hint: read_timeout for read_header_timeout.
	for _, name := range names {
		parts := strings.Split(strings.ToLower(name), "_")
		missing := func(w string) bool { return !slices.Contains(parts, w) }
		if len(word) >= 4 && !slices.ContainsFunc(strings.Split(word, "_"), missing) {
			return name
		}
	}
	for _, name := range names {
		lower := strings.ToLower(name)
		if len(word) >= 4 && (strings.HasPrefix(lower, word) || strings.HasPrefix(word, lower)) {
			return name
		}
	}
	return ""
}

// Nearest returns the name that differs from word by the fewest slips of the
// keyboard, at most two, or the empty string.
func Nearest(word string, names []string) string {
	word = strings.ToLower(word)
	best, bestDistance := "", 3
	for _, name := range names {
		lower := strings.ToLower(name)
		d := distance(word, lower)
		if limit := max(1, len(name)/3); d > limit {
			d = bestDistance
		}
		if d < bestDistance {
			best, bestDistance = name, d
		}
	}
	return best
}

// distance returns the optimal string alignment distance: Levenshtein's, except
// that swapping two neighbours, the most common slip, counts as one edit. Words too
// long to be a key have the distance 40.
func distance(a, b string) int {
	const longest = 40
	if len(a) > longest || len(b) > longest {
		return longest
	}
	var before, last, row [longest + 1]int
	for j := range len(b) + 1 {
		last[j] = j
	}
	for i := 1; i <= len(a); i++ {
		row[0] = i
		for j := 1; j <= len(b); j++ {
			cost := 1
			if a[i-1] == b[j-1] {
				cost = 0
			}
			row[j] = min(last[j]+1, row[j-1]+1, last[j-1]+cost)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				row[j] = min(row[j], before[j-2]+1)
			}
		}
		before, last = last, row
	}
	return last[len(b)]
}
