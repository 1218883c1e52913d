package disk

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strings"
	"syscall"

	"github.com/tenantedge/tenantedge/edge/storage/backend"
)

// errRecord means that a record cannot be decoded.
var errRecord = errors.New("storage: the record of a partial file is damaged")

type record = backend.Record // a field that other packages do not see

// isRecord reports whether the path of a file is that of a record.
func isRecord(name string) bool {
	return strings.HasPrefix(name, partialFolder+"/") && strings.HasSuffix(name, recordSuffix)
}

// write replaces the stored record.
func (p *partial) write() error {
	text, err := json.Marshal(&p.record)
	if err != nil {
		return err
	}
	sub, err := p.root.OpenRoot(partialFolder)
	if err != nil {
		return p.root.markEscape(err)
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

// maxRecord is more bytes than any record has: three names of 4 KiB and the
// owner's data, in JSON, which takes up to six bytes for one.
const maxRecord = 256 << 10

func (p *partial) read() (record, error) { return p.root.record(p.path() + recordSuffix) }

func (f *folder) record(name string) (r record, err error) {
	file, info, err := f.open(name, os.O_RDONLY)
	if err != nil {
		return r, err
	}
	defer file.Close()
	if info.IsDir() {
		return r, &fs.PathError{Op: "open", Path: name, Err: syscall.EISDIR}
	}
	text, err := io.ReadAll(io.LimitReader(file, maxRecord))
	if err != nil {
		return r, err
	}
	if err := json.Unmarshal(text, &r); err != nil {
		return r, fmt.Errorf("%w: %w", errRecord, err)
	}
	return r, nil
}

// PartialName returns the name that a partial file will be saved as. It works
// while the partial file is open.
func (v *View) PartialName(id string) (string, error) {
	if !isPartialID(id) {
		return "", noPartial()
	}
	root, err := v.root()
	if err != nil {
		return "", err
	}
	r, err := root.record(partialFolder + "/" + id + recordSuffix)
	return r.Name, err
}
