package serve

import "net/http"

// closing has a client's connection closed after the answer, however that is
// made.
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
