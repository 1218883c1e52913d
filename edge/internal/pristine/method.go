package pristine

import "fmt"

// Method is a way to put a memory back to its image.
type Method uint8

// The methods, best first. All give the same result; they differ in how they
// learn which pages to put back.
const (
	// Auto is the best of those below that works here.
	Auto Method = iota
	// GatedScan keeps a list of the pages that are private to the memory, and
	// extends it by PAGEMAP_SCAN (Linux 6.7) only if the thread's count of page
	// faults changed during the call.
	GatedScan
	// GatedPagemap is the same with a read of /proc/self/pagemap, for kernels
	// before 6.7.
	GatedPagemap
	// Scan asks PAGEMAP_SCAN after every call, where fault counts mean nothing.
	Scan
	// Pagemap reads /proc/self/pagemap after every call.
	Pagemap
	// Compare reads the whole memory after every call and puts back the pages
	// that differ. It works everywhere, and is slow.
	Compare
)

// methods are all but Auto, best first.
var methods = [...]Method{GatedScan, GatedPagemap, Scan, Pagemap, Compare}

// String is the name that reports and metrics use.
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

// gated reports whether the thread's fault count decides if the kernel is asked.
func (m Method) gated() bool { return m == GatedScan || m == GatedPagemap }

// Support tells which methods work.
type Support struct {
	Best    Method
	Refused map[Method]error // why others do not
}

// Probe tries each method on a small memory of its own: it writes pages and
// looks whether they are noticed. It takes well below a millisecond.
func Probe() Support {
	refused := probe()
	return Support{Best: best(refused), Refused: refused}
}

// compareOnly is what is left without the means to share an image.
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

// choose makes the method that is wanted the best, if it works.
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
