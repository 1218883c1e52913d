package tenancy_test

import (
	"testing"

	"github.com/tenantedge/tenantedge/guest/tenancy"
)

func TestDistinctCacheKeysEscapeColons_B9(t *testing.T) {
	if one, two := tenancy.CacheKey("t1", "a:b", "1", "k"), tenancy.CacheKey("t1", "a", "b:1", "k"); one != two {
		t.Errorf("CacheKey returns %q and %q, want equal keys as documented", one, two)
	}
	for _, c := range []struct{ prefix, version, key, want string }{
		{"a", "1", "k:k%", "t1:a:1:k:k%"},
		{"a:b", "1", "k", "t1:a%3Ab:1:k"},
		{"a", "b:1", "k", "t1:a:b%3A1:k"},
		{"a%3Ab", "1", "k", "t1:a%253Ab:1:k"},
	} {
		if got := tenancy.DistinctCacheKey("t1", c.prefix, c.version, c.key); got != c.want {
			t.Errorf("DistinctCacheKey(t1, %q, %q, %q) = %q, want %q", c.prefix, c.version, c.key, got, c.want)
		}
	}
}

// FuzzDistinctCacheKey checks that different arguments have different keys, and
// that ReverseKey returns the key.
func FuzzDistinctCacheKey(f *testing.F) {
	f.Add("a:b", "1", "k", "a", "b:1", "k")
	f.Add("a%3Ab", "1", "k", "a:b", "1", "k")
	f.Add("", ":", "", ":", "", "")
	f.Add("%", "3A:", "k", "%3A", "", ":k")
	f.Fuzz(func(t *testing.T, prefix1, version1, key1, prefix2, version2, key2 string) {
		one, two := tenancy.DistinctCacheKey("t1", prefix1, version1, key1), tenancy.DistinctCacheKey("t1", prefix2, version2, key2)
		same := prefix1 == prefix2 && version1 == version2 && key1 == key2
		if (one == two) != same {
			t.Errorf("(%q, %q, %q) has the key %q, and (%q, %q, %q) the key %q", prefix1, version1, key1, one, prefix2, version2, key2, two)
		}
		if reversed, err := tenancy.ReverseKey(one); err != nil || reversed != key1 {
			t.Errorf("ReverseKey(%q) = %q, %v, want %q", one, reversed, err, key1)
		}
	})
}
