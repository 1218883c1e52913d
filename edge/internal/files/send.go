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

// Options say how files are sent.
type Options struct {
	// Active lets browsers run what they find: HTML, SVG, XML, JavaScript. It
	// is for files of those who run the site, not of those who use it.
	Active bool
	// Precompressed looks for name.br, name.zst and name.gz, for clients that
	// take them.
	Precompressed bool
	// NoRanges sends the file as a whole alone.
	NoRanges bool
	// Descriptions saves some work for files that are sent often; nil: none.
	Descriptions *Descriptions
}

// Send answers r, a GET or HEAD, with a file of fsys. Headers that w has
// already stay: a Content-Type and a Content-Disposition are not replaced. An
// error means that nothing was sent; its chain has fs.ErrNotExist where there
// is no such file, and for a folder, which is none.
//
// The file is sent as it was when it was opened: another that takes its name
// meanwhile is for the next request.
func Send(w http.ResponseWriter, r *http.Request, fsys fs.FS, name string, o Options) error {
	f, info, err := open(fsys, name)
	if err != nil {
		return err
	}
	defer func() { _ = f.Close() }() // it was read alone
	kind := typeOf(name)
	out := w
	if o.Precompressed && kind.compressible {
		w.Header().Add("Vary", "Accept-Encoding")
		if c := compressed(r, fsys, name, info); c.file != nil {
			_ = f.Close() // it was only looked at
			f, info = c.file, c.info
			w.Header().Set("Content-Encoding", c.coding)
			out = &sized{ResponseWriter: w, size: info.Size()}
		}
	}
	return send(out, r, f, info, kind, o)
}

// SendOpen is Send for a file that is open already; its name tells its type.
// It stays open.
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
		return fmt.Errorf("files: %s: expected a file that can be sought in, found %T", info.Name(), f)
	}
	header := w.Header()
	header["X-Content-Type-Options"] = nosniff
	file := o.Descriptions.of(info)
	header["Etag"] = file.tag
	describe(header, kind, o.Active)
	if info.Size() <= small {
		w = &inOne{w}
	}
	if r.Method == http.MethodGet && !o.NoRanges && isPlain(r.Header) {
		return sendWhole(w, content, file)
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

// isPlain reports whether a request asks for nothing but the file.
func isPlain(header http.Header) bool {
	for _, name := range [...]string{"Range", "If-None-Match", "If-Modified-Since", "If-Match", "If-Unmodified-Since"} {
		if _, ok := header[name]; ok {
			return false
		}
	}
	return true
}

// sendWhole is what http.ServeContent does for a plain request, in less time.
func sendWhole(w http.ResponseWriter, content io.Reader, file *description) error {
	header := w.Header()
	header["Accept-Ranges"] = byteRanges
	if file.modified != nil {
		header["Last-Modified"] = file.modified
	}
	header["Content-Length"] = file.length
	w.WriteHeader(http.StatusOK)
	_, _ = io.CopyN(w, content, file.size) // the client may be gone; net/http closes what came out short
	return nil
}

// Values of headers that are always the same. Nobody changes them in place.
var (
	nosniff    = []string{"nosniff"}
	byteRanges = []string{"bytes"}
)

// describe sets the headers that say what the file is, and keeps a browser
// from running it unless active content is trusted. A Content-Type that is no
// single plain type is replaced by that of unknown bytes: readers of it differ,
// and one of them may see a page.
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
		// A page that can be made to name a script loads it whatever its
		// disposition; of another type, and without sniffing, it does not.
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
		_ = f.Close() // it was only looked at
		return nil, nil, missing(name)
	}
	return f, info, nil
}

func missing(name string) error {
	return &fs.PathError{Op: "open", Path: name, Err: fs.ErrNotExist}
}

// Name is the name inside a file system that the path of a URL, decoded, means
// below prefix; false if it means none. There is one path to a name: no
// doubled slashes, no dots, and no backslash, which URLs that are made of names
// turn into a slash.
func Name(path, prefix string) (string, bool) {
	name, ok := strings.CutPrefix(path, prefix)
	if !ok || name == "." || !fs.ValidPath(name) || strings.ContainsAny(name, "\x00\\") {
		return "", false
	}
	return name, true
}

// Exhausted reports whether a file could not be opened because too many are, so
// that it may well be there.
func Exhausted(err error) bool {
	return errors.Is(err, syscall.EMFILE) || errors.Is(err, syscall.ENFILE)
}
