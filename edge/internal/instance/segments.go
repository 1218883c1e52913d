package instance

import (
	"fmt"

	"github.com/tenantedge/tenantedge/edge/internal/wasm"
)

// segment is what a data segment puts into memory at instantiation.
type segment struct {
	addr  uint32
	bytes []byte
}

// segments are the active data segments of a module. Go's linker makes tens of
// thousands of them, and the engine allocates for each in every instance. So
// the module that is compiled has none, and the host writes them, once, into
// the memory that becomes the image. That it is not compiled twice halves the
// time that a guest takes to load.
func segments(module []byte) ([]segment, error) {
	m, err := wasm.Decode(module)
	if err != nil {
		return nil, err
	}
	var all []segment
	for n, d := range m.Data.All() {
		if d.Mode != wasm.Active {
			continue
		}
		addr, ok := d.Offset.I32()
		if !ok {
			// A variable could only be one that is imported, of which there are none.
			return nil, fmt.Errorf("data segment %d: expected an i32.const as its offset", n)
		}
		all = append(all, segment{uint32(addr), d.Bytes})
	}
	return all, nil
}

func (i *Instance) writeSegments(all []segment) error {
	memory := i.module.Memory()
	for n, s := range all {
		if !memory.Write(s.addr, s.bytes) {
			return fmt.Errorf("data segment %d has %d bytes at %#x: expected them inside its memory of %d bytes", n, len(s.bytes), s.addr, memory.Size())
		}
	}
	return nil
}
