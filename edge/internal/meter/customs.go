package meter

import (
	"cmp"
	"slices"
	"strings"

	"github.com/tenantedge/tenantedge/edge/internal/wasm"
)

// customs brings the names of functions up to date, for stack traces, and
// drops sections that hold positions in code, which are wrong now.
func (w *rewriter) customs() {
	w.m.MapCustoms(func(c wasm.Custom) (wasm.Custom, bool) {
		switch {
		case c.Name == wasm.NameSection:
			return w.names(c)
		case strings.HasPrefix(c.Name, ".debug_"), strings.HasPrefix(c.Name, "reloc."), c.Name == "linking",
			c.Name == "sourceMappingURL", c.Name == "external_debug_info":
			return c, false
		}
		return c, true
	})
}

// names keeps the names of the module and of functions, if they can be read.
func (w *rewriter) names(c wasm.Custom) (wasm.Custom, bool) {
	parts, err := wasm.DecodeNames(c.Data)
	if err != nil {
		return c, false
	}
	kept := parts[:0]
	for _, p := range parts {
		switch p.ID {
		case wasm.NamesModule:
			kept = append(kept, p)
		case wasm.NamesFunctions:
			names, err := p.Names()
			if err != nil {
				return c, false
			}
			kept = append(kept, wasm.NamePart{ID: p.ID, Data: wasm.AppendNameMap(nil, w.functionNames(names))})
		}
	}
	return wasm.Custom{Name: c.Name, Data: wasm.AppendNames(nil, kept)}, true
}

func (w *rewriter) functionNames(names []wasm.Name) []wasm.Name {
	names = slices.DeleteFunc(names, func(n wasm.Name) bool { return n.Index >= w.functions })
	for i := range names {
		names[i].Index = w.index(names[i].Index)
	}
	names = append(names,
		wasm.Name{Index: w.imports, Name: reserved + ImportRefill},
		wasm.Name{Index: w.check, Name: reserved + "check"},
		wasm.Name{Index: w.bulk, Name: reserved + "bulk"},
		wasm.Name{Index: w.grow, Name: reserved + "grow"})
	names = append(names, w.kept...)
	slices.SortStableFunc(names, func(a, b wasm.Name) int { return cmp.Compare(a.Index, b.Index) })
	return names
}
