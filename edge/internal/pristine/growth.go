package pristine

// Guest is the part of wazero's api.Memory that undoes growth.
type Guest interface {
	Size() uint32
	Grow(deltaPages uint32) (previousPages uint32, ok bool)
}

// Bind sets wazero's view of the memory, with which Reset undoes growth. A memory
// that is not bound must be retired after it has grown.
func (m *Memory) Bind(guest Guest) { m.guest = guest }

// undoGrowth shrinks a grown memory to the size of its image, for the guest too.
//
// wazero has no call for this. But it believes the length that Reallocate returns,
// so a growth by one page is answered with the image's length. The check afterwards
// and a test with each of wazero's engines verify this. At the maximum that the
// module declares, Grow fails, and the growth cannot be undone.
func (m *Memory) undoGrowth() bool {
	if m.guest == nil {
		return false
	}
	m.undo = true
	_, ok := m.guest.Grow(1)
	m.undo = false
	return ok && int(m.guest.Size()) == m.image.Size()
}

// shrink is Reallocate while growth is undone.
func (m *Memory) shrink() []byte {
	if err := m.space.shrink(m.image.Size()); err != nil {
		return nil
	}
	m.view = m.space.bytes()
	return m.view
}
