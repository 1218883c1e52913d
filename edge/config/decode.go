package config

import (
	"maps"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
)

// decoder reads one file into Go values and gathers what is wrong with it.
//
// The keys of the file are the `key` tags of the struct fields, so the structs
// are the schema: there is no second list of keys to keep in step. After the
// name, a tag may say how a value is checked: see scalar.
type decoder struct {
	name   string // of the file, for errors
	folder string // that relative paths start from
	errs   []*Error
	failed int
	broken bool // parts of the file were not read; errors after that would mislead
	marks  map[string]mark
	// schemas spares long lists a look at the struct tags for every row.
	schemas map[reflect.Type]schema
}

func newDecoder(name string) *decoder {
	return &decoder{
		name: name, folder: filepath.Dir(name),
		marks: make(map[string]mark), schemas: make(map[reflect.Type]schema),
	}
}

// mark remembers where a key stands, for errors that are found after decoding.
type mark struct {
	pos  position
	path *path
}

// value is a node on its way into a Go value.
type value struct {
	d *decoder
	n *node
	p *path
}

// decodable is implemented by types with a form of their own: short forms,
// keys that exclude each other, values that are no plain scalars.
type decodable interface{ decode(v value) }

func (v value) fail(format string, args ...any) { v.d.fail(v.n.pos, v.p, format, args...) }

// want reports that v is not what the key takes.
func (v value) want(expected string) { v.fail("expected %s, found %s", expected, v.n.found()) }

// into decodes v into the value that dst points at. what says how scalars are
// checked.
func (v value) into(dst reflect.Value, what string) {
	if d, ok := dst.Addr().Interface().(decodable); ok {
		d.decode(v)
		return
	}
	switch dst.Kind() {
	case reflect.Struct:
		v.object(dst.Addr().Interface())
	case reflect.Pointer:
		fresh := reflect.New(dst.Type().Elem())
		v.into(fresh.Elem(), what)
		dst.Set(fresh)
	case reflect.Slice:
		v.list(dst, what)
	case reflect.Map:
		v.entries(dst, what)
	default:
		v.scalar(dst, what)
	}
}

// plain is into for a value whose type has no form of its own.
func (v value) plain(dst any, what string) { v.into(reflect.ValueOf(dst).Elem(), what) }

func (v value) list(dst reflect.Value, what string) {
	if v.n.kind != kindList {
		if v.n.kind == kindMapping {
			v.want("a list")
		} else {
			v.fail("expected a list, found %s; put it in brackets", v.n.found())
		}
		return
	}
	out := reflect.MakeSlice(dst.Type(), len(v.n.items), len(v.n.items))
	for i, n := range v.n.items {
		item := value{v.d, n, v.p.item(i)}
		if n.isNull() {
			item.fail("expected a value, found nothing; remove the entry or fill it in")
			continue
		}
		item.into(out.Index(i), what)
	}
	dst.Set(out)
}

func (v value) entries(dst reflect.Value, what string) {
	if v.n.kind != kindMapping {
		v.want("a mapping of names")
		return
	}
	out := reflect.MakeMapWithSize(dst.Type(), len(v.n.pairs))
	for _, kv := range v.n.pairs {
		entry := value{v.d, kv.val, v.p.child(kv.key.text)}
		v.d.mark(entry.p, entry.p, kv.key.pos)
		if kv.val.isNull() {
			entry.d.fail(kv.key.pos, entry.p, "expected a value, found nothing; remove the entry or fill it in")
			continue
		}
		fresh := reflect.New(dst.Type().Elem()).Elem()
		entry.into(fresh, what)
		out.SetMapIndex(reflect.ValueOf(kv.key.text), fresh)
	}
	dst.Set(out)
}

// seen are the keys that an object had, by the name in the schema.
type seen map[string]value

func (s seen) has(key string) bool { _, ok := s[key]; return ok }

// object decodes a mapping into the struct that dst points at.
func (v value) object(dst any) seen { return v.keys(dst, false) }

// djangoObject is object for tables that come from Django: keys may be in
// upper case too.
func (v value) djangoObject(dst any) seen { return v.keys(dst, true) }

func (v value) keys(dst any, upper bool) seen {
	if v.n.kind != kindMapping {
		v.want("a mapping of keys")
		return nil
	}
	into := reflect.ValueOf(dst).Elem()
	fields := v.d.schemaOf(into.Type())
	found := make(seen, len(v.n.pairs))
	for _, kv := range v.n.pairs {
		key := kv.key.text
		if upper && key == strings.ToUpper(key) {
			key = strings.ToLower(key)
		}
		at := v.p.child(kv.key.text)
		f, ok := fields[key]
		if !ok {
			v.unknown(kv.key, at, fields, upper)
			continue
		}
		if before, ok := found[key]; ok {
			v.d.fail(kv.key.pos, at, "expected each key once, found it again, as %s in line %d; remove one of them", before.p, before.n.pos.line)
			continue
		}
		if kv.val.isNull() {
			continue
		}
		sub := value{v.d, kv.val, at}
		found[key] = sub
		v.d.mark(v.p.child(key), at, kv.key.pos)
		sub.into(into.FieldByIndex(f.index), f.what)
	}
	for key, f := range fields {
		if f.required && !found.has(key) {
			v.fail("expected the key %s, found none; add it", key)
		}
	}
	return found
}

func (v value) unknown(key *node, at *path, fields schema, upper bool) {
	names := slices.Sorted(maps.Keys(fields))
	if upper && key.text == strings.ToUpper(key.text) {
		for i := range names {
			names[i] = strings.ToUpper(names[i])
		}
	}
	if _, ok := fields[key.text+"_env"]; ok {
		v.d.fail(key.pos, at, "expected no secret in this file; put it into a file or the environment and name that in %[1]s_file or %[1]s_env", key.text)
		return
	}
	if hint := suggest(key.text, names); hint != "" {
		v.d.fail(key.pos, at, "expected a known key, found this one; did you mean %s?", hint)
		return
	}
	v.d.fail(key.pos, at, "expected a known key, found this one; the keys here are %s", strings.Join(names, ", "))
}

// schema is the keys that a struct takes.
type schema map[string]field

type field struct {
	index    []int  // of the struct's field
	what     string // how a scalar is checked
	required bool
}

// schemaOf reads the keys off a struct's tags; those of embedded structs are
// its own.
func (d *decoder) schemaOf(t reflect.Type) schema {
	if s, ok := d.schemas[t]; ok {
		return s
	}
	s := schema{}
	for _, f := range reflect.VisibleFields(t) {
		tag, ok := f.Tag.Lookup("key")
		if !ok {
			continue
		}
		name, options, _ := strings.Cut(tag, ",")
		what, required := strings.CutPrefix(options, "required")
		s[name] = field{index: f.Index, what: strings.TrimPrefix(what, ","), required: required}
	}
	d.schemas[t] = s
	return s
}

// mark remembers where the key p, written as shown, stands. It keeps the upper
// levels alone: a directory of a million rows needs none.
func (d *decoder) mark(p, shown *path, pos position) {
	depth := 0
	for q := p; q != nil; q = q.parent {
		depth++
	}
	if depth <= 3 {
		d.marks[p.String()] = mark{pos, shown}
	}
}
