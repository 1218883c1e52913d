package wasm

// NameSection is the name of the custom section with names for stack traces and
// debuggers.
const NameSection = "name"

// Parts of a name section.
const (
	NamesModule    = 0
	NamesFunctions = 1
)

// NamePart is an undecoded part of a name section.
type NamePart struct {
	ID   byte
	Data []byte
}

// Name is the name of an index.
type Name struct {
	Index uint32
	Name  string
}

// DecodeNames splits a name section into its parts.
func DecodeNames(data []byte) ([]NamePart, error) {
	r := reader{b: data, section: SectionCustom}
	var parts []NamePart
	for r.left() > 0 && r.err == nil {
		parts = append(parts, NamePart{ID: r.byte(), Data: r.bytes(r.u32())})
	}
	return parts, r.failure()
}

// AppendNames encodes the parts of a name section.
func AppendNames(dst []byte, parts []NamePart) []byte {
	for _, p := range parts {
		dst = AppendU32(append(dst, p.ID), uint32(len(p.Data)))
		dst = append(dst, p.Data...)
	}
	return dst
}

// Names decodes a part that maps indices to names, such as NamesFunctions.
func (p NamePart) Names() ([]Name, error) {
	r := reader{b: p.Data, section: SectionCustom}
	n := r.count(2, maxFuncs)
	names := make([]Name, 0, n)
	for i := 0; i < n && r.err == nil; i++ {
		names = append(names, Name{Index: r.u32(), Name: r.name()})
	}
	r.done()
	return names, r.failure()
}

// AppendNameMap appends the encoding of names, which must be sorted by index.
func AppendNameMap(dst []byte, names []Name) []byte {
	dst = AppendU32(dst, uint32(len(names)))
	for _, n := range names {
		dst = appendName(AppendU32(dst, n.Index), n.Name)
	}
	return dst
}
