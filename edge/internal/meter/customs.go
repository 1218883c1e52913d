package meter

import (
	"cmp"
	"slices"
	"strings"
	"unicode"

	"github.com/tenantedge/tenantedge/edge/internal/wasm"
)

// customs updates the names of functions, for stack traces, and drops sections.
func (w *rewriter) customs() {
	w.m.MapCustoms(func(c wasm.Custom) (wasm.Custom, bool) {
		if c.Name == wasm.NameSection {
			return w.names(c)
		}
		return c, !Drops(c.Name)
	})
}

// Drops reports whether a metered module lacks a custom section, which only debuggers
// and linkers use: positions in code have changed.
func Drops(name string) bool {
	return strings.HasPrefix(name, ".debug_") || strings.HasPrefix(name, "reloc.") ||
		name == "linking" || name == "sourceMappingURL" || name == "external_debug_info"
}

// names keeps the names of functions if they can be decoded. It drops the name of the
// module, which the engine writes before each of them.
func (w *rewriter) names(c wasm.Custom) (wasm.Custom, bool) {
	parts, err := wasm.DecodeNames(c.Data)
	if err != nil {
		return c, false
	}
	kept := parts[:0]
	for _, p := range parts {
		if p.ID != wasm.NamesFunctions {
			continue
		}
		names, err := p.Names()
		if err != nil {
			return c, false
		}
		kept = append(kept, wasm.NamePart{ID: p.ID, Data: wasm.AppendNameMap(nil, w.functionNames(names))})
	}
	return wasm.Custom{Name: c.Name, Data: wasm.AppendNames(nil, kept)}, true
}

func (w *rewriter) functionNames(names []wasm.Name) []wasm.Name {
	names = slices.DeleteFunc(names, func(n wasm.Name) bool { return n.Index >= w.functions })
	for i := range names {
		names[i] = wasm.Name{Index: w.index(names[i].Index), Name: shortName(names[i].Name)}
	}
	names = append(names,
		wasm.Name{Index: w.imports, Name: reserved + ImportRefill},
		wasm.Name{Index: w.check, Name: reserved + "check"},
		wasm.Name{Index: w.grow, Name: reserved + "grow"},
		wasm.Name{Index: w.init, Name: reserved + "init"},
		wasm.Name{Index: w.fill, Name: reserved + "fill"},
		wasm.Name{Index: w.copy, Name: reserved + "copy"})
	if w.track {
		names = append(names,
			wasm.Name{Index: w.mark(), Name: reserved + ImportMark},
			wasm.Name{Index: w.touch, Name: reserved + "touch"},
			wasm.Name{Index: w.flush, Name: reserved + "flush"})
	}
	names = append(names, w.kept...)
	slices.SortStableFunc(names, func(a, b wasm.Name) int { return cmp.Compare(a.Index, b.Index) })
	return names
}

// maxShown is the maximum length of a function's name, in bytes. The engine makes a
// stack trace of up to 30 names at each trap.
const maxShown = 200

// shortName returns the beginning of a name, with dots for unprintable characters.
func shortName(name string) string {
	name = name[:min(len(name), maxShown)]
	return strings.Map(func(r rune) rune {
		if !unicode.IsPrint(r) {
			return '.'
		}
		return r
	}, strings.ToValidUTF8(name, "."))
}
