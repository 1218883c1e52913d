package wasm

import (
	"fmt"
	"slices"
)

// Module is a module by sections. It shares memory with the bytes that it was
// decoded from, which must not be modified.
type Module struct {
	Types     Vector[Type]
	Imports   Vector[Import]
	Functions Vector[Func] // same length as Code
	Tables    Vector[Table]
	Memories  Vector[Memory]
	Globals   Vector[Global]
	Exports   Vector[Export]
	Start     Single // index of a function
	Elements  Vector[Element]
	DataCount Single
	Code      Vector[Body]
	Data      Vector[Data]

	sections []section // in the order of the file, with custom sections
}

const header = "\x00asm\x01\x00\x00\x00"

// Decode decodes a module, except the bodies of functions. The error is an *Error.
func Decode(b []byte) (*Module, error) {
	m, err := DecodePart(b)
	if err != nil {
		return nil, err
	}
	return m, nil
}

// DecodePart decodes as Decode does. With an error, it also returns the part of the
// module before the error, for tools that describe broken modules. Indices in that
// part may be out of range.
func DecodePart(b []byte) (*Module, error) {
	r := reader{b: b, section: SectionNone}
	if len(b) > maxModule {
		r.fail(ErrLimit, 0, "at most 1 GiB", fmt.Sprintf("%d bytes", len(b)))
	}
	if found, remedy := NotModule(b); found != "" && r.err == nil {
		r.fail(ErrMalformed, 0, "a Wasm module of version 1", found)
		r.err.Remedy = remedy
	}
	r.bytes(uint32(len(header)))
	m := &Module{}
	for rank := 0; r.left() > 0 && r.err == nil; {
		rank = m.readSection(&r, rank)
	}
	if n := m.Functions.Len(); n != m.Code.Len() {
		r.section = SectionCode
		r.malformedf(r.at, "as many bodies as functions", "%d bodies, %d functions", m.Code.Len(), n)
	}
	if n := m.DataCount; n.Present && int(n.Value) != m.Data.Len() {
		r.section = SectionData
		r.malformedf(r.at, "as many data segments as the data count", "%d segments, data count %d", m.Data.Len(), n.Value)
	}
	return m, r.failure()
}

// readSection reads a section, which must be custom or have a rank above rank, and
// returns the rank for the next call.
func (m *Module) readSection(r *reader, rank int) int {
	start := r.at
	id := SectionID(r.byte())
	r.section = id
	switch {
	case id == sectionTag:
		r.unsupported(start, "a section of core Wasm 2.0", "tags", exceptions)
	case id < 0 || id > SectionDataCount:
		r.malformedf(start, "a section of core Wasm 2.0", "number %d", byte(id))
	case id != SectionCustom && id.rank() <= rank:
		r.malformedf(start, "each section once and in order", "another %v section", id)
	case len(m.sections) == maxSections:
		r.fail(ErrLimit, start, fmt.Sprintf("at most %d sections", maxSections), "more")
	}
	content := r.sub(r.u32())
	if content.err != nil && content.err.Kind == ErrMalformed && content.err.Remedy == "" {
		content.err.Remedy = truncated // only the end of the file makes sub fail
	}
	s := section{id: id, raw: r.b[start:r.at:r.at]}
	switch id {
	case SectionCustom:
		s.custom = &Custom{Name: content.name(), Data: nil}
		s.custom.Data = content.bytes(uint32(content.left()))
	case SectionType:
		m.Types = readVector(&content, 3, maxTypes, readType)
	case SectionImport:
		m.Imports = readVector(&content, 4, maxImports, readImport)
	case SectionFunction:
		m.Functions = readVector(&content, 1, maxFuncs, readFunc)
	case SectionTable:
		m.Tables = readVector(&content, 3, maxTables, readTable)
	case SectionMemory:
		m.Memories = readVector(&content, 2, maxTables, readMemory)
	case SectionGlobal:
		m.Globals = readVector(&content, 4, maxGlobals, readGlobal)
	case SectionExport:
		m.Exports = readVector(&content, 3, maxExports, readExport)
	case SectionStart:
		m.Start = readSingle(&content)
	case SectionElement:
		m.Elements = readVector(&content, 2, maxSegments, readElement)
	case SectionDataCount:
		m.DataCount = readSingle(&content)
	case SectionCode:
		m.Code = readVector(&content, 2, maxFuncs, readBody)
	case SectionData:
		m.Data = readVector(&content, 2, maxSegments, readData)
	}
	content.done()
	m.checkMemories(&content)
	r.err = content.err
	m.sections = append(m.sections, s)
	if id == SectionCustom {
		return rank
	}
	return id.rank()
}

