package wasm

// Single is a section with one number: the start section, with the index of the
// function that runs at instantiation, and the data count section.
type Single struct {
	Value   uint32
	Present bool

	changed bool
}

// Set sets the number.
func (s *Single) Set(v uint32) { *s = Single{v, true, true} }

// Clear removes the section.
func (s *Single) Clear() { *s = Single{changed: true} }

func readSingle(r *reader) Single { return Single{Value: r.u32(), Present: true} }

func (s *Single) empty() bool              { return !s.Present }
func (s *Single) touched() bool            { return s.changed }
func (s *Single) append(dst []byte) []byte { return AppendU32(dst, s.Value) }
