package wasm

import "fmt"

// SectionID identifies the kind of a section.
type SectionID int8

// Sections of core Wasm 2.0.
const (
	SectionNone      SectionID = -1
	SectionCustom    SectionID = 0
	SectionType      SectionID = 1
	SectionImport    SectionID = 2
	SectionFunction  SectionID = 3
	SectionTable     SectionID = 4
	SectionMemory    SectionID = 5
	SectionGlobal    SectionID = 6
	SectionExport    SectionID = 7
	SectionStart     SectionID = 8
	SectionElement   SectionID = 9
	SectionCode      SectionID = 10
	SectionData      SectionID = 11
	SectionDataCount SectionID = 12

	sectionTag = 13 // exception handling
)

var sectionNames = [...]string{"custom", "type", "import", "function", "table", "memory", "global", "export", "start", "element", "code", "data", "data count"}

// String returns the section's name.
func (id SectionID) String() string {
	if id == SectionNone {
		return "no"
	}
	if int(id) < len(sectionNames) && id >= 0 {
		return sectionNames[id]
	}
	return fmt.Sprintf("section %d", int8(id))
}

// rank returns the position of a section in the order of a module: that of the
// ids, except that the data count precedes the code.
func (id SectionID) rank() int {
	switch id {
	case SectionDataCount:
		return int(SectionElement)*2 + 1
	default:
		return int(id) * 2
	}
}

// section is a section of the file, or an added one.
type section struct {
	id     SectionID
	raw    []byte // with id and size; nil for an added section
	custom *Custom
}

// Custom is a custom section, which engines ignore.
type Custom struct {
	Name string
	Data []byte
}

func (c *Custom) append(dst []byte) []byte {
	return append(appendName(dst, c.Name), c.Data...)
}
