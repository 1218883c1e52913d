package pristine

// Guest is a memory as wazero's api.Memory shows it.
type Guest interface {
	Size() uint32
	Grow(deltaPages uint32) (previousPages uint32, ok bool)
}

// Bind tells the memory how wazero sees it, which lets Reset take back what
// the guest grew it by. A memory that is not bound must be retired once it has
// grown.
func (m *Memory) Bind(guest Guest) { m.guest = guest }

// takeBack makes a grown memory as long as its image again, for the guest too.
//
// wazero has no call for this, but takes whatever length Reallocate returns
// for the truth and tells the compiled code, so a growth by one page is
// answered with the image's length. The check afterwards, and a test with each
// of wazero's engines, hold it to that. At the maximum that the module declares
// Grow refuses, and the memory cannot be taken back.
func (m *Memory) takeBack() bool {
	if m.guest == nil {
		return false
	}
	m.undo = true
	_, ok := m.guest.Grow(1)
	m.undo = false
	return ok && int(m.guest.Size()) == m.image.Size()
}

// shrink is Reallocate while growth is taken back.
func (m *Memory) shrink() []byte {
	if err := m.space.shrink(m.image.Size()); err != nil {
		return nil
	}
	m.view = m.space.bytes()
	return m.view
}
