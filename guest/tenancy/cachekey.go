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
// gives it. An empty schema means PublicSchema.
func CacheKey(schema, prefix, version, key string) string {
	if schema == "" {
		schema = PublicSchema
	}
	return schema + ":" + prefix + ":" + version + ":" + key
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
