// Package errorpage writes the page of a request that is not served:
//
//	errorpage.Write(w, r, http.StatusNotFound, "")
//
// Operators replace it, for browsers, by [Pages] in the context of the request.
package errorpage

import (
	"fmt"
	"io"
	"net/http"
	"strconv"
)

// Write writes a plain-text page, or that of the operator, with the status and,
// unless it is empty, the request id, which the log record has too. The page is the
// same for every tenant, so that it does not reveal which tenants exist. A 503 asks
// clients to retry after a second.
func Write(w http.ResponseWriter, r *http.Request, status int, requestID string) {
	header := w.Header()
	header.Set("X-Content-Type-Options", "nosniff")
	header.Set("Cache-Control", "no-store")
	if status == http.StatusServiceUnavailable {
		header.Set("Retry-After", "1")
	}
	text, kind := "", "text/plain; charset=utf-8"
	if p := pagesOf(r).of(status); p != nil {
		header.Add("Vary", "Accept")
		if prefersHTML(r) {
			text, kind = p.render(status, requestID), "text/html; charset=utf-8"
		}
	}
	if text == "" {
		text = fmt.Sprintf("%d %s\n", status, http.StatusText(status))
		if requestID != "" {
			text += "request " + requestID + "\n"
		}
	}
	header.Set("Content-Type", kind)
	header.Set("Content-Length", strconv.Itoa(len(text)))
	w.WriteHeader(status)
	if r.Method != http.MethodHead {
		_, _ = io.WriteString(w, text) // the client may have disconnected
	}
}

// WriteUnrouted is Write for a request that was not routed. It closes the
// connection after 400, since client and edge may disagree about where requests
// begin, and after 421, so that the client retries on another connection.
func WriteUnrouted(w http.ResponseWriter, r *http.Request, status int, requestID string) {
	if status == http.StatusMisdirectedRequest || status == http.StatusBadRequest {
		w.Header().Set("Connection", "close")
	}
	Write(w, r, status, requestID)
}
