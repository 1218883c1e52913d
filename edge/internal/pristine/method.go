package pristine

import "fmt"

// Method is a way to reset a memory to its image.
type Method uint8

// The methods, best first. All have the same result; they differ in how they find
// the pages to copy.
const (
	// Auto is the best of those below that works on this system.
	Auto Method = iota
	// GatedScan keeps a list of the pages that are private to the memory, and
	// extends it by PAGEMAP_SCAN (Linux 6.7) only if the thread's count of page
	// faults changed during the call.
	GatedScan
	// GatedPagemap is the same, but reads /proc/self/pagemap. It is for kernels
	// before 6.7.
	GatedPagemap
	// Scan uses PAGEMAP_SCAN after every call, if fault counts are unusable.
	Scan
	// Pagemap reads /proc/self/pagemap after every call.
	Pagemap
	// Compare compares the complete memory after every call and copies the pages
	// that differ. It works on every system, and is slow.
	Compare
)

// methods are all but Auto, best first.
var methods = [...]Method{GatedScan, GatedPagemap, Scan, Pagemap, Compare}

// String returns the name in reports and metrics.
func (m Method) String() string {
	switch m {
	case Auto:
		return "auto"
	case GatedScan:
		return "fault-gate+pagemap-scan"
	case GatedPagemap:
		return "fault-gate+pagemap-read"
	case Scan:
		return "pagemap-scan"
	case Pagemap:
		return "pagemap-read"
	case Compare:
		return "full-compare"
	}
	return fmt.Sprintf("method(%d)", uint8(m))
}

// gated reports whether the method searches only if the thread's fault count has
// changed.
func (m Method) gated() bool { return m == GatedScan || m == GatedPagemap }

// Support is the result of a probe.
type Support struct {
	Best    Method
	Refused map[Method]error // methods that do not work, and why
}

// Probe tries each method on a small memory: it writes to pages and checks that the
// method finds them. It takes less than a millisecond.
func Probe() Support {
	refused := probe()
	return Support{Best: best(refused), Refused: refused}
}

// compareOnly returns the support of a system that cannot share an image.
func compareOnly(reason error) Support {
	s := Support{Best: Compare, Refused: make(map[Method]error)}
	for _, m := range methods[:len(methods)-1] {
		s.Refused[m] = reason
	}
	return s
}

func best(refused map[Method]error) Method {
	for _, m := range methods {
		if refused[m] == nil {
			return m
		}
	}
	return Compare
}

// choose sets Best to the wanted method, if that works.
func (s Support) choose(wanted Method) (Support, error) {
	if wanted == Auto {
		return s, nil
	}
	if wanted > Compare {
		return s, fmt.Errorf("%w use %s: expected one of %v", ErrUnsupported, wanted, methods)
	}
	if reason := s.Refused[wanted]; reason != nil {
		return s, fmt.Errorf("%w use %s: %w", ErrUnsupported, wanted, reason)
	}
	s.Best = wanted
	return s, nil
}
