package config

import (
	"maps"
	"path/filepath"
	"reflect"
	"slices"
	"strings"

	"github.com/tenantedge/tenantedge/edge/internal/suggest"
	"github.com/tenantedge/tenantedge/guest/abi"
)

// decoder decodes one file into Go values and collects the errors.
//
// The keys of the file are in the `key` tags of struct fields, so there is no
// second list of keys. A tag is the name of a key, optionally "required", and the
// check of its scalars, see scalar.
type decoder struct {
	name   string // of the file, for errors
	folder string // where relative paths start
	start  position
	lines  bool // it is JSON lines, never YAML
	errs   []*Error
	failed int
	broken bool // parts of the file were not read, so further errors would mislead
	marks  map[string]mark
	// schemas caches the tags of structs: long lists decode one for every row.
	schemas map[reflect.Type]schema
}

func newDecoder(name string) *decoder {
	return &decoder{
		name: name, folder: filepath.Dir(name), start: position{1, 1},
		marks: make(map[string]mark), schemas: make(map[reflect.Type]schema),
	}
}

// mark is the position of a key, for errors that are found after decoding.
type mark struct {
	pos  position
	path *path
}

// value is a node that is decoded, and its path.
type value struct {
	d *decoder
	n *node
	p *path
}

// decodable is implemented by types that need more than reflection: those with
// short forms, keys that exclude each other, or unusual scalars.
type decodable interface{ decode(v value) }

func (v value) fail(format string, args ...any) { v.d.fail(v.n.pos, v.p, format, args...) }

// mismatch reports that v is not the expected value.
func (v value) mismatch(expected string) { v.fail("expected %s, found %s", expected, v.n.found()) }

// into decodes v into dst. check is that of scalars.
func (v value) into(dst reflect.Value, check string) {
	if d, ok := dst.Addr().Interface().(decodable); ok {
		d.decode(v)
		return
	}
	if s, ok := dst.Addr().Interface().(Shorthand); ok && v.n.kind != kindList && v.n.kind != kindMapping {
		if err := s.SetText(v.n.text); err != nil {
			v.fail("%v", err)
		}
		return
	}
	switch dst.Kind() {
	case reflect.Struct:
		v.object(dst.Addr().Interface())
	case reflect.Pointer:
		fresh := reflect.New(dst.Type().Elem())
		v.into(fresh.Elem(), check)
		dst.Set(fresh)
	case reflect.Slice:
		v.list(dst, check)
	case reflect.Map:
		v.entries(dst, check)
	default:
		v.scalar(dst, check)
	}
}

// decodeTo decodes v into the value that dst points to.
func (v value) decodeTo(dst any, check string) { v.into(reflect.ValueOf(dst).Elem(), check) }

func (v value) list(dst reflect.Value, check string) {
	if v.n.kind != kindList {
		if v.n.kind == kindMapping {
			v.mismatch("a list")
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
		item.into(out.Index(i), check)
	}
	dst.Set(out)
}

func (v value) entries(dst reflect.Value, check string) {
	if v.n.kind != kindMapping {
		v.mismatch("a mapping of names")
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
		entry.into(fresh, check)
		out.SetMapIndex(reflect.ValueOf(kv.key.text), fresh)
	}
	dst.Set(out)
}

// seen holds the values of an object by their key in the schema, without those
// that are null.
type seen map[string]value

func (s seen) has(key string) bool { _, ok := s[key]; return ok }

// count returns how many of the keys are in s.
func (s seen) count(keys ...string) int {
	n := 0
	for _, key := range keys {
		if s.has(key) {
			n++
		}
	}
	return n
}

// object decodes a mapping into the struct that dst points to.
func (v value) object(dst any) seen { return v.keys(dst, false) }

// djangoObject is object for tables of Django, whose keys may be in upper case.
func (v value) djangoObject(dst any) seen { return v.keys(dst, true) }

func (v value) keys(dst any, upper bool) seen {
	if v.n.kind != kindMapping {
		v.mismatch("a mapping of keys")
		return nil
	}
	into := reflect.ValueOf(dst).Elem()
	fields := v.d.schemaOf(into.Type())
	if p, ok := dst.(positioned); ok {
		p.set(v.n.pos)
	}
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
			v.d.fail(kv.key.pos, at, "expected each key once, found it again, first as %s on line %d; remove one of them", before.p, before.n.pos.line)
			continue
		}
		if kv.val.isNull() {
			continue
		}
		sub := value{v.d, kv.val, at}
		found[key] = sub
		v.d.mark(v.p.child(key), at, kv.key.pos)
		sub.into(into.FieldByIndex(f.index), f.check)
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
		v.d.fail(key.pos, at, "expected no secret in this file, found one; move it to another file or an environment variable and name that in %[1]s_file or %[1]s_env", key.text)
		return
	}
	if hint := suggest.Name(key.text, names); hint != "" {
		v.d.fail(key.pos, at, "expected a known key, found an unknown one; did you mean %s?", hint)
		return
	}
	v.d.fail(key.pos, at, "expected a known key, found an unknown one; the keys here are %s", strings.Join(names, ", "))
}

// schema holds the keys that a struct accepts.
type schema map[string]field

type field struct {
	index    []int  // of the struct's field
	check    string // of scalars
	required bool
}

// schemaOf returns the keys in the tags of a struct and of the structs that it
// embeds, and those of its abi.Config.
func (d *decoder) schemaOf(t reflect.Type) schema {
	if s, ok := d.schemas[t]; ok {
		return s
	}
	s := schema{}
	for _, f := range reflect.VisibleFields(t) {
		if f.Type == guestConfigType {
			s.addGuestKeys(f.Index)
		}
		tag, ok := f.Tag.Lookup("key")
		if !ok {
			continue
		}
		name, options, _ := strings.Cut(tag, ",")
		check, required := strings.CutPrefix(options, "required")
		s[name] = field{index: f.Index, check: strings.TrimPrefix(check, ","), required: required}
	}
	d.schemas[t] = s
	return s
}

var guestConfigType = reflect.TypeFor[abi.Config]()

// addGuestKeys adds guestKeys. at is the index of the abi.Config.
func (s schema) addGuestKeys(at []int) {
	for f := range guestConfigType.Fields() {
		name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
		if check, ok := guestKeys[name]; ok {
			s[name] = field{index: append(slices.Clone(at), f.Index...), check: check}
		}
	}
}

// mark records the position of the key p, which the file spells as shown. It
// records only three levels, because a directory can have a million rows, and five
// of tenants, where attributes choose a urlconf.
func (d *decoder) mark(p, shown *path, pos position) {
	depth, top := 0, p
	for q := p; q != nil; q = q.parent {
		depth, top = depth+1, q
	}
	if depth <= 3 || depth <= 5 && top.key == "tenants" {
		d.marks[p.String()] = mark{pos, shown}
	}
}
