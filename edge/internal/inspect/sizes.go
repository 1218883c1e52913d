package inspect

import (
	"cmp"
	"slices"

	"github.com/tenantedge/tenantedge/edge/internal/meter"
	"github.com/tenantedge/tenantedge/edge/internal/wasm"
	"github.com/tenantedge/tenantedge/guest/abi"
)

// Section is a section of the module.
type Section struct {
	Name    string `json:"name"`
	Bytes   int    `json:"bytes"`
	Entries int    `json:"entries,omitempty"`
	Dropped bool   `json:"dropped"` // the host does not use it
}

// Function is the size of a function.
type Function struct {
	Index uint32 `json:"index"`
	Name  string `json:"name,omitempty"`
	Bytes int    `json:"bytes"`
}

// readNames reads the names of functions.
func (in *inspector) readNames() {
	for _, c := range in.m.Customs() {
		if c.Name != wasm.NameSection || in.names != nil {
			continue
		}
		parts, err := wasm.DecodeNames(c.Data)
		if err != nil {
			continue
		}
		for _, p := range parts {
			names, err := p.Names()
			if p.ID != wasm.NamesFunctions || err != nil {
				continue
			}
			in.names = make(map[uint32]string, len(names))
			for _, n := range names {
				in.names[n.Index] = n.Name
			}
			break
		}
	}
}

// sections lists the sections. Custom sections of one name are one entry.
func (in *inspector) sections() {
	entries := map[wasm.SectionID]int{
		wasm.SectionType: in.m.Types.Len(), wasm.SectionImport: in.m.Imports.Len(), wasm.SectionFunction: in.m.Functions.Len(),
		wasm.SectionTable: in.m.Tables.Len(), wasm.SectionMemory: in.m.Memories.Len(), wasm.SectionGlobal: in.m.Globals.Len(),
		wasm.SectionExport: in.m.Exports.Len(), wasm.SectionElement: in.m.Elements.Len(), wasm.SectionCode: in.m.Code.Len(),
		wasm.SectionData: in.m.Data.Len(),
	}
	at := map[string]int{}
	for _, s := range in.m.Sections() {
		out := Section{Name: s.ID.String(), Bytes: s.Bytes, Entries: entries[s.ID]}
		if s.ID == wasm.SectionCustom {
			out.Name, out.Dropped = clean(s.Name), meter.Drops(s.Name)
			if out.Dropped {
				in.debug = append(in.debug, out.Name)
				in.debugSize += s.Bytes
			}
		}
		if n, ok := at[out.Name]; ok {
			in.Sections[n].Bytes += out.Bytes
			continue
		}
		at[out.Name] = len(in.Sections)
		if len(in.Sections) < maxListed {
			in.Sections = append(in.Sections, out)
		} else {
			at[out.Name] = maxListed - 1
		}
	}
}

func (in *inspector) memory() {
	if in.m.Memories.Len() == 0 {
		return
	}
	l := in.m.Memories.At(0).Limits
	in.Memory = &Memory{Min: l.Min}
	if l.HasMax {
		in.Memory.Max = &l.Max
	}
	for _, e := range in.m.Exports.All() {
		in.Memory.Exported = in.Memory.Exported || e.Kind == wasm.KindMemory && e.Name == abi.ExportMemory
	}
}

// largest lists the largest functions.
func (in *inspector) largest() {
	for i, body := range in.m.Code.All() {
		f := Function{Index: uint32(len(in.functions) + i), Bytes: len(body.Bytes)}
		if len(in.Functions) == maxLargest && f.Bytes <= in.Functions[maxLargest-1].Bytes {
			continue
		}
		at, _ := slices.BinarySearchFunc(in.Functions, f, func(a, b Function) int { return cmp.Or(cmp.Compare(b.Bytes, a.Bytes), -1) })
		in.Functions = slices.Insert(in.Functions, at, f)
		in.Functions = in.Functions[:min(len(in.Functions), maxLargest)]
	}
	for i := range in.Functions {
		in.Functions[i].Name = clean(in.names[in.Functions[i].Index])
	}
}
