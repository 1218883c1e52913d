package guest

import (
	"encoding/binary"
	"unsafe"

	"github.com/tenantedge/tenantedge/guest/abi"
)

// A call of a function costs a Wasm guest of Go's toolchain some 30 ns, as much
// as reading a whole message. So the messages of a request are read and written
// here in one loop each, by the layout that package abi describes, and not
// field by field.

// fields are those of a message that is read. Absent ones are empty.
type fields struct {
	word    uint32
	n       int    // fields of the message, also those past at
	known   int    // of them in at
	present uint32 // a bit a field
	at      [maxFields]string
}

const maxFields = abi.ReqHeader0 + maxHeaders // of a route request, the longest that is read

// parse reads a message as abi.Parse does, and its first fields. The strings
// share b's memory.
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
	// What an earlier message had there is not this one's.
	known := min(f.n, maxFields)
	for i := known; i < f.known; i++ {
		f.at[i] = ""
	}
	f.known = known
	return true
}

func (f *fields) has(i int) bool { return f.present&(1<<i) != 0 }

// decisionFields are those of a decision without upstream headers.
type decisionFields struct {
	at      [abi.DecHeader0]string
	present uint32
}

// put sets field i.
func (f *decisionFields) put(i int, s string) {
	f.at[i] = s
	f.present |= 1 << i
}

// putSome sets field i, and leaves it absent for an empty text.
func (f *decisionFields) putSome(i int, s string) {
	if s != "" {
		f.at[i] = s
		f.present |= 1 << i
	}
}

// point writes a decision: its head in front of the arena, and its text where
// it lies in the arena already, or else at the arena's end. It is nil if there
// is not enough room, or the request is not in the arena.
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
			// What lies in the reply already is pointed at, the rest appended.
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

// writer appends text to a reply. It goes on counting behind the end of out,
// so that a reply that does not fit is noticed when it is done.
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
