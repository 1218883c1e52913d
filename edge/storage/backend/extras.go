package backend

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"time"

	"github.com/tenantedge/tenantedge/edge/storage"
)

// Extras are what a view can do beyond [storage.View]. A field is nil if the
// view cannot.
type Extras struct {
	Editor   Editor
	Partials Partials
	Meter    Meter
	Linker   Linker
}

// ExtrasOf returns the extras of a view. This and the two functions below are
// the only places that look for them.
func ExtrasOf(v storage.View) (x Extras) {
	v = unwrapped(v)
	x.Editor, _ = v.(Editor)
	x.Partials, _ = v.(Partials)
	x.Meter, _ = v.(Meter)
	x.Linker, _ = v.(Linker)
	return x
}

// WithContext returns the view for one request: requests to a server that it
// makes without a context parameter, and reads of files that it opens, end with
// ctx. A view that waits for no server is returned as it is. Only the original
// view is closed.
func WithContext(ctx context.Context, v storage.View) storage.View {
	if c, ok := unwrapped(v).(contextual); ok {
		return c.WithContext(ctx)
	}
	return v
}

// OpenInfo opens a file and returns its information. Views that have it from
// opening save one system call.
func OpenInfo(fsys fs.FS, name string) (fs.File, fs.FileInfo, error) {
	if v, ok := fsys.(infoOpener); ok {
		return v.OpenInfo(name)
	}
	f, err := fsys.Open(name)
	if err != nil {
		return nil, nil, err
	}
	info, err := f.Stat()
	if err != nil {
		return nil, nil, errors.Join(err, f.Close())
	}
	return f, info, nil
}

// unwrapped returns the view that [storage.Django] wraps, whose extras it hides.
func unwrapped(v storage.View) storage.View {
	if d, ok := v.(storage.Django); ok {
		return d.View
	}
	return v
}

type contextual interface {
	WithContext(ctx context.Context) storage.View
}

type infoOpener interface {
	OpenInfo(name string) (fs.File, fs.FileInfo, error)
}

// Editor changes files on conditions, as HTTP clients do. Names are Django's.
type Editor interface {
	// Create saves content under exactly this name, and returns information about
	// the new file. A taken name is fs.ErrExist. Content that fails leaves
	// nothing, not even a folder.
	Create(ctx context.Context, name string, content io.Reader) (fs.FileInfo, error)
	// Replace replaces a file atomically. It calls is before and after it reads the
	// content; if is reports false, the error is ErrChanged. No concurrent
	// replacement is lost unseen.
	Replace(ctx context.Context, name string, content io.Reader, is func(fs.FileInfo) bool) (fs.FileInfo, error)
	// Remove removes a file for which is reports true; otherwise the error is
	// ErrChanged. A folder, and a missing file, is fs.ErrNotExist.
	Remove(name string, is func(fs.FileInfo) bool) error
}

// Meter counts files.
type Meter interface {
	// Usage counts all files of the tenant, whoever wrote them.
	Usage(ctx context.Context) (storage.Usage, error)
}

// Linker asks the guest for URLs.
type Linker interface {
	// URL returns the URL of a file.
	URL(ctx context.Context, name string) (string, error)
}

// Partials keeps files that arrive in parts. The parts survive a restart.
type Partials interface {
	// NewPartial begins a file. The quota must have room for all of r.Size, but
	// only received bytes count against it. The caller closes the partial file.
	NewPartial(ctx context.Context, r Record) (Partial, error)
	// Partial opens a partial file. One that is missing or expired is
	// fs.ErrNotExist, one that is open ErrPartialBusy. If the process ended after
	// the last part arrived, the file is saved now.
	Partial(id string) (Partial, error)
	// PartialName returns the Name of the record, even while the partial file is
	// open.
	PartialName(id string) (string, error)
}

// Partial is a file that arrives in parts. One caller at a time has it open.
type Partial interface {
	// ID identifies it among the partial files of its tenant. It cannot be guessed.
	ID() string
	// Record returns what is stored about it.
	Record() Record
	// Offset returns how many bytes have arrived.
	Offset() int64
	// Append adds content at offset, which must be the end (otherwise ErrOffset),
	// and returns how many bytes it added. Content that fails keeps what arrived.
	// verify, if not nil, is called at the end of content; if it or the content
	// fails, nothing is added. When Append returns, what it added is on disk. The
	// last byte saves the file.
	Append(ctx context.Context, offset int64, content io.Reader, verify func() error) (n int64, err error)
	// Remove deletes what is stored about it. A saved file stays.
	Remove() error
	// Close lets others open it. It is closed before its view.
	Close() error
}

// Record is what is stored about a partial file.
type Record struct {
	Name    string            `json:"name"`            // to save it as, a name of Django's
	Free    bool              `json:"free,omitempty"`  // if Name is taken, save it under an alternative
	Size    int64             `json:"size"`            // of the complete file, in bytes
	Expires time.Time         `json:"expires"`         // removed after this, by the system's clock and by the process's running time
	Meta    map[string]string `json:"meta,omitempty"`  // the owner's own data
	Saved   string            `json:"saved,omitempty"` // the name under which the complete file was saved
	// Target is the name under which it is about to be saved.
	Target string `json:"target,omitempty"`
}

var (
	// ErrPartialBusy means that a partial file is already open.
	ErrPartialBusy = errors.New("storage: the partial file is in use")
	// ErrOffset means that a partial file does not end at the given offset.
	ErrOffset = errors.New("storage: the partial file ends at another offset")
	// ErrUnconditional means that the server of a bucket ignores conditions, so
	// that files would be overwritten.
	ErrUnconditional = errors.New("storage: the server ignores conditional requests")
)
