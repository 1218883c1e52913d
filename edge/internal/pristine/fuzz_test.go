package pristine

import (
	"encoding/binary"
	"testing"
)

// hostView grows a memory like wazero.
type hostView struct{ memory *Memory }

func (v hostView) Size() uint32 { return uint32(len(v.memory.Bytes())) }

func (v hostView) Grow(pages uint32) (uint32, bool) {
	old := v.Size()
	return old / wasmPage, v.memory.Reallocate(uint64(old)+uint64(pages)*wasmPage) != nil
}

// FuzzPatterns interprets its input as calls, each a sequence of writes: an operation,
// an address in units of 16 bytes, and a length. After every call the memory must
// equal its image, on the heap too.
func FuzzPatterns(f *testing.F) {
	f.Add([]byte{})
	f.Add([]byte("w\x00\x00\x01r\x00\x00\x00w\x00\x00\x01"))
	f.Add([]byte("c\xff\x3f\xffg\x00\x00\x02w\xff\xff\x09r\x00\x00\x00w\xff\xff\x09"))
	content := someContent()
	images := []*Image{newImage(newHeapCopy(content)), mustImage(f, content)}
	f.Cleanup(func() { images[1].Close() })
	f.Fuzz(func(t *testing.T, calls []byte) {
		for _, image := range images {
			m := newMemory(t, image)
			m.Bind(hostView{m})
			play(t, m, content, calls)
			mustClose(t, m)
		}
	})
}

func play(t *testing.T, m *Memory, content, calls []byte) {
	reset := func() {
		if r := mustReset(t, m); r.Retire != Grown {
			mustEqual(t, m, content)
		}
	}
	for ; len(calls) >= 4; calls = calls[4:] {
		view, length := m.Bytes(), int(calls[3])
		addr := int(binary.LittleEndian.Uint16(calls[1:])) * 16 % len(view)
		switch calls[0] {
		case 'r':
			reset()
		case 'c':
			end := min(addr+length*64, len(view))
			m.Mark(uint32(addr), uint32(end-addr))
			clear(view[addr:end])
		case 'g':
			hostView{m}.Grow(uint32(length % 3))
		case 'm':
			m.Mark(uint32(addr), uint32(length*64))
			copy(view[addr:], view[:length*64])
		default:
			m.set(addr, view[addr]^(byte(length)|1))
		}
	}
	reset()
}
