package files

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"strings"
	"syscall"
)

// Options configures how files are sent.
type Options struct {
	// Active allows files to run in browsers: HTML, SVG, XML, JavaScript. It is for
	// files of the site's operator, not for uploads.
	Active bool
	// Precompressed sends name.br, name.zst or name.gz to clients that accept it.
	Precompressed bool
	// NoRanges ignores Range.
	NoRanges bool
	// Descriptions caches header values; nil: no cache.
	Descriptions *Descriptions
	// Cache keeps small files in memory; nil: none.
	Cache *Cache
}

// Send answers r, a GET or HEAD, with a file of fsys. If w has a Content-Type or a
// Content-Disposition, it applies to the file, as far as it is safe. An error means
// that nothing was sent; it matches fs.ErrNotExist for a missing file and for a folder.
//
// The opened file is sent, even if another takes its name meanwhile.
func Send(w http.ResponseWriter, r *http.Request, fsys fs.FS, name string, o Options) error {
	f, err := Open(fsys, name, o)
	if err != nil {
		return err
	}
	defer func() { f.Close() }()
	kind := typeOf(name)
	if !o.Precompressed || !kind.compressible {
		return f.send(w, r, kind, false, o)
	}
	header := w.Header()
	if header["Vary"] == nil {
		header["Vary"] = acceptEncoding
	} else {
		header.Add("Vary", acceptEncoding[0])
	}
	c, coding := compressed(r, fsys, name, f.info, o)
	if coding == nil {
		return f.send(w, r, kind, false, o)
	}
	f.Close()
	f = c
	header["Content-Encoding"] = coding
	return f.send(w, r, kind, true, o)
}

// Send is the function Send for an open file, whose type is determined by name. It
// does not close the file.
func (f *File) Send(w http.ResponseWriter, r *http.Request, name string, o Options) error {
	return f.send(w, r, typeOf(name), false, o)
}

func (f *File) send(w http.ResponseWriter, r *http.Request, kind contentType, isCoded bool, o Options) error {
	content, ok := f.file.(io.ReadSeeker)
	if f.kept == nil && !ok {
		return fmt.Errorf("files: %s: expected an io.ReadSeeker, found %T", f.info.Name(), f.file)
	}
	header := w.Header()
	header["X-Content-Type-Options"] = nosniff
	file := f.describe(o.Descriptions)
	header["Etag"] = file.tag
	describe(header, kind, o.Active)
	if r.Method == http.MethodGet && !o.NoRanges && isPlain(r.Header) {
		f.sendAll(w, file)
		return nil
	}
	if isCoded {
		w = &sized{w, file.size}
	}
	if f.kept != nil {
		content = bytes.NewReader(f.kept.content)
	}
	if file.size <= smallSize {
		w = &copying{w}
	}
	if o.NoRanges {
		w = &unranged{w}
	}
	r, satisfiable := canonical(r, file, o.NoRanges)
	if !satisfiable {
		w = &unsatisfied{w, file.size, false}
	}
	http.ServeContent(w, r, "", f.info.ModTime(), content)
	return nil
}

// isPlain reports whether a request has neither a range nor conditions.
func isPlain(header http.Header) bool {
	for _, name := range [...]string{"Range", "If-None-Match", "If-Modified-Since", "If-Match", "If-Unmodified-Since"} {
		if _, ok := header[name]; ok {
			return false
		}
	}
	return true
}

// sendAll does what http.ServeContent does for a plain request, in less time.
func (f *File) sendAll(w http.ResponseWriter, file *description) {
	header := w.Header()
	header["Accept-Ranges"] = byteRanges
	if file.modified != nil {
		header["Last-Modified"] = file.modified
	}
	header["Content-Length"] = file.length
	w.WriteHeader(http.StatusOK)
	// If the client has disconnected, net/http closes the connection.
	switch {
	case f.kept != nil:
		_, _ = w.Write(f.kept.content)
	case file.size <= smallSize:
		_, _ = io.CopyN(&copying{w}, f.file, file.size)
	default:
		_, _ = io.CopyN(w, f.file, file.size)
	}
}

// Constant header values, which must not be modified.
var (
	nosniff        = []string{"nosniff"}
	byteRanges     = []string{"bytes"}
	acceptEncoding = []string{"Accept-Encoding"}
)

// describe sets the headers about the file's type. Unless active content is
// trusted, they prevent a browser from running it. A Content-Type that is not a
// single plain type is replaced by application/octet-stream: parsers read it
// differently, and one may take it for a page.
func describe(header http.Header, kind contentType, trusted bool) {
	given := header["Content-Type"]
	isGiven := len(given) > 1 || len(given) == 1 && given[0] != ""
	switch {
	case isGiven && trusted:
		return
	case isGiven:
		essence, ok := essenceOf(given)
		kind = unknown
		if ok {
			kind = contentType{value: given, danger: dangerOf(essence)}
		}
	case trusted:
		kind.danger = harmless
	}
	switch kind.danger {
	case harmless:
		header["Content-Type"] = kind.value
		return
	case script:
		// A page loads a script whatever its disposition. With another type and
		// nosniff, browsers do not run it.
		kind.value = unknown.value
	}
	header["Content-Type"] = kind.value
	header.Set("Content-Disposition", asAttachment(header["Content-Disposition"]))
	header.Set("Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'; sandbox")
}

func missing(name string) error {
	return &fs.PathError{Op: "open", Path: name, Err: fs.ErrNotExist}
}

// Name returns the name in a file system of a decoded URL path below prefix; false
// if the path has none. Each name has one path: without double slashes, dot
// segments, and backslashes, which URLs that are made from names turn into
// slashes.
func Name(path, prefix string) (string, bool) {
	name, ok := strings.CutPrefix(path, prefix)
	if !ok || name == "." || !fs.ValidPath(name) || strings.ContainsAny(name, "\x00\\") {
		return "", false
	}
	return name, true
}

// Exhausted reports whether a file could not be opened because too many files are
// open, so that it may exist.
func Exhausted(err error) bool {
	return errors.Is(err, syscall.EMFILE) || errors.Is(err, syscall.ENFILE)
}
