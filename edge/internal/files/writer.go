package files

import (
	"errors"
	"io"
	"net/http"
	"strconv"
	"sync"
)

// sized sets the length of a complete compressed answer, which http.ServeContent
// omits if there is a Content-Encoding. Without it the answer would be chunked, and
// the kernel could not send the file.
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

// unranged sets Accept-Ranges to none.
type unranged struct{ http.ResponseWriter }

func (w *unranged) WriteHeader(code int) {
	w.Header().Set("Accept-Ranges", "none")
	w.ResponseWriter.WriteHeader(code)
}

func (w *unranged) ReadFrom(r io.Reader) (int64, error) { return io.Copy(w.ResponseWriter, r) }
func (w *unranged) Unwrap() http.ResponseWriter         { return w.ResponseWriter }

// unsatisfied answers 416 instead of 200: http.ServeContent has evaluated the
// conditions by then.
type unsatisfied struct {
	http.ResponseWriter
	size     int64
	rejected bool
}

func (w *unsatisfied) WriteHeader(code int) {
	if code == http.StatusOK {
		w.rejected = true
		code = http.StatusRequestedRangeNotSatisfiable
		header := w.Header()
		for _, name := range [...]string{"Content-Encoding", "Content-Disposition", "Content-Type", "Last-Modified", "Etag"} {
			delete(header, name)
		}
		header.Set("Content-Range", "bytes */"+strconv.FormatInt(w.size, 10))
		header.Set("Content-Length", "0")
	}
	w.ResponseWriter.WriteHeader(code)
}

// Write drops the content of a file that is not sent.
func (w *unsatisfied) Write(p []byte) (int, error) {
	if w.rejected {
		return 0, errUnsatisfied
	}
	return w.ResponseWriter.Write(p)
}

func (w *unsatisfied) Unwrap() http.ResponseWriter { return w.ResponseWriter }

// errUnsatisfied ends the copying of a file that is not sent.
var errUnsatisfied = errors.New("files: the range is not satisfiable")

// smallSize is the size, in bytes, up to which copying a file into few writes takes
// less time than sendfile.
const smallSize = 16 << 10

// copying copies files in writes of smallSize bytes. It hides from the
// http.ResponseWriter that the content is a file, which it would pass to sendfile.
type copying struct{ http.ResponseWriter }

func (w *copying) ReadFrom(r io.Reader) (int64, error) {
	buffer := buffers.Get().(*[smallSize]byte)
	defer buffers.Put(buffer)
	total := int64(0)
	for {
		n, err := io.ReadFull(r, buffer[:])
		if n > 0 {
			written, err := w.ResponseWriter.Write(buffer[:n])
			total += int64(written)
			if err != nil {
				return total, err
			}
		}
		switch err {
		case nil:
		case io.EOF, io.ErrUnexpectedEOF:
			return total, nil
		default:
			return total, err
		}
	}
}

func (w *copying) Unwrap() http.ResponseWriter { return w.ResponseWriter }

var buffers = sync.Pool{New: func() any { return new([smallSize]byte) }}

var (
	_ io.ReaderFrom = (*copying)(nil)
	_ io.ReaderFrom = (*sized)(nil)
	_ io.ReaderFrom = (*unranged)(nil)
)
