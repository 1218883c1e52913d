package guest

import (
	"encoding/binary"
	"unsafe"

	"github.com/tenantedge/tenantedge/guest/abi"
)

// A function call costs a Wasm guest of Go's toolchain some 30 ns, as much as
// reading a message. So requests are read and decisions written here in one loop
// each, not field by field.

// fields are the first fields of a message. Absent ones are empty.
type fields struct {
	word    uint32
	n       int    // number of fields of the message
	stored  int    // number of fields stored in at
	present uint32 // bit i: field i is present
	at      [maxFields]string
}

const maxFields = abi.ReqHeader0 + maxHeaders // fields of the longest route request

// parse reads a message and checks it as abi.Parse does. The strings share b's
// memory.
func (f *fields) parse(b []byte) bool {
	if len(b) < 8 {
		return false
	}
	f.word, f.present = binary.LittleEndian.Uint32(b), 0
	n := uint64(binary.LittleEndian.Uint32(b[4:]))
	head, size := 8+8*n, uint64(len(b))
	if head > size {
		return false
	}
	f.n = int(n)
	stored, before := min(f.n, maxFields), f.stored
	f.stored = max(stored, before) // the next call clears also what a malformed message leaves
	for i := range f.n {
		entry := b[8+8*i:]
		entry = entry[:8]
		offset := uint64(binary.LittleEndian.Uint32(entry))
		length := uint64(binary.LittleEndian.Uint32(entry[4:]))
		if offset == 0 {
			if length != 0 {
				return false
			}
			if i < maxFields {
				f.at[i] = ""
			}
			continue
		}
		if offset < head || offset+length > size {
			return false
		}
		if i < maxFields {
			f.present |= 1 << i
			f.at[i] = unsafe.String((*byte)(unsafe.Add(unsafe.Pointer(unsafe.SliceData(b)), offset)), length)
		}
	}
	// Clear the fields of an earlier message.
	for i := stored; i < before; i++ {
		f.at[i] = ""
	}
	f.stored = stored
	return true
}

func (f *fields) has(i int) bool { return f.present&(1<<i) != 0 }

// decisionFields are the fields of a decision, except upstream headers.
type decisionFields struct {
	at      [abi.DecHeader0]string
	present uint32 // bit i: field i is present
}

// put sets field i.
func (f *decisionFields) put(i int, s string) {
	f.at[i] = s
	f.present |= 1 << i
}

// putNonEmpty sets field i, unless s is empty.
func (f *decisionFields) putNonEmpty(i int, s string) {
	if s != "" {
		f.at[i] = s
		f.present |= 1 << i
	}
}

// point writes a decision: its head before the request, with fields that point
// into the arena or to text appended at the arena's end. It returns nil if there
// is not enough room, or if the request is not in the arena.
func (a *arena) point(word uint32, f *decisionFields, headers []string) []byte {
	n := len(f.at) + len(headers)
	head := 8 + 8*n
	if a.large != nil || head > headRoom {
		return nil
	}
	start := headRoom - head
	w := writer{out: a.static[start:], end: bodyAt - start + a.used}
	base := uintptr(unsafe.Pointer(&w.out[0]))
	binary.LittleEndian.PutUint32(w.out, word)
	binary.LittleEndian.PutUint32(w.out[4:], uint32(n))
	for i := range f.at {
		var entry uint64
		if f.present&(1<<i) != 0 {
			s := f.at[i]
			// Append s unless it is inside the reply already.
			offset := uintptr(unsafe.Pointer(unsafe.StringData(s))) - base
			if offset < uintptr(head) || offset+uintptr(len(s)) > uintptr(w.end) {
				offset = w.append(s)
			}
			entry = uint64(offset) | uint64(len(s))<<32
		}
		binary.LittleEndian.PutUint64(w.out[8+8*i:], entry)
	}
	for i, s := range headers {
		binary.LittleEndian.PutUint64(w.out[8+8*(len(f.at)+i):], uint64(w.append(s))|uint64(len(s))<<32)
	}
	if w.end > len(w.out) {
		return nil
	}
	return w.out[:w.end]
}

// writer appends text to a reply. It counts beyond the end of out, so that the
// caller can check at the end whether the reply fits.
type writer struct {
	out []byte
	end int
}

func (w *writer) append(s string) (offset uintptr) {
	offset = uintptr(w.end)
	w.end += len(s)
	if w.end <= len(w.out) {
		copy(w.out[offset:], s)
	}
	return offset
}
