// Package uploads takes files from HTTP clients into a tenant's storage: whole
// by PUT, in parts by the tus protocol (version 1.0), and away by DELETE.
//
//	h := uploads.New(uploads.Options{Resumable: true, Tag: files.Tag})
//	…
//	if a, ok := h.Action(r, view, path); ok { // else r reads
//		// Ask whether a.Method is allowed for a.Name; then
//		h.Serve(w, r, a)
//	}
//
// A PUT without If-Match never overwrites. Whatever fails half-way leaves
// nothing behind, but for the parts of an upload that can be resumed, which
// expire.
//
// Who may upload is decided before, by Action.Method: PUT for all that adds to
// a file, resumable or not.
package uploads
