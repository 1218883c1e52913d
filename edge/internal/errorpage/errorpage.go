// Package errorpage writes the page of a request that is not served:
//
//	errorpage.Write(w, http.StatusNotFound, "")
package errorpage

import (
	"fmt"
	"io"
	"net/http"
)

// Write writes a plain-text page with the status and, unless it is empty, the
// request id, which the log record has too. The page is the same for every
// tenant, so that it does not reveal which tenants exist. A 503 asks clients to
// retry after a second.
func Write(w http.ResponseWriter, status int, requestID string) {
	header := w.Header()
	header.Set("Content-Type", "text/plain; charset=utf-8")
	header.Set("X-Content-Type-Options", "nosniff")
	header.Set("Cache-Control", "no-store")
	if status == http.StatusServiceUnavailable {
		header.Set("Retry-After", "1")
	}
	w.WriteHeader(status)
	text := fmt.Sprintf("%d %s\n", status, http.StatusText(status))
	if requestID != "" {
		text += "request " + requestID + "\n"
	}
	_, _ = io.WriteString(w, text) // the client may have disconnected
}

// WriteUnrouted is Write for a request that was not routed. It closes the
// connection after 400, since client and edge may disagree about where requests
// begin, and after 421, so that the client retries on another connection.
func WriteUnrouted(w http.ResponseWriter, status int, requestID string) {
	if status == http.StatusMisdirectedRequest || status == http.StatusBadRequest {
		w.Header().Set("Connection", "close")
	}
	Write(w, status, requestID)
}
