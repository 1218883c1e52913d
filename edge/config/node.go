package config

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"
)

// kind is the type of a node. Numbers keep their text, so that ids and the
// settings of guests lose no digit.
type kind uint8

const (
	kindNull kind = iota
	kindBool
	kindInt
	kindFloat
	kindString
	kindList
	kindMapping
)

// node is a value of the file and its position. YAML and JSON are both read into
// nodes, so that they share the decoder and its errors.
type node struct {
	kind  kind
	text  string  // scalars
	items []*node // kindList
	pairs []pair  // kindMapping, in the order of the file
	pos   position
}

type pair struct {
	key *node
	val *node
}

// position is a line and a column, which counts characters, both from 1.
type position struct{ line, col int }

// after returns the position after text, which starts at p.
func (p position) after(text []byte) position {
	for _, c := range text {
		switch {
		case c == '\n':
			p = position{p.line + 1, 1}
		case utf8.RuneStart(c):
			p.col++
		}
	}
	return p
}

// invalidUTF8 returns the offset of the first byte that is not valid UTF-8, or -1.
func invalidUTF8(data []byte) int {
	for i := 0; i < len(data); {
		c, size := utf8.DecodeRune(data[i:])
		if c == utf8.RuneError && size == 1 {
			return i
		}
		i += size
	}
	return -1
}

// isNull reports whether n is null or missing. A key with such a value counts as
// absent, so a section whose entries are all commented out keeps its defaults.
func (n *node) isNull() bool { return n.kind == kindNull }

// found describes n for an error, in words that suit both YAML and JSON.
func (n *node) found() string {
	switch n.kind {
	case kindNull:
		return "nothing"
	case kindBool:
		return n.text
	case kindInt, kindFloat:
		return "the number " + shorten(n.text)
	case kindString:
		return "the string " + strconv.Quote(shorten(n.text))
	case kindList:
		return "a list"
	default:
		return "a mapping"
	}
}

// kindName is found without the value, for keys with secret values.
func (n *node) kindName() string {
	switch n.kind {
	case kindInt, kindFloat:
		return "a number"
	case kindString:
		return "a string"
	case kindBool:
		return "true or false"
	default:
		return n.found()
	}
}

// shorten truncates long values in errors.
func shorten(s string) string {
	const limit = 60
	if len(s) <= limit {
		return s
	}
	return strings.ToValidUTF8(s[:limit], "") + "…"
}

// path is the chain of keys and indexes that leads to a node. Only errors and
// marks format it, so that long lists are cheap.
type path struct {
	parent *path
	key    string
	index  int
	isItem bool
}

func (p *path) child(key string) *path { return &path{parent: p, key: key} }
func (p *path) item(i int) *path       { return &path{parent: p, index: i, isItem: true} }

// String formats the path as in tenants.www.domains[0]. It quotes keys with
// characters other than letters, digits, "_" and "-".
func (p *path) String() string {
	if p == nil {
		return ""
	}
	before := p.parent.String()
	if p.isItem {
		return fmt.Sprintf("%s[%d]", before, p.index)
	}
	key := p.key
	if !isPlainKey(key) {
		key = strconv.Quote(shorten(key))
	}
	if before == "" {
		return key
	}
	return before + "." + key
}

func isPlainKey(s string) bool {
	if s == "" {
		return false
	}
	for i := range len(s) {
		if !isAlnum(s[i]) && s[i] != '_' && s[i] != '-' {
			return false
		}
	}
	return true
}

func isAlnum(c byte) bool {
	return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9'
}

// Limits of nesting and of the values that are read through aliases. A file that
// exceeds them is a mistake or an attack.
const (
	maxDepth   = 64
	maxAliased = 100_000
)

// checkKeys reports duplicate keys of the mapping n and keeps the first of each.
func checkKeys(d *decoder, n *node, p *path) {
	first := make(map[string]position, len(n.pairs))
	n.pairs = slices.DeleteFunc(n.pairs, func(kv pair) bool {
		before, again := first[kv.key.text]
		if again {
			d.fail(kv.key.pos, p.child(kv.key.text), "expected each key once, found it again, first on line %d; remove one of them", before.line)
			return true
		}
		first[kv.key.text] = kv.key.pos
		return false
	})
}
