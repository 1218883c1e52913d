package wasm

// Export makes a function, table, memory or global available under a name.
type Export struct {
	Name  string
	Kind  Kind
	Index uint32 // in the index space of Kind
}

func readExport(r *reader) Export {
	return Export{Name: r.name(), Kind: r.kind(), Index: r.u32()}
}

func (e Export) append(dst []byte) []byte {
	return AppendU32(append(appendName(dst, e.Name), byte(e.Kind)), e.Index)
}
