package pyregex

import "unicode"

// category is a class of characters: \d, \s or \w.
type category uint8

const (
	digit category = iota
	space
	word
)

// classItem is a range of runes, or a category.
type classItem struct {
	lo, hi   rune
	category category
	named    bool // a category, not a range
	negated  bool // \D, \S, \W
	ascii    bool
}

// class is a bracket expression, or one of \d, \D, \s, \S, \w and \W.
type class struct {
	negated bool
	items   []classItem
}

func (c *class) has(r rune, f fold) bool {
	found := c.hasExactly(r)
	switch {
	case found || f == exactly:
	case f == foldASCII:
		found = isLetterASCII(r) && c.hasExactly(r^0x20)
	default:
		for other := nextCase(r); other != r && !found; other = nextCase(other) {
			found = c.hasExactly(other)
		}
	}
	return found != c.negated
}

func (c *class) hasExactly(r rune) bool {
	for i := range c.items {
		item := &c.items[i]
		if item.named {
			if item.category.has(r, item.ascii) != item.negated {
				return true
			}
		} else if item.lo <= r && r <= item.hi {
			return true
		}
	}
	return false
}

func (c category) has(r rune, ascii bool) bool {
	if r < 0x80 {
		switch c {
		case digit:
			return '0' <= r && r <= '9'
		case space:
			return r == ' ' || '\t' <= r && r <= '\r' || !ascii && 0x1c <= r && r <= 0x1f
		default:
			return r == '_' || '0' <= r && r <= '9' || isLetterASCII(r)
		}
	}
	if ascii {
		return false
	}
	switch c {
	case digit:
		return unicode.Is(unicode.Nd, r)
	case space:
		return r == 0x85 || unicode.Is(unicode.Z, r)
	default:
		return unicode.In(r, unicode.L, unicode.N)
	}
}

func isLetterASCII(r rune) bool { return 'a' <= r|0x20 && r|0x20 <= 'z' }

// nextCase cycles through the runes that differ only in case. In Python, the
// Turkish İ and ı match i and I.
func nextCase(r rune) rune {
	switch r {
	case 'i':
		return 'İ'
	case 'İ':
		return 'ı'
	case 'ı':
		return 'I'
	}
	return unicode.SimpleFold(r)
}

func sameCase(a, b rune, f fold) bool {
	if a == b {
		return true
	}
	switch f {
	case foldASCII:
		return isLetterASCII(a) && a^0x20 == b
	case foldUnicode:
		for other := nextCase(a); other != a; other = nextCase(other) {
			if other == b {
				return true
			}
		}
	}
	return false
}
