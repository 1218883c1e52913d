package abi_test

import (
	"bytes"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"strings"
	"testing"

	"github.com/tenantedge/tenantedge/guest/abi"
)

// example is the worked example of the package comment.
const example = `
	00 00 00 00
	06 00 00 00
	38 00 00 00  03 00 00 00
	3b 00 00 00  04 00 00 00
	3f 00 00 00  04 00 00 00
	43 00 00 00  01 00 00 00
	00 00 00 00  00 00 00 00
	00 00 00 00  00 00 00 00
	47 45 54 68 74 74 70 61 2e 69 6f 2f`

func exampleBytes(t testing.TB) []byte {
	t.Helper()
	b, err := hex.DecodeString(strings.Join(strings.Fields(example), ""))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestABuilderWritesTheWorkedExample(t *testing.T) {
	buf := bytes.Repeat([]byte{0xee}, 128)
	b := abi.Begin(buf, 0, abi.ReqHeader0+1)
	b.Put(abi.ReqMethod, "GET")
	b.PutBytes(abi.ReqScheme, []byte("http"))
	b.Put(abi.ReqHost, "a.")
	b.Append(abi.ReqHost, "io")
	b.Put(abi.ReqTarget, "/")
	if want := exampleBytes(t); !bytes.Equal(b.Bytes(), want) {
		t.Errorf("message is\n%x, want\n%x", b.Bytes(), want)
	}
	if b.Size() != 68 || !b.Fits() {
		t.Errorf("size is %d, fits %v, want 68, true", b.Size(), b.Fits())
	}
}

func TestParseReadsTheWorkedExample(t *testing.T) {
	m, err := abi.Parse(exampleBytes(t))
	if err != nil {
		t.Fatal(err)
	}
	for i, want := range []string{"GET", "http", "a.io", "/"} {
		if got, ok := m.Field(i); !ok || string(got) != want {
			t.Errorf("field %d is %q, present %v, want %q", i, got, ok, want)
		}
	}
	for _, absent := range []int{abi.ReqSession, abi.ReqHeader0, abi.ReqHeader0 + 1, 1 << 30, -1} {
		if got, ok := m.Field(absent); ok || got != nil {
			t.Errorf("field %d is %q, want it absent", absent, got)
		}
	}
	if m.Word() != 0 || m.Len() != 6 {
		t.Errorf("word is %d, length %d, want 0 and 6", m.Word(), m.Len())
	}
}

func TestAbsentAndEmptyDiffer(t *testing.T) {
	b := abi.Begin(make([]byte, 64), 7, 2)
	b.Put(1, "")
	m, err := abi.Parse(b.Bytes())
	if err != nil {
		t.Fatal(err)
	}
	if _, ok := m.Field(0); ok {
		t.Error("a field that was not put is present")
	}
	if f, ok := m.Field(1); !ok || len(f) != 0 {
		t.Errorf("a field that was put empty is %q, present %v", f, ok)
	}
	if m.Word() != 7 {
		t.Errorf("word is %d, want 7", m.Word())
	}
}

func TestSizeIsValidIfAMessageDoesNotFit(t *testing.T) {
	write := func(buf []byte) abi.Builder {
		b := abi.Begin(buf, 1, 2)
		b.Put(0, "hello")
		b.Append(0, ", world")
		b.PutBytes(1, []byte("!"))
		b.SetWord(2)
		return b
	}
	for size := range 37 {
		b := write(make([]byte, size))
		if b.Fits() || b.Bytes() != nil || b.Size() != 37 {
			t.Errorf("buffer of %d bytes: fits %v with size %d, want false with 37", size, b.Fits(), b.Size())
		}
	}
	b := write(make([]byte, 37))
	m, err := abi.Parse(b.Bytes())
	if err != nil || string(m.Get(0)) != "hello, world" || string(m.Get(1)) != "!" || m.Word() != 2 {
		t.Errorf("buffer of 37 bytes: message %x, error %v", b.Bytes(), err)
	}
}

func TestMalformedMessagesAreRejected(t *testing.T) {
	le := binary.LittleEndian
	field := func(offset, length uint32) []byte {
		b := make([]byte, 24)
		le.PutUint32(b[4:], 1)
		le.PutUint32(b[8:], offset)
		le.PutUint32(b[12:], length)
		return b
	}
	for _, c := range []struct {
		name string
		b    []byte
	}{
		{"nothing", nil},
		{"half a head", make([]byte, 7)},
		{"more fields than bytes", []byte{0, 0, 0, 0, 1, 0, 0, 0}},
		{"so many fields that their table overflows", []byte{0, 0, 0, 0, 0xff, 0xff, 0xff, 0xff}},
		{"a field inside of the head", field(8, 1)},
		{"a field that begins after the end", field(25, 0)},
		{"a field that ends after the end", field(20, 5)},
		{"a field whose end overflows", field(20, 0xffffffff)},
		{"an absent field with a length", field(0, 1)},
	} {
		t.Run(c.name, func(t *testing.T) {
			if _, err := abi.Parse(c.b); !errors.Is(err, abi.ErrMalformed) {
				t.Errorf("error %v, want ErrMalformed", err)
			}
		})
	}
}

func TestTheZeroMessageHasNoFields(t *testing.T) {
	var m abi.Message
	if m.Len() != 0 || m.Get(0) != nil {
		t.Errorf("%d fields, the first %q, want none", m.Len(), m.Get(0))
	}
}

func TestPackReplyPutsTheAddressInTheUpperHalf(t *testing.T) {
	if got := abi.PackReply(0x00010000, 68); got != 0x00010000_00000044 {
		t.Errorf("packed %#x, want 0x1000000000044", got)
	}
	addr, length := abi.UnpackReply(0xfffffff0_00000010)
	if addr != 0xfffffff0 || length != 0x10 {
		t.Errorf("unpacked %#x, %#x, want 0xfffffff0, 0x10", addr, length)
	}
}

func TestOutcomesAndErrnosAsText(t *testing.T) {
	for outcome, want := range map[abi.Outcome]string{
		abi.Tenant: "tenant", abi.Redirect: "redirect", abi.Missing: "not_found", abi.None: "none",
		abi.BadRequest: "bad_request", abi.Conflict: "conflict", 0: "error", 200: "error",
	} {
		if got := outcome.String(); got != want {
			t.Errorf("outcome %d is %q, want %q", outcome, got, want)
		}
	}
	for errno, want := range map[abi.Errno]string{
		abi.OK: "tenantedge: ok", abi.NotFound: "tenantedge: not found", abi.Internal: "tenantedge: host failed", 99: "tenantedge: errno 99",
	} {
		if got := errno.Error(); got != want {
			t.Errorf("errno %d is %q, want %q", errno, got, want)
		}
	}
}

func TestMessagesAllocateNothing(t *testing.T) {
	buf := make([]byte, 256)
	allocs := testing.AllocsPerRun(100, func() {
		b := abi.Begin(buf, 0, 6)
		b.Put(0, "GET")
		b.Put(3, "/")
		m, err := abi.Parse(b.Bytes())
		if err != nil || string(m.Get(3)) != "/" {
			t.Fatalf("field 3 is %q, error %v, want /", m.Get(3), err)
		}
	})
	if allocs != 0 {
		t.Errorf("a message allocates %v times, want 0", allocs)
	}
}

func FuzzParse(f *testing.F) {
	f.Add(exampleBytes(f))
	f.Add([]byte{0, 0, 0, 0, 0xff, 0xff, 0xff, 0xff})
	f.Add([]byte{1, 2, 3, 4, 1, 0, 0, 0, 16, 0, 0, 0, 1, 0, 0, 0, 'x'})
	f.Fuzz(func(t *testing.T, b []byte) {
		m, err := abi.Parse(b)
		if err != nil {
			return
		}
		again := abi.Begin(make([]byte, 8+8*m.Len()+len(b)*max(1, m.Len())), m.Word(), m.Len())
		for i := range m.Len() {
			if field, ok := m.Field(i); ok {
				again.PutBytes(i, field)
			}
		}
		copied, err := abi.Parse(again.Bytes())
		if err != nil {
			t.Fatalf("a copy of the message is malformed: %v", err)
		}
		for i := range m.Len() {
			want, present := m.Field(i)
			if got, ok := copied.Field(i); ok != present || !bytes.Equal(got, want) {
				t.Fatalf("field %d of the copy is %q, present %v, want %q, %v", i, got, ok, want, present)
			}
		}
	})
}
