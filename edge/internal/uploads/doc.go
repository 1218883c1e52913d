// Package uploads accepts files from HTTP clients into a tenant's storage:
// complete files by PUT, files in parts by the tus protocol (version 1.0). DELETE
// removes files.
//
//	h := uploads.New(uploads.Options{Resumable: true, Tag: files.Tag})
//	…
//	if a, ok := h.Action(r, view, path); ok { // otherwise the request reads
//		// Check that a.Method is allowed for a.Name; then
//		h.Serve(w, r, a)
//	}
//
// A PUT without If-Match never overwrites a file. A request that fails leaves
// nothing, except the parts of a resumable upload, which expire.
//
// The caller authorizes requests by Action.Method: PUT for everything that adds
// to a file, resumable or not.
package uploads
