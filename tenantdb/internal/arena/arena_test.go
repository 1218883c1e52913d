package arena

import (
	"strconv"
	"strings"
	"testing"
)

func TestCopiesStay(t *testing.T) {
	var a Arena
	var got, want []string
	var b []byte
	for i := range 20_000 {
		b = strconv.AppendInt(b[:0], int64(i), 10)
		if i%1000 == 0 {
			b = append(b, strings.Repeat("x", 5*i)...) // up to more than a chunk
		}
		got, want = append(got, a.Copy(b)), append(want, string(b))
	}
	for i := range want {
		if got[i] != want[i] {
			t.Fatalf("string %d changed", i)
		}
	}
}

func TestManyCopiesTakeFewAllocations(t *testing.T) {
	text := []byte("host.example.com")
	allocs := testing.AllocsPerRun(10, func() {
		var a Arena
		for range 10_000 {
			a.Copy(text)
		}
	})
	if allocs > 10 {
		t.Errorf("%v allocations", allocs)
	}
}
