package object

import (
	"context"
	"net/http"

	"github.com/minio/minio-go/v7"
)

// etag is the ETag of the object that a new one replaces.
type etag string

// none means that the key must be free.
const none etag = ""

// condition makes the server reject a request that would replace another object.
func (e etag) condition(o *minio.PutObjectOptions) {
	if e == none {
		o.SetMatchETagExcept("*")
		return
	}
	o.SetMatchETag(string(e))
}

// conditional adds If-Match to removals, for which minio-go has no option. The
// header is not signed; S3 does not require it.
type conditional struct{ next http.RoundTripper }

type onlyTag struct{}

func (c conditional) RoundTrip(r *http.Request) (*http.Response, error) {
	if tag, ok := r.Context().Value(onlyTag{}).(string); ok && r.Method == http.MethodDelete {
		r = r.Clone(r.Context())
		r.Header.Set("If-Match", `"`+tag+`"`)
	}
	return c.next.RoundTrip(r)
}

// removeOnly removes the object of a key that has a tag. A server that ignores
// the condition removes any object of the key.
func (s *Storage) removeOnly(ctx context.Context, key, tag string) error {
	return s.remove(context.WithValue(ctx, onlyTag{}, tag), key)
}
