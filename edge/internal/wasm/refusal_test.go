package wasm_test

import (
	"bytes"
	"encoding/hex"
	"errors"
	"strings"
	"testing"

	"github.com/tenantedge/tenantedge/edge/internal/wasm"
)

const preamble = "00 61 73 6d 01 00 00 00"

func unhex(t testing.TB, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(strings.ReplaceAll(s, " ", ""))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// body returns a module with one function of type () -> () whose body is code and
// an end.
func body(t testing.TB, code string) []byte {
	b := unhex(t, preamble+"01 04 01 60 00 00 03 02 01 00")
	f := append(append([]byte{0}, unhex(t, code)...), 0x0b)
	f = append(wasm.AppendU32(nil, uint32(len(f))), f...)
	b = wasm.AppendU32(append(b, 10), uint32(len(f)+1))
	return append(append(b, 1), f...)
}

func TestErrorsSayWhereAndWhatWasExpected(t *testing.T) {
	for _, test := range []struct {
		name   string
		module string
		kind   error
		want   string
	}{
		{"nothing", "", wasm.ErrMalformed, "malformed module: expected a Wasm module of version 1, found an empty file; check that the build wrote its output"},
		{"component", "00 61 73 6d 0d 00 01 00", wasm.ErrMalformed, "found a component (component model); build a core module"},
		{"version 2", "00 61 73 6d 02 00 00 00", wasm.ErrMalformed, "found version 2"},
		{"part of the header", "00 61 73 6d", wasm.ErrMalformed, "found 4 bytes; the file is truncated"},
		{"text of a module", hex.EncodeToString([]byte(";; a guest\n(module)")), wasm.ErrMalformed, "found WebAssembly text; translate it with wat2wasm"},
		{"other text", hex.EncodeToString([]byte("package main\n")), wasm.ErrMalformed, `found text that begins with "package main\n"`},
		{"native code", "7f 45 4c 46 02", wasm.ErrMalformed, "found an ELF file, which is native code; build for WebAssembly (Go: GOOS=wasip1"},
		{"a gzip file", "1f 8b 08 00", wasm.ErrMalformed, "found a gzip file; decompress it with gunzip"},
		{"other bytes", "01 00 00 02", wasm.ErrMalformed, "found other bytes, 01 00 00 02"},
		{"count of 2^32-1 types", preamble + "01 05 ff ff ff ff 0f", wasm.ErrMalformed, "type section, offset 0xa: expected at most 0 entries in the remaining 0 bytes, found 4294967295"},
		{"count of more bits than 32", preamble + "01 05 ff ff ff ff 1f", wasm.ErrMalformed, "expected an unsigned 32-bit LEB128 integer"},
		{"section past the end", preamble + "01 7f 00", wasm.ErrMalformed, "expected 127 bytes, found 1; the file is truncated: copy, download or build it again"},
		{"truncated section", preamble + "01 03 01 60 00", wasm.ErrMalformed, "type section, offset 0xa"},
		{"bytes left in a section", preamble + "01 05 01 60 00 00 00", wasm.ErrMalformed, "offset 0xe: expected the end, found 1 more bytes"},
		{"section twice", preamble + "01 01 00 01 01 00", wasm.ErrMalformed, "expected each section once and in order"},
		{"sections out of order", preamble + "03 01 00 01 01 00", wasm.ErrMalformed, "in order"},
		{"unknown section", preamble + "0e 00", wasm.ErrMalformed, "found number 14"},
		{"tag section", preamble + "0d 01 00", wasm.ErrUnsupported, "exception handling"},
		{"structure type", preamble + "01 03 01 5f 00", wasm.ErrMalformed, ""},
		{"structure type with room", preamble + "01 04 01 5f 00 00", wasm.ErrUnsupported, "garbage collection"},
		{"unknown value type", preamble + "01 05 01 60 01 40 00", wasm.ErrMalformed, "expected a type, found 0x40"},
		{"typed reference", preamble + "01 05 01 60 01 64 00", wasm.ErrUnsupported, "garbage collection"},
		{"shared memory", preamble + "05 04 01 03 01 01", wasm.ErrUnsupported, "found shared memory (threads); build without threads (clang"},
		{"64-bit memory", preamble + "05 03 01 04 01", wasm.ErrUnsupported, "memory64"},
		{"two memories", preamble + "05 05 02 00 01 00 01", wasm.ErrUnsupported, "multiple memories"},
		{"name not in UTF-8", preamble + "02 07 01 01 ff 01 61 00 00", wasm.ErrMalformed, "UTF-8"},
		{"imported tag", preamble + "02 08 01 01 61 01 61 04 00 00", wasm.ErrUnsupported, "exception handling"},
		{"mutability 2", preamble + "06 06 01 7f 02 41 00 0b", wasm.ErrMalformed, "mutability"},
		{"extended constant", preamble + "06 09 01 7f 00 41 00 41 00 6a 0b", wasm.ErrUnsupported, "extended constants"},
		{"constant that is a call", preamble + "06 06 01 7f 00 10 00 0b", wasm.ErrMalformed, "constant instruction"},
		{"functions without bodies", preamble + "01 04 01 60 00 00 03 02 01 00", wasm.ErrMalformed, "0 bodies, 1 functions"},
		{"table with a first value", preamble + "04 09 01 40 00 70 00 01 d0 70 0b", wasm.ErrUnsupported, "function references"},
		{"data for memory 1", preamble + "0b 07 01 02 01 41 00 0b 00", wasm.ErrUnsupported, "multiple memories"},
		{"wrong data count", preamble + "0c 01 02", wasm.ErrMalformed, "0 segments, data count 2"},
		{"element segment 8", preamble + "09 03 01 08 00", wasm.ErrMalformed, "0 to 7"},
	} {
		t.Run(test.name, func(t *testing.T) {
			_, err := wasm.Decode(unhex(t, test.module))
			if !errors.Is(err, test.kind) || !strings.Contains(err.Error(), test.want) {
				t.Errorf("got %v, want %v: … %s", err, test.kind, test.want)
			}
		})
	}
}

func TestInstructionsPastCoreAreRefused(t *testing.T) {
	for _, test := range []struct {
		name string
		code string
		kind error
		want string
	}{
		{"unassigned opcode", "27", wasm.ErrMalformed, "code section, offset 0x17: expected an instruction, found opcode 0x27"},
		{"return_call", "12 00", wasm.ErrUnsupported, "tail calls"},
		{"return_call_indirect", "13 00 00", wasm.ErrUnsupported, "tail calls"},
		{"call_ref", "14 00", wasm.ErrUnsupported, "typed function references"},
		{"try", "06 40", wasm.ErrUnsupported, "exception handling"},
		{"throw", "08 00", wasm.ErrUnsupported, "exception handling"},
		{"try_table", "1f 40 00", wasm.ErrUnsupported, "exception handling"},
		{"atomic fence", "fe 03 00", wasm.ErrUnsupported, "threads"},
		{"struct.new", "fb 00 00", wasm.ErrUnsupported, "garbage collection"},
		{"relaxed SIMD", "fd 80 02", wasm.ErrUnsupported, "found 0xfd 0x80 0x2 (relaxed SIMD); build without it"},
		{"unassigned 0xfc", "fc 12", wasm.ErrUnsupported, "0xfc 0x12 (a later proposal); build for core"},
		{"memory of another number", "3f 01", wasm.ErrUnsupported, "multiple memories"},
		{"load from another memory", "28 42 01 00", wasm.ErrUnsupported, "multiple memories"},
		{"select of two types", "1c 02 7f 7f", wasm.ErrMalformed, "expected one type"},
		{"block of an unknown type", "02 41", wasm.ErrMalformed, "expected a type"},
		{"block of a negative index", "02 80 7f", wasm.ErrMalformed, "negative index"},
		{"labels that are not there", "0e ff ff ff ff 0f", wasm.ErrMalformed, "at most"},
		{"end too early", "0b 01", wasm.ErrMalformed, "expected the end"},
		{"end missing", "02 40", wasm.ErrMalformed, "another byte"},

		// wazero reads a single byte here: more bytes must not hide instructions.
		{"v128.const with a long number", "fd 8c 00" + strings.Repeat("00", 16), wasm.ErrUnsupported, "shortest form"},
		{"v128.const with a longer number", "fd 8c 80 00" + strings.Repeat("00", 16), wasm.ErrUnsupported, "shortest form"},
		{"memory index with a long zero", "3f 80 00", wasm.ErrUnsupported, "multiple memories"},
		{"empty block type in two bytes", "02 c0 7f 0b", wasm.ErrMalformed, "negative index"},
	} {
		t.Run(test.name, func(t *testing.T) {
			m, err := wasm.Decode(body(t, test.code))
			if err != nil {
				t.Fatal(err)
			}
			if _, err := walk(m); !errors.Is(err, test.kind) || !strings.Contains(err.Error(), test.want) {
				t.Errorf("got %v, want %v: … %s", err, test.kind, test.want)
			}
		})
	}
}

func TestLimitsAreKept(t *testing.T) {
	deep := bytes.Repeat([]byte{0x02, 0x40}, 1<<16)
	m, err := wasm.Decode(body(t, hex.EncodeToString(deep)))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := walk(m); !errors.Is(err, wasm.ErrLimit) {
		t.Errorf("65,536 nested blocks: %v", err)
	}

	locals := unhex(t, preamble+"01 04 01 60 00 00 03 02 01 00 0a 08 01 06 01 d1 86 03 7f 0b")
	if m, err = wasm.Decode(locals); err != nil {
		t.Fatal(err)
	}
	if _, err := m.Code.At(0).Locals(); !errors.Is(err, wasm.ErrLimit) {
		t.Errorf("50,001 locals: %v", err)
	}
}

func TestLyingCountsAllocateNothing(t *testing.T) {
	for id := byte(1); id <= 11; id++ {
		b := append(unhex(t, preamble), id, 5, 0xff, 0xff, 0xff, 0x7f)
		b = append(b, 0)
		if n := testing.AllocsPerRun(10, func() { _, _ = wasm.Decode(b) }); n > 20 {
			t.Errorf("section %d: %v allocations", id, n)
		}
	}
}
