// Package files answers HTTP requests with files: whole or in ranges, on
// conditions, compressed where a compressed neighbour lies beside the file, and
// so that nothing which users uploaded runs in the browsers of others.
//
//	folder, err := files.OpenFolder("/srv/site")
//	…
//	if err := files.Send(w, r, folder, "style.css", files.Options{}); err != nil {
//		http.Error(w, "missing", http.StatusNotFound) // nothing was sent
//	}
//
// Who may have a file is decided before; see package serve.
package files
