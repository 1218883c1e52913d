package trust

import (
	"io"
	"maps"
	"net/http"
)

// CleanTrailer removes from the trailer of q the fields that must not be passed on
// from a peer. They arrive at the end of the body.
func (r *Rules) CleanTrailer(q *http.Request, trusted bool) {
	if len(q.Trailer) == 0 || q.Body == nil {
		return
	}
	q.Body = &trailed{ReadCloser: q.Body, guard: r.guard, trailer: q.Trailer, trusted: trusted}
	r.guard.trailer(q.Trailer, trusted)
}

// trailed is a body that cleans its trailer once the trailer has arrived.
type trailed struct {
	io.ReadCloser
	guard   *guard
	trailer http.Header
	trusted bool
}

func (b *trailed) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	if err != nil {
		b.guard.trailer(b.trailer, b.trusted)
	}
	return n, err
}

// trailer removes from a trailer the fields that must not be passed on. Fields that
// name a tenant are always removed: routing reads only the head.
func (g *guard) trailer(trailer http.Header, trusted bool) {
	maps.DeleteFunc(trailer, func(name string, _ []string) bool { return g.kind(name) == claim || g.removes(name, trusted) })
}
