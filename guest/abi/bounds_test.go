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

// Each bound of bounds.go stands in one of the tables that go one step beyond it.
func TestEachBoundIsInATable_D1(t *testing.T) {
	var tables strings.Builder
	for _, path := range []string{"../../edge/internal/instance/bounds_test.go", "../../hostfuncs/cost_test.go"} {
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
				t.Errorf("no table has %s: add a row that goes one step beyond it", name.Name)
			}
		}
		return true
	})
	if bounds < 19 {
		t.Errorf("found %d bounds, want all of bounds.go", bounds)
	}
}

// a field of a reply that is made up: where it lies, and how long it is.
type lie struct{ offset, length uint32 }

// raw is a reply of size bytes whose fields lie where they claim.
func raw(size int, fields ...lie) []byte {
	b := make([]byte, size)
	binary.LittleEndian.PutUint32(b[4:], uint32(len(fields)))
	for i, f := range fields {
		binary.LittleEndian.PutUint32(b[8+8*i:], f.offset)
		binary.LittleEndian.PutUint32(b[12+8*i:], f.length)
	}
	return b
}

// put is a reply of n fields, of which those in at have so many bytes.
func put(n int, at map[int]int) []byte {
	b := Begin(make([]byte, 1<<20), 0, n)
	for i, length := range at {
		b.Put(i, strings.Repeat("x", length))
	}
	return b.Bytes()
}

func pairs(n int) []byte { return put(DecHeader0+2*n, map[int]int{DecHeader0: 1}) }

// Each bound is taken at its limit, and refused one step beyond.
func TestOneStepBeyondEachBoundIsRefused_D1(t *testing.T) {
	for _, b := range []*Bounds{&DecisionBounds, &KeyBounds, &PathnameBounds, &VerdictBounds, &EffectsBounds} {
		all := append([]bound(nil), b.fields...)
		if b.pairs > 0 {
			all = append(all, b.name, b.value)
		}
		for i, limit := range all {
			if limit.most > MaxReply-1024 {
				continue // the whole reply is bounded first
			}
			if _, err := b.Parse(put(len(all), map[int]int{i: int(limit.most)}), 0); err != nil {
				t.Errorf("%s at its bound: %v", limit.what, err)
			}
			_, err := b.Parse(put(len(all), map[int]int{i: int(limit.most) + 1}), 0)
			if err == nil || !strings.Contains(err.Error(), limit.what) {
				t.Errorf("%s beyond its bound: %v", limit.what, err)
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
			t.Errorf("%d fields: %v", most+1, err)
		}
		if _, err := b.Parse(raw(MaxReply+7), 7); err != nil {
			t.Errorf("a reply at its bound: %v", err)
		}
		if _, err := b.Parse(raw(MaxReply+8), 7); err == nil || !strings.Contains(err.Error(), "the reply: expected at most 131079 bytes, found 131080") {
			t.Errorf("a reply beyond its bound: %v", err)
		}
	}
}

func TestPairsShareNoBytes_D1(t *testing.T) {
	const head = 8 + 8*(DecHeader0+4)
	at := func(name, value, name2, value2 lie) []byte {
		return raw(head+100, append(make([]lie, DecHeader0), name, value, name2, value2)...)
	}
	for _, c := range []struct {
		name  string
		reply []byte
		want  string
	}{
		{"side by side", at(lie{head, 5}, lie{head + 5, 5}, lie{head + 10, 5}, lie{head + 15, 5}), ""},
		{"in another order", at(lie{head + 15, 5}, lie{head + 10, 5}, lie{head + 5, 5}, lie{head, 5}), ""},
		{"empty ones in one place", at(lie{head, 0}, lie{head, 5}, lie{head, 0}, lie{head + 5, 5}), ""},
		{"one value twice", at(lie{head, 5}, lie{head + 5, 5}, lie{head + 10, 5}, lie{head + 5, 5}), "fields 15 and 17 overlap"},
		{"one byte in common", at(lie{head, 5}, lie{head + 5, 5}, lie{head + 9, 5}, lie{head + 20, 5}), "fields 15 and 16 overlap"},
		{"one inside the other", at(lie{head, 90}, lie{}, lie{head + 9, 5}, lie{}), "fields 14 and 16 overlap"},
	} {
		_, err := DecisionBounds.Parse(c.reply, 0)
		if c.want == "" && err != nil || c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)) {
			t.Errorf("%s: %v, want %q", c.name, err, c.want)
		}
	}
}

// Fields that share bytes each count in full.
func TestSharedBytesCountForEachField_D1(t *testing.T) {
	const head = 8 + 8*DecHeader0
	fields := make([]lie, DecHeader0)
	fields[DecPath], fields[DecLocation], fields[DecRouteKwargs] = lie{head, MaxPath}, lie{head, MaxPath}, lie{head, 1}
	if _, err := DecisionBounds.Parse(raw(head+MaxPath, fields...), 0); err == nil || !strings.Contains(err.Error(), "all fields together: expected at most 131072 bytes, found 131073") {
		t.Errorf("said %v", err)
	}
	fields[DecRouteKwargs] = lie{}
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
				t.Fatalf("fields of %d bytes are taken", total)
			}
		}
	})
}

// Fields of up to least bytes are not looked up.
func TestNoBoundOfAFieldIsBelowTheLeast(t *testing.T) {
	for name, b := range map[string]*Bounds{"decision": &DecisionBounds, "key": &KeyBounds, "pathname": &PathnameBounds, "verdict": &VerdictBounds, "effects": &EffectsBounds} {
		for i := range len(b.fields) + 2 {
			if limit := b.of(i); limit.most < least {
				t.Errorf("%s: field %d, %s, may have %d bytes: expected %d at least", name, i, limit.what, limit.most, least)
			}
		}
	}
}
