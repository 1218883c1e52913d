package serve

import "net/http"

// closing is a ResponseWriter that closes the client's connection after the
// answer, whatever headers the handler sets.
type closing struct {
	http.ResponseWriter
	wrote bool
}

func (w *closing) Unwrap() http.ResponseWriter { return w.ResponseWriter }

func (w *closing) WriteHeader(status int) {
	if status >= http.StatusOK {
		w.wrote = true
		w.Header().Set("Connection", "close")
	}
	w.ResponseWriter.WriteHeader(status)
}

func (w *closing) Write(p []byte) (int, error) {
	if !w.wrote {
		w.WriteHeader(http.StatusOK)
	}
	return w.ResponseWriter.Write(p)
}