func (m *Module) checkMemories(r *reader) {
	if r.section != SectionImport && r.section != SectionMemory {
		return
	}
	if n := m.Imported(KindMemory) + m.Memories.Len(); n > 1 {
		r.unsupported(0, "one memory", fmt.Sprintf("%d", n), multiMemory)
	}
}

// Imported returns the number of imports of kind k. In the index space of their
// kind they precede the definitions of the module.
func (m *Module) Imported(k Kind) int {
	n := 0
	for _, i := range m.Imports.entries {
		if i.Kind == k {
			n++
		}
	}
	return n
}

// TypeOf returns the type of function i, imported or defined. i and the index of
// its type must be in range.
func (m *Module) TypeOf(i uint32) Type {
	for _, imported := range m.Imports.entries {
		if imported.Kind != KindFunc {
			continue
		}
		if i == 0 {
			return m.Types.At(int(imported.Type))
		}
		i--
	}
	return m.Types.At(int(m.Functions.At(int(i))))
}

// content is the content of a section.
type content interface {
	empty() bool
	touched() bool
	append(dst []byte) []byte
}

func (m *Module) content(id SectionID) content {
	switch id {
	case SectionType:
		return &m.Types
	case SectionImport:
		return &m.Imports
	case SectionFunction:
		return &m.Functions
	case SectionTable:
		return &m.Tables
	case SectionMemory:
		return &m.Memories
	case SectionGlobal:
		return &m.Globals
	case SectionExport:
		return &m.Exports
	case SectionStart:
		return &m.Start
	case SectionElement:
		return &m.Elements
	case SectionDataCount:
		return &m.DataCount
	case SectionCode:
		return &m.Code
	}
	return &m.Data
}

// Encode encodes the module: unchanged sections as they were read, others in their
// shortest form, new sections at their position.
func (m *Module) Encode() []byte {
	size := len(header)
	for _, s := range m.sections {
		size += len(s.raw)
	}
	dst := append(make([]byte, 0, size+size/4), header...)
	for _, s := range m.withNewSections() {
		if s.id == SectionCustom {
			dst = appendSection(dst, s, s.custom)
			continue
		}
		if c := m.content(s.id); c.touched() && c.empty() {
			continue
		} else if c.touched() {
			dst = appendSection(dst, section{id: s.id}, c)
		} else {
			dst = append(dst, s.raw...)
		}
	}
	return dst
}

// withNewSections returns the sections, with each new one inserted before the first
// section of a higher rank.
func (m *Module) withNewSections() []section {
	all := slices.Clone(m.sections)
	for id := SectionType; id <= SectionDataCount; id++ {
		c := m.content(id)
		if !c.touched() || c.empty() || slices.ContainsFunc(all, func(s section) bool { return s.id == id }) {
			continue
		}
		at := slices.IndexFunc(all, func(s section) bool { return s.id != SectionCustom && s.id.rank() > id.rank() })
		if at < 0 {
			at = len(all)
		}
		all = slices.Insert(all, at, section{id: id})
	}
	return all
}

func appendSection(dst []byte, s section, c interface{ append([]byte) []byte }) []byte {
	if s.raw != nil {
		return append(dst, s.raw...)
	}
	body := c.append(nil)
	dst = AppendU32(append(dst, byte(s.id)), uint32(len(body)))
	return append(dst, body...)
}

// Customs returns the custom sections in the order of the file.
func (m *Module) Customs() []Custom {
	var customs []Custom
	for _, s := range m.sections {
		if s.custom != nil {
			customs = append(customs, *s.custom)
		}
	}
	return customs
}

// SectionSize is the size of a section in the file.
type SectionSize struct {
	ID    SectionID
	Name  string // of a custom section
	Bytes int    // with id and size
}

// Sections returns the sizes of the sections as they were read, in the order of the
// file.
func (m *Module) Sections() []SectionSize {
	sizes := make([]SectionSize, 0, len(m.sections))
	for _, s := range m.sections {
		size := SectionSize{ID: s.id, Bytes: len(s.raw)}
		if s.custom != nil {
			size.Name = s.custom.Name
		}
		sizes = append(sizes, size)
	}
	return sizes
}

// MapCustoms replaces each custom section by the result of f, or removes it if f
// returns false.
func (m *Module) MapCustoms(f func(Custom) (Custom, bool)) {
	kept := m.sections[:0]
	for _, s := range m.sections {
		if s.custom != nil {
			c, keep := f(*s.custom)
			if !keep {
				continue
			}
			if c.Name != s.custom.Name || string(c.Data) != string(s.custom.Data) {
				s = section{id: SectionCustom, custom: &c}
			}
		}
		kept = append(kept, s)
	}
	m.sections = kept
}
