package object

import (
	"context"
	"net/http"

	"github.com/minio/minio-go/v7"
)

// seen is the ETag of the object that a new one takes the place of.
type seen string

// none is for an object whose key is free.
const none seen = ""

// condition has the server refuse what would take the place of another.
func (s seen) condition(o *minio.PutObjectOptions) {
	if s == none {
		o.SetMatchETagExcept("*")
		return
	}
	o.SetMatchETag(string(s))
}

// conditional adds to requests the condition that minio-go has no option for:
// that of a removal. It is not signed, as no header of HTTP's own needs to be.
type conditional struct{ next http.RoundTripper }

type onlyTag struct{}

func (c conditional) RoundTrip(r *http.Request) (*http.Response, error) {
	if tag, ok := r.Context().Value(onlyTag{}).(string); ok && r.Method == http.MethodDelete {
		r = r.Clone(r.Context())
		r.Header.Set("If-Match", `"`+tag+`"`)
	}
	return c.next.RoundTrip(r)
}

// removeOnly removes the object of a key that has a tag. Where the server does
// not honour that, it removes whichever has the key.
func (s *Storage) removeOnly(ctx context.Context, key, tag string) error {
	return s.remove(context.WithValue(ctx, onlyTag{}, tag), key)
}
