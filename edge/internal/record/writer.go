package record

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/klauspost/compress/zstd"
)

// Names of files: prefix, time in UTC, suffix. Their order is that of time.
const (
	prefix     = "requests-"
	suffix     = ".jsonl.zst"
	timeFormat = "20060102T150405.000000000Z"
)

func prepareFolder(folder string) error {
	if folder == "" {
		return errNoFolder
	}
	if err := os.MkdirAll(folder, 0o700); err != nil {
		return fmt.Errorf("record: expected a folder that can be written: %w", err)
	}
	probe, err := os.CreateTemp(folder, ".probe-*")
	if err != nil {
		return fmt.Errorf("record: expected a folder that can be written: %w", err)
	}
	return errors.Join(probe.Close(), os.Remove(probe.Name()))
}

// Files returns the names of the log files in a folder, the oldest first.
func Files(folder string) ([]string, error) {
	entries, err := os.ReadDir(folder)
	if err != nil {
		return nil, err
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

// writer writes sections to files, each as a frame of its own. It is used by one
// goroutine.
type writer struct {
	options *Options
	lines   lines
	guest   *generation // of the section; nil: none is open
	section int         // bytes of it

	file    *os.File // nil: none is open
	zip     *zstd.Encoder
	size    int64 // of the file
	flushed int64 // of it, that can be read
	pending uint64
	counted Stats
	dirty   bool  // the encoder holds what was not flushed
	err     error // since the last call of write
}

// taken returns what was counted since the last call.
func (w *writer) taken() Stats {
	s := w.counted
	w.counted = Stats{}
	return s
}

// add encodes an entry.
func (w *writer) add(e *entry) {
	if w.guest != e.guest || w.section+len(w.lines.b) >= sectionBytes || w.lines.full() {
		w.endSection()
		w.guest = e.guest
		if err := w.lines.begin(&e.guest.header); err != nil {
			w.fail(err)
			return
		}
	}
	w.lines.request(e)
	w.pending++
	if len(w.lines.b) >= sectionBytes/8 {
		w.compress()
	}
}

// write writes what add has encoded. flush makes it readable, and end closes the file.
func (w *writer) write(flush, end bool) error {
	w.compress()
	if flush && w.dirty {
		w.check(w.zip.Flush())
	}
	if end {
		w.endSection()
		w.closeFile()
	}
	err := w.err
	w.err = nil
	return err
}

// compress passes the encoded lines on.
func (w *writer) compress() {
	if len(w.lines.b) == 0 {
		return
	}
	if w.file == nil {
		if err := w.open(); err != nil {
			w.fail(err)
			return
		}
	}
	n := len(w.lines.b)
	_, err := w.zip.Write(w.lines.b)
	w.lines.b, w.section, w.dirty = w.lines.b[:0], w.section+n, true
	if err != nil {
		w.check(err)
	}
}

// endSection ends the frame, and the file if it is large enough.
func (w *writer) endSection() {
	if w.guest == nil {
		return
	}
	w.compress()
	w.guest, w.section = nil, 0
	if w.file == nil {
		return
	}
	w.check(w.zip.Close())
	if w.file == nil {
		return
	}
	if w.size >= w.options.MaxBytes {
		w.closeFile()
		return
	}
	w.zip.Reset(w)
}

// check counts what was written, after everything was flushed.
func (w *writer) check(err error) {
	if err != nil {
		w.fail(err)
		return
	}
	w.flushed, w.dirty = w.size, false
	w.counted.Written += w.pending
	w.pending = 0
}

// fail drops what is not flushed, and the file after its readable part. The next entry
// begins a section in another file.
func (w *writer) fail(err error) {
	w.err = err
	w.guest, w.lines.b = nil, w.lines.b[:0]
	w.counted.Errors++
	w.counted.Dropped += w.pending
	w.pending, w.dirty, w.section = 0, false, 0
	if w.file == nil {
		return
	}
	truncated := w.file.Truncate(w.flushed)
	w.err = errors.Join(w.err, truncated, w.file.Close())
	if w.flushed == 0 {
		_ = os.Remove(w.file.Name()) // else it stays empty
	}
	w.file = nil
}

func (w *writer) closeFile() {
	if w.file == nil {
		return
	}
	if err := w.file.Close(); err != nil && w.err == nil {
		w.err = err
		w.counted.Errors++
	}
	w.file = nil
}

// open opens the next file, and deletes the oldest ones first.
func (w *writer) open() error {
	names, err := Files(w.options.Folder)
	if errors.Is(err, fs.ErrNotExist) {
		err = os.MkdirAll(w.options.Folder, 0o700)
	}
	if err != nil {
		return fmt.Errorf("record: %w", err)
	}
	for len(names) >= max(1, w.options.MaxFiles) {
		if err := os.Remove(names[0]); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("record: deleting an old file: %w", err)
		}
		names = names[1:]
	}
	name := prefix + time.Now().UTC().Format(timeFormat) + suffix
	if w.file, err = os.OpenFile(filepath.Join(w.options.Folder, name), os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600); err != nil {
		w.file = nil
		return fmt.Errorf("record: %w", err)
	}
	w.size, w.flushed = 0, 0
	if w.zip == nil {
		w.zip, err = zstd.NewWriter(w, zstd.WithEncoderConcurrency(1), zstd.WithEncoderLevel(zstd.SpeedFastest), zstd.WithWindowSize(1<<20), zstd.WithLowerEncoderMem(true))
		if err != nil {
			return fmt.Errorf("record: %w", err)
		}
		return nil
	}
	w.zip.Reset(w)
	return nil
}

// Write writes compressed bytes to the file. The encoder calls it.
func (w *writer) Write(b []byte) (int, error) {
	n, err := w.file.Write(b)
	w.size += int64(n)
	w.counted.Bytes += uint64(n)
	return n, err
}

var _ io.Writer = (*writer)(nil)
