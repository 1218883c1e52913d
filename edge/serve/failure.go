package serve

import (
	"fmt"
	"io"
	"net/http"

	"github.com/tenantedge/tenantedge/edge"
)

// refused answers what the Host did not let through. A host name that no tenant
// has goes to the fallback, if one is configured.
func (s *Server) refused(w http.ResponseWriter, r *http.Request, e *edge.RouteError) {
	if s.endedFirst(w, r, e.Status) {
		return
	}
	note := noteOf(r.Context())
	note.reason = e.Reason
	if e.RequestID != "" {
		note.id = e.RequestID // under which the Host has logged it
	}
	if e.Outcome == edge.OutcomeNotFound && s.table.fallback != nil {
		s.table.serveNone(w, r)
		return
	}
	closeUnread(w, r)
	switch e.Status {
	case http.StatusServiceUnavailable:
		w.Header().Set("Retry-After", "1")
	case http.StatusBadRequest, http.StatusMisdirectedRequest:
		w.Header().Set("Connection", "close")
	}
	writeError(w, e.Status, e.RequestID)
}

// endedFirst answers a failure that comes after the end of the server has cut off
// its requests, and reports whether it did. A request that is cut off may fail
// anywhere, with an error of the guest for instance.
func (s *Server) endedFirst(w http.ResponseWriter, r *http.Request, status int) bool {
	if status < http.StatusInternalServerError || s.base.Err() == nil {
		return false
	}
	s.refuseEnding(w, r)
	return true
}

// refuseEnding answers a request that the end of the server cuts off.
func (s *Server) refuseEnding(w http.ResponseWriter, r *http.Request) {
	noteOf(r.Context()).reason = "the edge is shutting down"
	w.Header().Set("Retry-After", "1")
	w.Header().Set("Connection", "close")
	writeError(w, http.StatusServiceUnavailable, "")
}

// closeUnread has the connection of a request closed after the answer if the
// request has a body. net/http would wait for the body before it answers.
func closeUnread(w http.ResponseWriter, r *http.Request) {
	if r.ProtoMajor == 1 && r.Body != nil && r.Body != http.NoBody {
		w.Header().Set("Connection", "close")
	}
}

// writeError answers with a page that says the same to everybody, so that it
// gives nothing away; id leads to the line of the log that says more.
func writeError(w http.ResponseWriter, status int, id string) {
	header := w.Header()
	header.Set("Content-Type", "text/plain; charset=utf-8")
	header.Set("X-Content-Type-Options", "nosniff")
	header.Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	text := fmt.Sprintf("%d %s\n", status, http.StatusText(status))
	if id != "" {
		text += "request " + id + "\n"
	}
	_, _ = io.WriteString(w, text) // the client may be gone
}
