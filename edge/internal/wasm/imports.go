package wasm

// Kind is the kind of an import or export.
type Kind byte

// Kinds of imports and exports.
const (
	KindFunc   Kind = 0
	KindTable  Kind = 1
	KindMemory Kind = 2
	KindGlobal Kind = 3

	kindTag = 4 // exception handling
)

// String returns the kind's name in the text format.
func (k Kind) String() string {
	switch k {
	case KindFunc:
		return "func"
	case KindTable:
		return "table"
	case KindMemory:
		return "memory"
	case KindGlobal:
		return "global"
	}
	return "unknown kind"
}

func (r *reader) kind() Kind {
	at := r.at
	k := r.byte()
	if k == kindTag {
		r.unsupported(at, "a function, table, memory or global", "a tag", exceptions)
	} else if k > byte(KindGlobal) {
		r.malformedf(at, "a function, table, memory or global", "kind %#x", k)
	}
	return Kind(k)
}

// Import is an import. Of the last four fields only the one for Kind is valid.
type Import struct {
	Module, Name string
	Kind         Kind

	Type   uint32 // KindFunc: index of the function's type
	Table  Table
	Memory Memory
	Global GlobalType
}

func readImport(r *reader) Import {
	i := Import{Module: r.name(), Name: r.name(), Kind: r.kind()}
	switch i.Kind {
	case KindFunc:
		i.Type = r.u32()
	case KindTable:
		i.Table = readTable(r)
	case KindMemory:
		i.Memory = readMemory(r)
	case KindGlobal:
		i.Global = readGlobalType(r)
	}
	return i
}

func (i Import) append(dst []byte) []byte {
	dst = appendName(appendName(dst, i.Module), i.Name)
	dst = append(dst, byte(i.Kind))
	switch i.Kind {
	case KindFunc:
		return AppendU32(dst, i.Type)
	case KindTable:
		return i.Table.append(dst)
	case KindMemory:
		return i.Memory.append(dst)
	}
	return i.Global.append(dst)
}

func appendName(dst []byte, name string) []byte {
	return append(AppendU32(dst, uint32(len(name))), name...)
}
