package main

import (
	"bytes"
	"context"
	"testing"

	"github.com/tetratelabs/wazero"

	"github.com/tenantedge/tenantedge/edge/internal/wasm"
)

// The table of 200 functions, with other data in the same segments before and after.
func TestThePackedModuleHasTheSameMemory(t *testing.T) {
	const base, functions = 1003, 200
	m, err := wasm.Decode([]byte("\x00asm\x01\x00\x00\x00"))
	if err != nil {
		t.Fatal(err)
	}
	m.Memories.Add(wasm.Memory{Limits: wasm.Limits{Min: 2}})
	m.Exports.Add(wasm.Export{Name: "memory", Kind: wasm.KindMemory})
	table := append(bytes.Repeat([]byte{7}, 3), make([]byte, functions*perFunc*entrySize)...)
	for i := range functions * perFunc {
		table[3+i*entrySize] = byte(i / perFunc)
	}
	const segment = 1000
	for at := 0; at < len(table); at += segment {
		end := min(at+segment, len(table))
		piece := table[at:end:end]
		if end == len(table) {
			piece = append(piece, 8, 8)
		}
		m.Data.Add(wasm.Data{Mode: wasm.Active, Offset: wasm.I32Const(int32(base - 3 + at)), Bytes: piece})
	}
	guest := m.Encode()
	packed, err := pack(guest)
	if err != nil {
		t.Fatal(err)
	}
	if len(packed) > 200 {
		t.Errorf("the packed module has %d bytes, want at most 200", len(packed))
	}
	if !bytes.Equal(memoryOf(t, packed), memoryOf(t, guest)) {
		t.Error("the memories differ")
	}
	if _, err := pack(packed); err == nil {
		t.Error("a module with a start function is accepted")
	}
}

func memoryOf(t *testing.T, module []byte) []byte {
	t.Helper()
	ctx := context.Background()
	r := wazero.NewRuntime(ctx)
	t.Cleanup(func() { r.Close(ctx) })
	m, err := r.Instantiate(ctx, module)
	if err != nil {
		t.Fatal(err)
	}
	b, _ := m.Memory().Read(0, m.Memory().Size())
	return bytes.Clone(b)
}
