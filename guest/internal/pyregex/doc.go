// Package pyregex matches paths with regular expressions in Python's syntax,
// as Django's re_path() does.
//
//	r, err := pyregex.Compile(`^room/(?P<room>\w+)/$`)
//	at := r.Match("room/é/", nil) // pairs of offsets, as package regexp gives them
//
// What Go's regular expressions can say in the same sense is given to them,
// because their time is linear in the length of the path. What they cannot
// (look-around, back references, possessive quantifiers, …) is matched by
// backtracking, as Python does it, whose time may be exponential: callers that
// take paths from strangers must bound it, as a guest's fuel does.
//
// The syntax is that of Python 3.11's re, and of \z, which Python 3.14 added.
// There is no \N{…}: the names of characters would be larger than all else.
package pyregex
