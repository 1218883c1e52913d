package files

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"strings"
	"syscall"

	"github.com/tenantedge/tenantedge/edge/storage/backend"
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
}

// Send answers r, a GET or HEAD, with a file of fsys. If w has a Content-Type or a
// Content-Disposition, it applies to the file, as far as it is safe. An error means
// that nothing was sent; it matches fs.ErrNotExist for a missing file and for a folder.
//
// The opened file is sent, even if another takes its name meanwhile.
func Send(w http.ResponseWriter, r *http.Request, fsys fs.FS, name string, o Options) error {
	f, info, err := open(fsys, name)
	if err != nil {
		return err
	}
	defer func() { _ = f.Close() }() // nothing was written
	kind := typeOf(name)
	out := w
	if o.Precompressed && kind.compressible {
		w.Header().Add("Vary", "Accept-Encoding")
		if c := compressed(r, fsys, name, info); c.file != nil {
			_ = f.Close() // nothing was written
			f, info = c.file, c.info
			w.Header().Set("Content-Encoding", c.coding)
			out = &sized{ResponseWriter: w, size: info.Size()}
		}
	}
	return send(out, r, f, info, kind, o)
}

// SendOpen is Send for an open file, whose type is determined by name. It does not
// close the file.
func SendOpen(w http.ResponseWriter, r *http.Request, f fs.File, name string, o Options) error {
	info, err := f.Stat()
	if err != nil {
		return err
	}
	if !info.Mode().IsRegular() {
		return missing(name)
	}
	return send(w, r, f, info, typeOf(name), o)
}

func send(w http.ResponseWriter, r *http.Request, f fs.File, info fs.FileInfo, kind contentType, o Options) error {
	content, ok := f.(io.ReadSeeker)
	if !ok {
		return fmt.Errorf("files: %s: expected an io.ReadSeeker, found %T", info.Name(), f)
	}
	header := w.Header()
	header["X-Content-Type-Options"] = nosniff
	file := o.Descriptions.of(info)
	header["Etag"] = file.tag
	describe(header, kind, o.Active)
	if info.Size() <= smallSize {
		w = &copying{w}
	}
	if r.Method == http.MethodGet && !o.NoRanges && isPlain(r.Header) {
		return sendAll(w, content, file)
	}
	if o.NoRanges {
		w = &unranged{w}
	}
	r, satisfiable := canonical(r, file, o.NoRanges)
	if !satisfiable {
		w = &unsatisfied{w, file.size, false}
	}
	http.ServeContent(w, r, "", info.ModTime(), content)
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
func sendAll(w http.ResponseWriter, content io.Reader, file *description) error {
	header := w.Header()
	header["Accept-Ranges"] = byteRanges
	if file.modified != nil {
		header["Last-Modified"] = file.modified
	}
	header["Content-Length"] = file.length
	w.WriteHeader(http.StatusOK)
	_, _ = io.CopyN(w, content, file.size) // if the client has disconnected, net/http closes the connection
	return nil
}

// Constant header values, which must not be modified.
var (
	nosniff    = []string{"nosniff"}
	byteRanges = []string{"bytes"}
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
		kind = contentType{name: octets}
		if ok {
			kind = contentType{name: given[0], danger: dangerOf(essence)}
		}
	case trusted:
		kind.danger = harmless
	}
	switch kind.danger {
	case harmless:
		header["Content-Type"] = []string{kind.name}
		return
	case script:
		// A page loads a script whatever its disposition. With another type and
		// nosniff, browsers do not run it.
		kind.name = octets
	}
	header.Set("Content-Type", kind.name)
	header.Set("Content-Disposition", asAttachment(header["Content-Disposition"]))
	header.Set("Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'; sandbox")
}

// open opens a regular file.
func open(fsys fs.FS, name string) (fs.File, fs.FileInfo, error) {
	f, info, err := backend.OpenInfo(fsys, name)
	if err != nil {
		return nil, nil, err
	}
	if !info.Mode().IsRegular() {
		_ = f.Close() // nothing was written
		return nil, nil, missing(name)
	}
	return f, info, nil
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
