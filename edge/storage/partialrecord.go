package storage

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strings"
	"syscall"
	"time"
)

// errRecord tells of a record that is of no use to anybody.
var errRecord = errors.New("storage: the record of a partial file is damaged")

// Record is what is known of a partial file.
type Record struct {
	Name    string            `json:"name"`            // it is to be saved as
	Free    bool              `json:"free,omitempty"`  // or, if that is taken, under a name that is free
	Size    int64             `json:"size"`            // when it is whole
	Expires time.Time         `json:"expires"`         // after which it is removed, by the system's clock and by how long the process runs
	Meta    map[string]string `json:"meta,omitempty"`  // whatever its owner wants to know again
	Saved   string            `json:"saved,omitempty"` // it is whole, and saved under this name
	// Target is the name that it is about to be saved under.
	Target string `json:"target,omitempty"`
}

// isRecord reports whether the path of a file is that of a record.
func isRecord(name string) bool {
	return strings.HasPrefix(name, partialFolder+"/") && strings.HasSuffix(name, recordSuffix)
}

// write replaces the record.
func (p *Partial) write() error {
	text, err := json.Marshal(&p.Record)
	if err != nil {
		return err
	}
	sub, err := p.root.OpenRoot(partialFolder)
	if err != nil {
		return told(err, p.root.escapes)
	}
	defer sub.Close()
	in := &folder{sub, p.root.escapes}
	s := p.view.storage
	t, err := s.newTemporary(in)
	if err != nil {
		return err
	}
	defer t.discard()
	if _, err := t.file.Write(text); err != nil {
		return err
	}
	if !s.config.NoSync {
		if err := t.file.Sync(); err != nil {
			return err
		}
	}
	if err := in.Rename(t.name, p.id+recordSuffix); err != nil {
		return err
	}
	return s.sync(in.Root, ".")
}

// longestRecord is more than any has, in bytes: three names of 4 KiB, and what
// its owner wants to know again, in JSON, where each byte may take six.
const longestRecord = 256 << 10

func (p *Partial) read() (r Record, err error) { return p.root.record(p.path() + recordSuffix) }

func (f *folder) record(name string) (r Record, err error) {
	file, info, err := f.open(name, os.O_RDONLY)
	if err != nil {
		return r, err
	}
	defer file.Close()
	if info.IsDir() {
		return r, &fs.PathError{Op: "open", Path: name, Err: syscall.EISDIR}
	}
	text, err := io.ReadAll(io.LimitReader(file, longestRecord))
	if err != nil {
		return r, err
	}
	if err := json.Unmarshal(text, &r); err != nil {
		return r, fmt.Errorf("%w: %w", errRecord, err)
	}
	return r, nil
}

// PartialName is the name that a partial file is to be saved as, whoever has it
// open.
func (v *View) PartialName(id string) (string, error) {
	if !isPartialID(id) {
		return "", &fs.PathError{Op: "open", Path: "partial", Err: fs.ErrNotExist}
	}
	root, err := v.root()
	if err != nil {
		return "", err
	}
	r, err := root.record(partialFolder + "/" + id + recordSuffix)
	return r.Name, err
}
