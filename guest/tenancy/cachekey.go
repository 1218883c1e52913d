package tenancy

import (
	"errors"
	"strings"
)

// PublicSchema is whose keys and files are meant outside of any tenant.
const PublicSchema = "public"

// ErrReverseKey says that a cache key is none that CacheKey gives.
var ErrReverseKey = errors.New("cache key has fewer than three colons: expected schema:prefix:version:key")

// CacheKey is schema:prefix:version:key, as django_pgschemas.contrib.cache
// gives it. An empty schema means PublicSchema. Keys of two tenants always
// differ, for no schema has a colon. Within a tenant they do where prefix and
// version have none: of prefix "a:b" and version "1", and of prefix "a" and
// version "b:1", the keys are the same. See [DistinctCacheKey].
func CacheKey(schema, prefix, version, key string) string {
	if schema == "" {
		schema = PublicSchema
	}
	return schema + ":" + prefix + ":" + version + ":" + key
}

// DistinctCacheKey is CacheKey with percent and colon of prefix and version
// written as %25 and %3A, so that the keys of different arguments always differ.
// Where prefix and version have neither it is CacheKey, and ReverseKey gives back
// the key of both.
func DistinctCacheKey(schema, prefix, version, key string) string {
	return CacheKey(schema, DistinctPart(prefix), DistinctPart(version), key)
}

// DistinctPart is a prefix or a version as [DistinctCacheKey] writes it.
func DistinctPart(s string) string {
	if !strings.ContainsAny(s, "%:") {
		return s
	}
	return strings.ReplaceAll(strings.ReplaceAll(s, "%", "%25"), ":", "%3A")
}

// ReverseKey is what follows the third colon of a cache key.
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
