// Package pyregex matches paths with regular expressions in Python's syntax,
// as Django's re_path() does.
//
//	r, err := pyregex.Compile(`^room/(?P<room>\w+)/$`)
//	at := r.Match("room/é/") // pairs of offsets, as in package regexp
//
// Expressions are matched by backtracking, as in Python, but in time linear in the
// length of the path, unless they have look-arounds, back references, conditions,
// possessive quantifiers, atomic groups, or loops whose rounds can match the empty
// text. Those can take exponential time, so callers must bound it for untrusted
// paths, as a guest's fuel does.
//
// The syntax is that of Python 3.11's re, and \z of Python 3.14. \N{…} is not
// supported: the table of character names is larger than the package.
package pyregex
