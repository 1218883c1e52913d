package abi

import (
	"encoding/binary"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"strings"
	"testing"
)

// Each bound of bounds.go must be in one of the tables of tests that exceed it by one.
func TestEachBoundIsInATable_D1(t *testing.T) {
	var tables strings.Builder
	for _, path := range []string{"../../edge/internal/instance/bounds_test.go", "../../hostfuncs/cost_test.go", "../../hostfuncs/logattrs_test.go"} {
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		tables.Write(text)
	}
	file, err := parser.ParseFile(token.NewFileSet(), "bounds.go", nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	bounds := 0
	ast.Inspect(file, func(n ast.Node) bool {
		spec, ok := n.(*ast.ValueSpec)
		if !ok {
			return true
		}
		for _, name := range spec.Names {
			if !strings.HasPrefix(name.Name, "Max") {
				continue
			}
			bounds++
			if !strings.Contains(tables.String(), "abi."+name.Name) {
				t.Errorf("no table has %s: add a row that exceeds it by one", name.Name)
			}
		}
		return true
	})
	if bounds < 19 {
		t.Errorf("found %d bounds, want all of bounds.go", bounds)
	}
}

// field is an entry of a message's table of fields.
type field struct{ offset, length uint32 }

// raw returns a reply of size bytes with a table of fields.
func raw(size int, fields ...field) []byte {
	b := make([]byte, size)
	binary.LittleEndian.PutUint32(b[4:], uint32(len(fields)))
	for i, f := range fields {
		binary.LittleEndian.PutUint32(b[8+8*i:], f.offset)
		binary.LittleEndian.PutUint32(b[12+8*i:], f.length)
	}
	return b
}

// put returns a reply of n fields, in which field i has at[i] bytes.
func put(n int, at map[int]int) []byte {
	b := Begin(make([]byte, 1<<20), 0, n)
	for i, length := range at {
		b.Put(i, strings.Repeat("x", length))
	}
	return b.Bytes()
}

func pairs(n int) []byte { return put(DecHeader0+2*n, map[int]int{DecHeader0: 1}) }

func TestAReplyMayReachEachBoundButNotExceedIt_D1(t *testing.T) {
	for _, b := range []*Bounds{&DecisionBounds, &KeyBounds, &PathnameBounds, &VerdictBounds, &EffectsBounds} {
		all := append([]bound(nil), b.fields...)
		if b.pairs > 0 {
			all = append(all, b.name, b.value)
		}
		for i, limit := range all {
			if limit.most > MaxReply-1024 {
				continue // the bound of the reply is lower
			}
			if _, err := b.Parse(put(len(all), map[int]int{i: int(limit.most)}), 0); err != nil {
				t.Errorf("%s at its bound: %v", limit.what, err)
			}
			_, err := b.Parse(put(len(all), map[int]int{i: int(limit.most) + 1}), 0)
			if err == nil || !strings.Contains(err.Error(), limit.what) {
				t.Errorf("%s over its bound: error %v, want one that names it", limit.what, err)
			}
		}
		most := len(b.fields) + 2*b.pairs
		if b.pairs == 0 {
			most += MaxFurther
		}
		if _, err := b.Parse(put(most, nil), 0); err != nil {
			t.Errorf("%d fields: %v", most, err)
		}
		if _, err := b.Parse(put(most+1, nil), 0); err == nil || !strings.Contains(err.Error(), "the reply: expected at most") {
			t.Errorf("%d fields: error %v, want a bound", most+1, err)
		}
		if _, err := b.Parse(raw(MaxReply+7), 7); err != nil {
			t.Errorf("a reply at its bound: %v", err)
		}
		if _, err := b.Parse(raw(MaxReply+8), 7); err == nil || !strings.Contains(err.Error(), "the reply: expected at most 131079 bytes, found 131080") {
			t.Errorf("a reply over its bound: error %v, want a bound", err)
		}
	}
}

func TestPairsShareNoBytes_D1(t *testing.T) {
	const head = 8 + 8*(DecHeader0+4)
	at := func(name, value, name2, value2 field) []byte {
		return raw(head+100, append(make([]field, DecHeader0), name, value, name2, value2)...)
	}
	for _, c := range []struct {
		name  string
		reply []byte
		want  string
	}{
		{"adjacent", at(field{head, 5}, field{head + 5, 5}, field{head + 10, 5}, field{head + 15, 5}), ""},
		{"in another order", at(field{head + 15, 5}, field{head + 10, 5}, field{head + 5, 5}, field{head, 5}), ""},
		{"empty ones at one offset", at(field{head, 0}, field{head, 5}, field{head, 0}, field{head + 5, 5}), ""},
		{"one value twice", at(field{head, 5}, field{head + 5, 5}, field{head + 10, 5}, field{head + 5, 5}), "fields 15 and 17 overlap"},
		{"one byte in common", at(field{head, 5}, field{head + 5, 5}, field{head + 9, 5}, field{head + 20, 5}), "fields 15 and 16 overlap"},
		{"one inside the other", at(field{head, 90}, field{}, field{head + 9, 5}, field{}), "fields 14 and 16 overlap"},
	} {
		_, err := DecisionBounds.Parse(c.reply, 0)
		if c.want == "" && err != nil || c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)) {
			t.Errorf("%s: error %v, want %q", c.name, err, c.want)
		}
	}
}

// Fields that share bytes each count in full.
func TestSharedBytesCountForEachField_D1(t *testing.T) {
	const head = 8 + 8*DecHeader0
	fields := make([]field, DecHeader0)
	fields[DecPath], fields[DecLocation], fields[DecRouteKwargs] = field{head, MaxPath}, field{head, MaxPath}, field{head, 1}
	if _, err := DecisionBounds.Parse(raw(head+MaxPath, fields...), 0); err == nil || !strings.Contains(err.Error(), "all fields together: expected at most 131072 bytes, found 131073") {
		t.Errorf("error %v, want the bound of all fields together", err)
	}
	fields[DecRouteKwargs] = field{}
	if _, err := DecisionBounds.Parse(raw(head+MaxPath, fields...), 0); err != nil {
		t.Error(err)
	}
}

func FuzzBounds(f *testing.F) {
	f.Add(pairs(2), 10)
	f.Fuzz(func(t *testing.T, b []byte, request int) {
		request &= 0xffff
		for _, bounds := range []*Bounds{&DecisionBounds, &EffectsBounds, &PathnameBounds} {
			m, err := bounds.Parse(b, request)
			if err != nil {
				continue
			}
			total := 0
			for i := range min(m.Len(), len(bounds.fields)+2*bounds.pairs) {
				total += len(m.Get(i))
			}
			if total > MaxReply+request {
				t.Fatalf("accepted fields of %d bytes, want at most %d", total, MaxReply+request)
			}
		}
	})
}

// Parse does not look up the bounds of fields of up to least bytes.
func TestNoBoundOfAFieldIsBelowTheLeast(t *testing.T) {
	for name, b := range map[string]*Bounds{"decision": &DecisionBounds, "key": &KeyBounds, "pathname": &PathnameBounds, "verdict": &VerdictBounds, "effects": &EffectsBounds} {
		for i := range len(b.fields) + 2 {
			if limit := b.of(i); limit.most < least {
				t.Errorf("%s: the bound of field %d, %s, is %d bytes, want at least %d", name, i, limit.what, limit.most, least)
			}
		}
	}
}
