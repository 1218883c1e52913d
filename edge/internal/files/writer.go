package files

import (
	"io"
	"net/http"
	"strconv"
)

// sized tells the length of a whole compressed answer, which http.ServeContent
// leaves out where there is a Content-Encoding. Without it the answer would be
// sent in chunks, and the kernel could not send it.
type sized struct {
	http.ResponseWriter
	size int64
}

func (w *sized) WriteHeader(code int) {
	if code == http.StatusOK {
		w.Header().Set("Content-Length", strconv.FormatInt(w.size, 10))
	}
	w.ResponseWriter.WriteHeader(code)
}

func (w *sized) ReadFrom(r io.Reader) (int64, error) { return io.Copy(w.ResponseWriter, r) }
func (w *sized) Unwrap() http.ResponseWriter         { return w.ResponseWriter }

// unranged says that there are no ranges to be had.
type unranged struct{ http.ResponseWriter }

func (w *unranged) WriteHeader(code int) {
	w.Header().Set("Accept-Ranges", "none")
	w.ResponseWriter.WriteHeader(code)
}

func (w *unranged) ReadFrom(r io.Reader) (int64, error) { return io.Copy(w.ResponseWriter, r) }
func (w *unranged) Unwrap() http.ResponseWriter         { return w.ResponseWriter }

var (
	_ io.ReaderFrom = (*sized)(nil)
	_ io.ReaderFrom = (*unranged)(nil)
)
