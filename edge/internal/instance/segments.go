package instance

import (
	"fmt"

	"github.com/tenantedge/tenantedge/edge/internal/wasm"
)

// segment is a data segment.
type segment struct {
	addr  uint32
	bytes []byte
}

// segments returns the active data segments of a module. Go's linker makes tens
// of thousands of them, and wazero allocates for each in every instance. So the
// compiled module has none, and the host writes them once, into the memory that
// becomes the image. Only one module is compiled, which halves the time to load
// a guest.
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
			// Only imported globals are possible here, and guests have none.
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
			return fmt.Errorf("data segment %d has %d bytes at %#x: expected them inside its memory of %d bytes; declare a larger initial memory", n, len(s.bytes), s.addr, memory.Size())
		}
	}
	return nil
}
