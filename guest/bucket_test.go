//go:build !wasip1

package guest

import (
	"strconv"
	"testing"
)

func TestBucketsAreStableAndEven(t *testing.T) {
	if got := [...]int{Bucket(1000, "a", "b"), Bucket(1000, "ab"), Bucket(1000, "b", "a"), Bucket(1000)}; got != [...]int{735, 567, 376, 342} {
		t.Errorf("buckets are %v: expected those that the documentation promises to keep", got)
	}
	const clients = 20000
	for _, n := range []int{2, 10, 100} {
		count := make([]int, n)
		for i := range clients {
			count[Bucket(n, "experiment", strconv.Itoa(i))]++
		}
		for bucket, got := range count {
			if want := clients / n; got < want*7/10 || got > want*13/10 {
				t.Errorf("bucket %d of %d has %d of %d clients: expected about %d", bucket, n, got, clients, want)
			}
		}
	}
}

func TestTheFirstCookieOfANameIsRead(t *testing.T) {
	for _, c := range []struct{ header, want string }{
		{"a=1", "1"}, {"b=2; a=1", "1"}, {"b=2;a=1;a=3", "1"}, {"b=2\na=1", "1"}, {" \ta=1=2 ;", "1=2"}, {"a=", ""}, {`a="1"`, `"1"`},
	} {
		if got, ok := Cookie(c.header, "a"); got != c.want || !ok {
			t.Errorf("%q: cookie a is %q, %v: expected %q", c.header, got, ok, c.want)
		}
	}
	for _, header := range []string{"", "a", "aa=1", "A=1", "b=a=1", "; ;\n", "b=1, a=1"} {
		if got, ok := Cookie(header, "a"); ok {
			t.Errorf("%q: cookie a is %q: expected none", header, got)
		}
	}
}
