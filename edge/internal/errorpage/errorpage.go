// Package errorpage writes the page of a request that is not served:
//
//	errorpage.Write(w, r, http.StatusNotFound)
//
// Operators replace it, for browsers, by [Pages] in the context of the request.
package errorpage

import (
	"cmp"
	"fmt"
	"io"
	"net/http"
	"strconv"

	"github.com/tenantedge/tenantedge/edge/internal/requestid"
)

// Write writes a plain-text page, or that of the operator, with the status, the id of
// the request and, in plain text, that of its trace, if it has one. Log records have
// the same ids. The id of the request is also in the header; Write makes one if the
// context of r has none. Otherwise the page is the same for every tenant, so that it
// does not reveal which tenants exist. A 503 asks clients to retry after a second.
func Write(w http.ResponseWriter, r *http.Request, status int) {
	header := w.Header()
	header.Set("X-Content-Type-Options", "nosniff")
	header.Set("Cache-Control", "no-store")
	if status == http.StatusServiceUnavailable {
		header.Set("Retry-After", "1")
	}
	id := SetID(w, r)
	text, kind := "", "text/plain; charset=utf-8"
	if p := pagesOf(r).of(status); p != nil {
		header.Add("Vary", "Accept")
		if prefersHTML(r) {
			text, kind = p.render(status, id), "text/html; charset=utf-8"
		}
	}
	if text == "" {
		text = fmt.Sprintf("%d %s\nrequest %s\n", status, http.StatusText(status), id)
		if trace := requestid.TraceOf(r.Context()); trace != "" {
			text += "trace " + trace + "\n"
		}
	}
	header.Set("Content-Type", kind)
	header.Set("Content-Length", strconv.Itoa(len(text)))
	w.WriteHeader(status)
	if r.Method != http.MethodHead {
		_, _ = io.WriteString(w, text) // the client may have disconnected
	}
}

// SetID sets the header with the id of the request, for refusals without a page. It
// returns the id.
func SetID(w http.ResponseWriter, r *http.Request) string {
	id := cmp.Or(requestid.Of(r.Context()), w.Header().Get(requestid.Header))
	if id == "" {
		id = requestid.New()
	}
	w.Header()[requestid.Header] = []string{id}
	return id
}

// WriteUnrouted is Write for a request that was not routed. It closes the
// connection after 400, since client and edge may disagree about where requests
// begin, and after 421, so that the client retries on another connection.
func WriteUnrouted(w http.ResponseWriter, r *http.Request, status int) {
	if status == http.StatusMisdirectedRequest || status == http.StatusBadRequest {
		w.Header().Set("Connection", "close")
	}
	Write(w, r, status)
}
