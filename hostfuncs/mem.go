package hostfuncs

import (
	"unsafe"

	"github.com/tetratelabs/wazero/api"

	"github.com/tenantedge/tenantedge/guest/abi"
)

// memory is the only way by which host functions touch a guest's memory. Every
// address and length that a guest passes is checked here and nowhere else.
type memory struct {
	m    api.Memory
	call *Call // that pays for what is read
}

// bytes is a view of length bytes at addr; false if it leaves the memory. The
// view holds until the guest runs again.
func (m memory) bytes(addr, length uint32) ([]byte, bool) {
	if m.m == nil {
		return nil, false
	}
	return m.m.Read(addr, length)
}

// argument is a text of at most most bytes that a guest passes. The call pays
// for its length before anything reads it.
func (m memory) argument(addr, length uint32, most int) (string, abi.Errno) {
	text, ok := m.text(addr, length)
	switch {
	case !ok:
		return "", abi.Fault
	case len(text) > most:
		return "", abi.Limit
	}
	m.call.charge(uint64(length) * costByte)
	return text, abi.OK
}

// room is where an answer goes.
func (m memory) room(addr, length uint32) ([]byte, abi.Errno) {
	b, ok := m.bytes(addr, length)
	if !ok {
		return nil, abi.Fault
	}
	return b, abi.OK
}

// firstOf is the first errno that is none of OK.
func firstOf(all ...abi.Errno) abi.Errno {
	for _, e := range all {
		if e != abi.OK {
			return e
		}
	}
	return abi.OK
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
