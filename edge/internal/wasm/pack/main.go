// Command pack makes a guest of Go's toolchain smaller: `make guest` runs it.
//
//	go run ./edge/internal/wasm/pack guest.wasm packed.wasm
//
// To find the function of a program counter, Go's runtime has a table with an entry
// of 20 bytes for each 4,096 program counters (findfunctab, see runtime.findfunc and
// cmd/link). A function of a Wasm module has 65,536 program counters, so 16 entries
// in a row hold its number and zeros. The linker writes each as a data segment of two
// bytes, which take ten in the file: a tenth of a guest, and nine tenths of its
// segments. This command replaces them by a start function that computes the table.
package main

import (
	"encoding/binary"
	"errors"
	"fmt"
	"os"

	"github.com/tenantedge/tenantedge/edge/internal/wasm"
)

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "pack:", err)
		os.Exit(1)
	}
}

func run(args []string) error {
	if len(args) != 2 {
		return errors.New("usage: pack guest.wasm packed.wasm")
	}
	guest, err := os.ReadFile(args[0])
	if err != nil {
		return err
	}
	packed, err := pack(guest)
	if err != nil {
		return fmt.Errorf("%s: %w", args[0], err)
	}
	return os.WriteFile(args[1], packed, 0o644)
}

// pack returns guest with a start function instead of the table.
func pack(guest []byte) ([]byte, error) {
	m, err := wasm.Decode(guest)
	if err != nil {
		return nil, err
	}
	if m.Start.Present {
		return nil, errors.New("has a start function already: expected a module of Go's toolchain")
	}
	memory, err := image(m)
	if err != nil {
		return nil, err
	}
	base, n := findTable(memory)
	if n == 0 {
		return nil, errors.New("has no table of functions: expected a module of Go's toolchain")
	}
	if err := cut(m, base, base+n*entrySize); err != nil {
		return nil, err
	}
	m.Functions.Add(wasm.Func(m.Types.Add(wasm.Type{})))
	m.Code.Add(wasm.Body{Bytes: fill(base, n)})
	m.Start.Set(uint32(m.Imported(wasm.KindFunc) + m.Functions.Len() - 1))
	return m.Encode(), nil
}

// image returns the memory after instantiation, up to the end of the last segment.
func image(m *wasm.Module) (memory []byte, err error) {
	for i, d := range m.Data.All() {
		at, ok := d.Offset.I32()
		if d.Mode != wasm.Active || !ok || at < 0 {
			return nil, fmt.Errorf("data segment %d: expected a constant address", i)
		}
		if end := int(at) + len(d.Bytes); end > len(memory) {
			memory = append(memory, make([]byte, end-len(memory))...)
		}
		copy(memory[at:], d.Bytes)
	}
	return memory, nil
}

const (
	entrySize = 20
	perFunc   = 16 // entries
)

// findTable returns the address and the number of entries of the table.
func findTable(memory []byte) (base, n int) {
	for base = 0; base+entrySize <= len(memory); base++ {
		for n = 0; isEntry(memory[base+n*entrySize:], n); n++ {
		}
		if n > 100*perFunc {
			return base, n
		}
	}
	return 0, 0
}

// isEntry reports whether memory begins with entry i.
func isEntry(memory []byte, i int) bool {
	if len(memory) < entrySize || binary.LittleEndian.Uint32(memory) != uint32(i/perFunc) {
		return false
	}
	return [entrySize - 4]byte(memory[4:entrySize]) == [entrySize - 4]byte{}
}

// cut removes the bytes from start to end from the segments.
func cut(m *wasm.Module, start, end int) error {
	var kept []wasm.Data
	for _, d := range m.Data.All() {
		offset, _ := d.Offset.I32()
		at := int(offset)
		if before := min(start-at, len(d.Bytes)); before > 0 {
			kept = append(kept, wasm.Data{Mode: wasm.Active, Offset: d.Offset, Bytes: d.Bytes[:before]})
		}
		if after := max(end-at, 0); after < len(d.Bytes) && at+len(d.Bytes) > end {
			kept = append(kept, wasm.Data{Mode: wasm.Active, Offset: wasm.I32Const(int32(at + after)), Bytes: d.Bytes[after:]})
		}
	}
	m.Data.Clear()
	for _, d := range kept {
		m.Data.Add(d)
	}
	if m.DataCount.Present {
		m.DataCount.Set(uint32(len(kept)))
	}
	return nil
}

// fill returns the body of a function that writes n entries to base.
func fill(base, n int) []byte {
	b := []byte{1, 1, byte(wasm.I32), // a local: the number of the entry
		0x03, 0x40, // loop
		0x20, 0, 0x41, entrySize, 0x6c, // its address, without base
		0x20, 0, 0x41, 4, 0x76, // its value
		0x36, 0} // i32.store
	b = wasm.AppendU32(b, uint32(base))
	b = append(b, 0x20, 0, 0x41, 1, 0x6a, 0x22, 0, 0x41) // local.tee of the next number, i32.const
	b = wasm.AppendS32(b, int32(n))
	return append(b, 0x48, 0x0d, 0, // i32.lt_s, br_if
		0x0b, 0x0b)
}
