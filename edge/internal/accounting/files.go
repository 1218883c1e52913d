package accounting

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// Names of files: prefix, time in UTC, suffix. Their order is that of time.
const (
	prefix     = "usage-"
	suffix     = ".jsonl"
	timeFormat = "20060102T150405.000000000Z"
)

// Files returns the names of the files in a folder, the oldest first.
func Files(folder string) ([]string, error) {
	entries, err := os.ReadDir(folder)
	if err != nil {
		return nil, fmt.Errorf("accounting: %w", err)
	}
	var names []string
	for _, e := range entries {
		if strings.HasPrefix(e.Name(), prefix) && strings.HasSuffix(e.Name(), suffix) && e.Type().IsRegular() {
			names = append(names, filepath.Join(folder, e.Name()))
		}
	}
	slices.Sort(names)
	return names, nil
}

// files are the files to which closed windows are written: JSON lines, one for each
// Row. They are used while Ledger.mu is locked.
type files struct {
	folder   string
	maxBytes int64
	maxFiles int

	file    *os.File // nil: none is open
	size    int64
	pending []byte // what could not be written yet
}

// maxPending bounds what is kept to be written later.
const maxPending = 64 << 20

// prepare creates the folder, and checks that it can be written. No file is open before
// the first window is written.
func (f *files) prepare() error {
	if err := os.MkdirAll(f.folder, 0o700); err != nil {
		return fmt.Errorf("accounting: expected a folder that can be written: %w", err)
	}
	probe, err := os.CreateTemp(f.folder, ".probe-*")
	if err != nil {
		return fmt.Errorf("accounting: expected a folder that can be written: %w", err)
	}
	return errors.Join(probe.Close(), os.Remove(probe.Name()))
}

// append writes the rows of a window, and those that could not be written before.
func (f *files) append(w window) error {
	if f.folder == "" {
		return nil
	}
	if len(f.pending) > maxPending {
		return errors.Join(f.write(), fmt.Errorf("accounting: the rows of a window are lost: %d bytes wait to be written already", len(f.pending)))
	}
	for _, r := range w.rows {
		line, err := json.Marshal(Row{w.start.UTC(), w.length.Seconds(), r.key.Schema, r.key.ID, r.usage})
		if err != nil {
			return fmt.Errorf("accounting: %w", err) // there is none: all fields can be encoded
		}
		f.pending = append(append(f.pending, line...), '\n')
	}
	if len(f.pending) == 0 {
		return nil
	}
	return f.write()
}

// write writes what is pending. It goes on after what was written when it failed.
func (f *files) write() error {
	if f.file != nil && f.size >= f.maxBytes {
		if err := f.close(); err != nil {
			return err
		}
	}
	if f.file == nil {
		if err := f.open(); err != nil {
			return err
		}
	}
	n, err := f.file.Write(f.pending)
	f.size += int64(n)
	f.pending = f.pending[n:]
	if err != nil {
		return fmt.Errorf("accounting: %w", err)
	}
	f.pending = nil
	if err := f.file.Sync(); err != nil {
		return fmt.Errorf("accounting: %w", err)
	}
	return nil
}

// open opens the newest file, if it has room. Else it begins another one, and deletes the
// oldest.
func (f *files) open() error {
	names, err := Files(f.folder)
	if errors.Is(err, fs.ErrNotExist) {
		err = os.MkdirAll(f.folder, 0o700)
	}
	if err != nil {
		return err
	}
	if len(names) > 0 {
		found, err := openFile(names[len(names)-1])
		if err != nil {
			return err
		}
		info, err := found.Stat()
		if err == nil && info.Size() < f.maxBytes {
			f.file, f.size = found, info.Size()
			return f.endLine()
		}
		if err := errors.Join(err, found.Close()); err != nil {
			return fmt.Errorf("accounting: %w", err)
		}
	}
	for len(names) >= f.maxFiles {
		if err := os.Remove(names[0]); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("accounting: deleting an old file: %w", err)
		}
		names = names[1:]
	}
	f.file, err = openFile(filepath.Join(f.folder, prefix+time.Now().UTC().Format(timeFormat)+suffix))
	f.size = 0
	return err
}

func openFile(name string) (*os.File, error) {
	file, err := os.OpenFile(name, os.O_RDWR|os.O_APPEND|os.O_CREATE, 0o600)
	if err != nil {
		return nil, fmt.Errorf("accounting: %w", err)
	}
	return file, nil
}

