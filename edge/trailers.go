package edge

import (
	"io"
	"maps"
	"net/http"
)

// trailerless has the trailer of r hold nothing that clients must not send. What
// a trailer holds arrives with the end of the body.
func (h *Host) trailerless(r *http.Request, trusted bool) {
	if len(r.Trailer) == 0 || r.Body == nil {
		return
	}
	r.Body = &trailed{ReadCloser: r.Body, host: h, trailer: r.Trailer, trusted: trusted}
	h.strip.trailer(r.Trailer, trusted)
}

// trailed is a body with a trailer, which is cleaned when it has arrived.
type trailed struct {
	io.ReadCloser
	host    *Host
	trailer http.Header
	trusted bool
}

func (b *trailed) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	if err != nil {
		b.host.strip.trailer(b.trailer, b.trusted)
	}
	return n, err
}

// trailer removes from a trailer what clients must not send. No trailer claims
// a tenant, whoever sends it: routing has looked at the head alone.
func (s stripper) trailer(trailer http.Header, trusted bool) {
	s.tenant(trailer)
	kept := s.clean(trailer, trusted)
	maps.DeleteFunc(trailer, func(name string, _ []string) bool {
		_, ok := kept[name]
		return !ok
	})
}
