package tenancy

import (
	"errors"
	"strings"
)

// PublicSchema is the schema of keys and files outside of any tenant.
const PublicSchema = "public"

// ErrReverseKey is the error of ReverseKey for a key that CacheKey cannot return.
var ErrReverseKey = errors.New("cache key has fewer than three colons: expected schema:prefix:version:key")

// CacheKey returns schema:prefix:version:key, as django_pgschemas.contrib.cache
// does. An empty schema means PublicSchema. Keys of different tenants differ, as
// no schema has a colon. Keys of one tenant may be equal if a prefix or version
// has a colon, as for prefix "a:b" with version "1" and prefix "a" with version
// "b:1". See [DistinctCacheKey].
func CacheKey(schema, prefix, version, key string) string {
	if schema == "" {
		schema = PublicSchema
	}
	return schema + ":" + prefix + ":" + version + ":" + key
}

// DistinctCacheKey is CacheKey with "%" and ":" in prefix and version escaped as
// %25 and %3A, so that different arguments have different keys. ReverseKey works
// for its keys too.
func DistinctCacheKey(schema, prefix, version, key string) string {
	return CacheKey(schema, DistinctPart(prefix), DistinctPart(version), key)
}

// DistinctPart escapes a prefix or a version as [DistinctCacheKey] does.
func DistinctPart(s string) string {
	if !strings.ContainsAny(s, "%:") {
		return s
	}
	return strings.ReplaceAll(strings.ReplaceAll(s, "%", "%25"), ":", "%3A")
}

// ReverseKey returns the part of a cache key after its third colon.
func ReverseKey(cacheKey string) (string, error) {
	rest := cacheKey
	for range 3 {
		_, after, ok := strings.Cut(rest, ":")
		if !ok {
			return "", ErrReverseKey
		}
		rest = after
	}
	return rest, nil
}