// endLine ends a line that another process did not complete.
func (f *files) endLine() error {
	if f.size == 0 {
		return nil
	}
	var last [1]byte
	if _, err := f.file.ReadAt(last[:], f.size-1); err != nil {
		return fmt.Errorf("accounting: %w", err)
	}
	if last[0] != '\n' {
		f.pending = append([]byte{'\n'}, f.pending...)
	}
	return nil
}

func (f *files) close() error {
	if f.file == nil {
		return nil
	}
	err := f.file.Close()
	f.file = nil
	if err != nil {
		return fmt.Errorf("accounting: %w", err)
	}
	return nil
}

// maxLine bounds a line of a file.
const maxLine = 64 << 10

// Malformed is the error of Read for lines that are no rows. The others were read.
type Malformed struct {
	Line  int // the first one
	Count int
	Err   error
}

func (m *Malformed) Error() string {
	return fmt.Sprintf("line %d: expected a row of a usage file, found another text: %v; %d such lines were skipped", m.Line, m.Err, m.Count)
}

// Unwrap returns the cause.
func (m *Malformed) Unwrap() error { return m.Err }

// Read calls do for each row of a file. Lines that are no rows are skipped, as a
// process that ends while it writes may leave one: the error is then a *Malformed.
func Read(r io.Reader, do func(*Row)) error {
	lines := bufio.NewScanner(r)
	lines.Buffer(make([]byte, 4096), maxLine)
	var bad *Malformed
	for n := 1; lines.Scan(); n++ {
		if len(lines.Bytes()) == 0 {
			continue
		}
		var row Row
		err := json.Unmarshal(lines.Bytes(), &row)
		if err == nil {
			err = row.check()
		}
		if err == nil {
			do(&row)
			continue
		}
		if bad == nil {
			bad = &Malformed{Line: n, Err: err}
		}
		bad.Count++
	}
	if err := lines.Err(); err != nil {
		return fmt.Errorf("expected lines of at most %d bytes: %w", maxLine, err)
	}
	if bad != nil {
		return bad
	}
	return nil
}

// check returns an error for a row that no edge writes.
func (r *Row) check() error {
	switch {
	case !(r.Seconds >= 0) || math.IsInf(r.Seconds, 1):
		return fmt.Errorf("expected seconds, found %v", r.Seconds)
	case r.Start.Unix() <= 0 || r.end().Year() >= 9999:
		return fmt.Errorf("expected a start since 1970, found %s and %v seconds", r.Start, r.Seconds)
	}
	return nil
}

// maxLoaded bounds the size of the files that are read at the start.
const maxLoaded = 128 << 20

// recent returns the newest files in a folder, the oldest first: those that may have
// windows since a time, and of these as many as are read at the start.
func recent(folder string, since time.Time) ([]string, error) {
	names, err := Files(folder)
	if err != nil {
		return nil, err
	}
	size := int64(0)
	for n := len(names) - 1; n >= 0; n-- {
		info, err := os.Stat(names[n])
		if err != nil {
			return nil, fmt.Errorf("accounting: %w", err)
		}
		if size += info.Size(); size > maxLoaded || info.ModTime().Before(since) {
			return names[n+1:], nil
		}
	}
	return names, nil
}

// load reads the windows that are still kept in memory.
func (ws *windows) load(folder string, now time.Time) error {
	names, err := recent(folder, now.Add(-keptFor))
	if err != nil {
		return err
	}
	var w window
	end := func() {
		if len(w.rows) > 0 {
			slices.SortFunc(w.rows, compareRows)
			ws.add(w, now)
		}
	}
	for _, name := range names {
		file, err := os.Open(name)
		if err != nil {
			return fmt.Errorf("accounting: %w", err)
		}
		err = Read(file, func(r *Row) {
			if now.Sub(r.end()) > keptFor || r.Start.After(now) {
				return
			}
			if !w.start.Equal(r.Start) {
				end()
				w = window{start: r.Start, length: r.end().Sub(r.Start)}
			}
			w.rows = append(w.rows, row{Key{r.Tenant, r.ID}, r.Usage})
		})
		_ = file.Close() // it was only read
		if malformed := (*Malformed)(nil); err != nil && !errors.As(err, &malformed) {
			return fmt.Errorf("accounting: %s: %w", name, err)
		}
	}
	end()
	return nil
}
