package hostfuncs

import (
	"unsafe"

	"github.com/tetratelabs/wazero/api"
)

// memory is the only way by which host functions touch a guest's memory. Every
// address and length that a guest passes is checked here and nowhere else.
type memory struct{ m api.Memory }

// bytes is a view of length bytes at addr; false if it leaves the memory. The
// view holds until the guest runs again.
func (m memory) bytes(addr, length uint32) ([]byte, bool) {
	if m.m == nil {
		return nil, false
	}
	return m.m.Read(addr, length)
}

// text is bytes as a string that shares the guest's memory: it must not
// outlive the host function.
func (m memory) text(addr, length uint32) (string, bool) {
	b, ok := m.bytes(addr, length)
	return unsafe.String(unsafe.SliceData(b), len(b)), ok
}

func (m memory) putUint32(addr, v uint32) bool { return m.m != nil && m.m.WriteUint32Le(addr, v) }

func (m memory) putUint64(addr uint32, v uint64) bool {
	return m.m != nil && m.m.WriteUint64Le(addr, v)
}
