package header

import (
	"maps"
	"net/http"
	"slices"

	"golang.org/x/net/http/httpguts"
)

// Canonical returns h with the canonical names of net/http: h itself if its names
// are, and a copy otherwise. ok is false if net/http would reject a name or a value.
func Canonical(h http.Header) (canonical http.Header, ok bool) {
	canonical = h
	for name, values := range h {
		if !httpguts.ValidHeaderFieldName(name) || slices.ContainsFunc(values, invalidValue) {
			return nil, false
		}
		if http.CanonicalHeaderKey(name) != name {
			canonical = nil
		}
	}
	if canonical != nil || h == nil {
		return h, true
	}
	canonical = make(http.Header, len(h))
	for _, name := range slices.Sorted(maps.Keys(h)) { // so that the order of values is always the same
		for _, value := range h[name] {
			canonical.Add(name, value)
		}
	}
	return canonical, true
}

func invalidValue(value string) bool { return !httpguts.ValidHeaderFieldValue(value) }
