package hostfuncs

import (
	"unsafe"

	"github.com/tetratelabs/wazero/api"

	"github.com/tenantedge/tenantedge/guest/abi"
)

// memory is a guest's memory with bounds checks. Host functions access the memory
// only through it.
type memory struct {
	m    api.Memory
	call *Call // is charged for the arguments
}

// bytes returns a view of length bytes at addr, for reading, and false if they are not
// all in the memory. The view is valid until the guest runs again.
func (m memory) bytes(addr, length uint32) ([]byte, bool) {
	if m.m == nil {
		return nil, false
	}
	return m.m.Read(addr, length)
}

// output is bytes for writing all of them.
func (m memory) output(addr, length uint32) ([]byte, bool) {
	b, ok := m.bytes(addr, length)
	if ok {
		m.writes(addr, len(b))
	}
	return b, ok
}

// writes reports n bytes that are written at addr, so that they are reset after the
// call. They are in the memory.
func (m memory) writes(addr uint32, n int) {
	if m.call.Watch != nil {
		m.call.Watch.Writes(addr, uint32(n))
	}
}

// put copies data to out, the bytes at addr, if it fits. It returns its length.
func (m memory) put(addr uint32, out []byte, data string) uint64 {
	if len(data) <= len(out) {
		m.writes(addr, copy(out, data))
	}
	return uint64(len(data))
}

// argument returns a string argument of at most most bytes, valid like text. It
// charges for the length before anything reads the bytes.
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

// room returns the buffer for an answer. What is written to it must be reported.
func (m memory) room(addr, length uint32) ([]byte, abi.Errno) {
	b, ok := m.bytes(addr, length)
	if !ok {
		return nil, abi.Fault
	}
	return b, abi.OK
}

// firstOf returns the first errno other than OK, or OK.
func firstOf(all ...abi.Errno) abi.Errno {
	for _, e := range all {
		if e != abi.OK {
			return e
		}
	}
	return abi.OK
}

// text returns bytes as a string that shares the guest's memory. It must not
// outlive the host function.
func (m memory) text(addr, length uint32) (string, bool) {
	b, ok := m.bytes(addr, length)
	return unsafe.String(unsafe.SliceData(b), len(b)), ok
}

func (m memory) putUint32(addr, v uint32) bool {
	_, ok := m.output(addr, 4)
	return ok && m.m.WriteUint32Le(addr, v)
}

func (m memory) putUint64(addr uint32, v uint64) bool {
	_, ok := m.output(addr, 8)
	return ok && m.m.WriteUint64Le(addr, v)
}
