package guests

import (
	"context"
	"encoding/binary"
	"net/http"
	"runtime/metrics"
	"strings"
	"testing"

	"github.com/tenantedge/tenantedge/edge/internal/header"
	"github.com/tenantedge/tenantedge/edge/internal/instance"
	"github.com/tenantedge/tenantedge/edge/internal/wasm/wasmtest"
	"github.com/tenantedge/tenantedge/guest/abi"
)

// mirrorSet returns a set whose guest replies with the request, so that tests
// choose the reply.
func mirrorSet(t testing.TB) *Set {
	t.Helper()
	set := newSet(t, wasmtest.Sound().Mirrors(abi.ExportRoute).Wasm(), nil)
	set.Current().sets = []string{"x-a"}
	return set
}

// allocated returns the bytes that the process has allocated since it started.
func allocated() uint64 {
	sample := []metrics.Sample{{Name: "/gc/heap/allocs:bytes"}}
	metrics.Read(sample)
	return sample[0].Value.Uint64()
}

// replied has the guest reply with raw, and decodes the reply as a decision.
func replied(set *Set, raw []byte) (d Decision, err error) {
	g, i, err := set.Borrow(context.Background())
	if err != nil {
		return d, err
	}
	defer g.program.Return(i)
	s := i.Services().(*services)
	s.begin()
	err = i.Call(context.Background(), instance.Route, func(buf []byte) int { return copy(buf, raw) },
		func(m abi.Message) error { return s.decode(&d, m, &Request{Target: "/", Host: "example.com"}) })
	return d, err
}

// repeatedHeaders returns a decision with so many header pairs, which all refer to the
// same bytes.
func repeatedHeaders(pairs, length int) []byte {
	n := abi.DecHeader0 + 2*pairs
	b := abi.Begin(make([]byte, abi.BufferSize), uint32(abi.Tenant)|200<<abi.DecStatusShift, n)
	b.Put(abi.DecSchema, "www")
	b.Put(abi.DecDomain, "example.com")
	name := b.Size()
	b.Put(abi.DecHeader0, "x-a")
	b.Put(abi.DecHeader0+1, strings.Repeat("v", length))
	raw := b.Bytes()
	for p := 1; p < pairs; p++ {
		at := 8 + 8*(abi.DecHeader0+2*p)
		binary.LittleEndian.PutUint32(raw[at:], uint32(name))
		binary.LittleEndian.PutUint32(raw[at+4:], 3)
		binary.LittleEndian.PutUint32(raw[at+8:], uint32(name+3))
		binary.LittleEndian.PutUint32(raw[at+12:], uint32(length))
	}
	return raw
}

func TestHeadersThatShareTheirBytesAreRejected_D1(t *testing.T) {
	set := mirrorSet(t)
	for _, c := range []struct {
		pairs int
		want  string
	}{
		{1, ""},
		{2, "overlap"},
		{400, "expected at most"},
	} {
		before := allocated()
		_, err := replied(set, repeatedHeaders(c.pairs, 8<<10))
		if c.want == "" && err != nil || c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)) {
			t.Errorf("%d pairs: %v, want %q", c.pairs, err, c.want)
		}
		if grown := allocated() - before; grown > replyBudget {
			t.Errorf("%d pairs: %d bytes were allocated", c.pairs, grown)
		}
	}
}

// A decision may set at most abi.MaxHeaders headers.
func TestAGuestCannotNameMoreHeadersThanMayBe_D1(t *testing.T) {
	set := mirrorSet(t)
	for n, want := range map[int]bool{abi.MaxHeaders: true, abi.MaxHeaders + 1: false} {
		b := abi.Begin(make([]byte, abi.BufferSize), uint32(abi.Tenant)|200<<abi.DecStatusShift, abi.DecHeader0+2*n)
		b.Put(abi.DecSchema, "www")
		b.Put(abi.DecDomain, "example.com")
		for p := range n {
			b.Put(abi.DecHeader0+2*p, "x-a")
			b.Put(abi.DecHeader0+2*p+1, "v")
		}
		if d, err := replied(set, b.Bytes()); (err == nil) != want {
			t.Errorf("%d headers: %v, %d accepted", n, err, len(d.Headers)/2)
		}
	}
}

// replyBudget is the maximum number of bytes that the host may allocate for one reply:
// all that it may copy, and as much again for the values that contain it.
const replyBudget = 2 * (abi.MaxReply + abi.BufferSize)

// FuzzRepliesTakeBoundedMemory_D1 repeats the last two entries of a reply's table of
// fields, such as a header's name and value: a guest can repeat a field of any length
// for eight bytes.
func FuzzRepliesTakeBoundedMemory_D1(f *testing.F) {
	f.Add(repeatedHeaders(1, 512), uint8(0))
	f.Add(repeatedHeaders(2, 16), uint8(1))
	set := mirrorSet(f)
	f.Fuzz(func(t *testing.T, raw []byte, repeat uint8) {
		raw = repeated(raw, 16*int(repeat))
		// Other goroutines also count towards allocated: the minimum of several tries
		// is what the reply needs.
		var d Decision
		var err error
		grown := uint64(1 << 62)
		for try := 0; try < 5 && grown > replyBudget; try++ {
			before := allocated()
			d, err = replied(set, raw)
			grown = min(grown, allocated()-before)
		}
		if grown > replyBudget {
			t.Fatalf("a reply of %d bytes made the host allocate %d: expected at most %d; error %v", len(raw), grown, replyBudget, err)
		}
		for i := 0; err == nil && i+1 < len(d.Headers); i += 2 {
			if !header.Valid(d.Headers[i], d.Headers[i+1]) || http.CanonicalHeaderKey(d.Headers[i]) == "" {
				t.Fatalf("the header %q: %q was accepted", d.Headers[i], d.Headers[i+1])
			}
		}
	})
}

// repeated returns raw with so many more copies of the last two entries of its table.
func repeated(raw []byte, times int) []byte {
	if len(raw) < 8 {
		return raw
	}
	n := int(binary.LittleEndian.Uint32(raw[4:]))
	if n < 2 || n > 4096 || len(raw) < 8+8*n {
		return raw
	}
	grown := uint32(16 * times)
	out := append([]byte(nil), raw[:8+8*n]...)
	for range times {
		out = append(out, raw[8+8*(n-2):8+8*n]...)
	}
	binary.LittleEndian.PutUint32(out[4:], uint32(n+2*times))
	for i := range n + 2*times {
		if at := out[8+8*i:]; binary.LittleEndian.Uint32(at) != 0 {
			binary.LittleEndian.PutUint32(at, binary.LittleEndian.Uint32(at)+grown)
		}
	}
	return append(out, raw[8+8*n:]...)
}
