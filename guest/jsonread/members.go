package jsonread

import (
	"maps"
	"slices"
	"strings"
)

// Members are the keys that an object may have, each with where its value goes: a
// *string, *int, *bool, *[]string or *map[string]string, or a func(*Reader) that
// reads the value.
type Members map[string]any

// Read reads the value of key with r, which fails for other keys. It is an argument
// of [Object].
func (m Members) Read(r *Reader, key string) {
	switch to := m[key].(type) {
	case *string:
		r.Text(to)
	case *int:
		r.Integer(to)
	case *bool:
		r.Bool(to)
	case *[]string:
		Texts(r, to)
	case *map[string]string:
		r.TextMap(to)
	case func(*Reader):
		to(r)
	case nil:
		r.Fail(strings.Join(slices.Sorted(maps.Keys(m)), ", ") + ", found " + key)
	default:
		panic("jsonread: the type of the member " + key + " is none of Members")
	}
}
