package files

import (
	"errors"
	"io"
	"net/http"
	"strconv"
	"sync"
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

// unsatisfied answers 416 where the whole file would be sent: conditions were
// looked at, and allow an answer.
type unsatisfied struct {
	http.ResponseWriter
	size    int64
	refused bool
}

func (w *unsatisfied) WriteHeader(code int) {
	if code == http.StatusOK {
		w.refused = true
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

// Write drops what there is of a file that is not sent.
func (w *unsatisfied) Write(p []byte) (int, error) {
	if w.refused {
		return 0, errUnsatisfied
	}
	return w.ResponseWriter.Write(p)
}

func (w *unsatisfied) Unwrap() http.ResponseWriter { return w.ResponseWriter }

// errUnsatisfied ends the copying of a file that is not sent.
var errUnsatisfied = errors.New("files: the range is not satisfiable")

// small is up to which size a file goes out with its head in few writes, which
// takes less than to have the kernel send it behind the head.
const small = 16 << 10

// inOne writes what it is given to read in one piece. It keeps from
// http.ResponseWriter that there is a file.
type inOne struct{ http.ResponseWriter }

func (w *inOne) ReadFrom(r io.Reader) (int64, error) {
	buffer := buffers.Get().(*[small]byte)
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

func (w *inOne) Unwrap() http.ResponseWriter { return w.ResponseWriter }

var buffers = sync.Pool{New: func() any { return new([small]byte) }}

var (
	_ io.ReaderFrom = (*inOne)(nil)
	_ io.ReaderFrom = (*sized)(nil)
	_ io.ReaderFrom = (*unranged)(nil)
)
