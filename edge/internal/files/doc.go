// Package files answers HTTP requests with files. It supports ranges, conditional
// requests and precompressed files, and prevents uploaded files from running in
// other users' browsers.
//
//	folder, err := files.OpenFolder("/srv/site")
//	…
//	if err := files.Send(w, r, folder, "style.css", files.Options{}); err != nil {
//		http.Error(w, "missing", http.StatusNotFound) // nothing was sent
//	}
//
// The caller authorizes the request first.
package files
