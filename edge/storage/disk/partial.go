package disk

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"strings"

	"github.com/tenantedge/tenantedge/edge/storage"
	"github.com/tenantedge/tenantedge/edge/storage/backend"
)

// partialFolder holds the partial files of a tenant: for each a file with its
// content, named by its id, and a record with the suffix .json. No tenant can
// name or see the folder. The content counts as kept.
const (
	partialFolder = backend.ReservedPrefix + "partial"
	recordSuffix  = ".json"
)

// partialUsage is what a partial file counts besides its bytes: the content and
// the record are files.
var partialUsage = storage.Usage{Files: 2}

// partial implements backend.Partial.
type partial struct {
	record
	id   string
	view *View
	root *folder
	file *os.File // the locked content; nil after it was saved
	size int64    // of the content so far
}

// NewPartial begins a file of r.Size bytes that arrives in parts. The quota must
// have room for all of it, but only received bytes count against it. The caller
// closes the partial file.
func (v *View) NewPartial(ctx context.Context, r backend.Record) (backend.Partial, error) {
	if err := v.checkPartial(ctx, &r); err != nil {
		return nil, err
	}
	root, err := v.rootToWrite()
	if err != nil {
		return nil, err
	}
	if err := v.storage.mkdir(root.Root, partialFolder); err != nil && !errors.Is(err, fs.ErrExist) {
		return nil, err
	}
	a := v.account()
	if err := a.Reserve(ctx, partialUsage); err != nil {
		return nil, err
	}
	p := &partial{record: r, view: v, root: root}
	err = p.create()
	a.Settle(partialUsage, err == nil)
	if err != nil {
		return nil, err
	}
	v.storage.expirePeriodically(v.Identifier())
	if p.Size == 0 {
		if err := p.save(); err != nil {
			return nil, errors.Join(err, p.Remove())
		}
	}
	return p, nil
}

// checkPartial checks the name of a record, which it resolves, and that there is
// room for the complete file.
func (v *View) checkPartial(ctx context.Context, r *record) error {
	rel, err := v.ResolveNew(r.Name)
	if err != nil {
		return err
	}
	r.Name = rel
	if taken, err := (storage.Django{View: v}).Exists(rel); err != nil || taken && !r.Free {
		return errors.Join(err, &fs.PathError{Op: "create", Path: rel, Err: fs.ErrExist})
	}
	if most := v.storage.config.MaxSize; most > 0 && r.Size > most {
		return storage.ErrTooLarge
	}
	a := v.account()
	if a == nil {
		return nil
	}
	complete := storage.Usage{Bytes: r.Size, Files: partialUsage.Files}
	if root, err := v.root(); err == nil {
		complete.Files += root.missingFolders(rel)
	}
	if err := a.Reserve(ctx, complete); err != nil {
		return err
	}
	a.Settle(complete, false)
	return nil
}

// create creates the content and the record.
func (p *partial) create() (err error) {
	for held := false; !held; {
		p.id = rand.Text()
		p.file, err = p.root.OpenFile(p.path(), os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o600)
		if err != nil {
			return p.root.markEscape(err)
		}
		// Not held: a sweeper took it between creation and lock, and removes it.
		if held, err = claim(p.file); err != nil || !held {
			if err := errors.Join(err, p.discard()); err != nil {
				return err
			}
		}
	}
	c := &p.view.storage.config
	if free, known := freeBytes(p.file); known && c.MinFree > 0 && free-p.Size < c.MinFree {
		return errors.Join(storage.ErrFull, p.discard())
	}
	if err := p.write(); err != nil {
		return errors.Join(err, p.discard())
	}
	return nil
}

// Partial opens a partial file. A missing or expired one is fs.ErrNotExist, one
// that is open backend.ErrPartialBusy. If the process ended after the last part
// arrived, the file is saved now.
func (v *View) Partial(id string) (backend.Partial, error) {
	p, err := v.openPartial(id)
	if err != nil {
		return nil, err
	}
	return p, nil
}

func (v *View) openPartial(id string) (_ *partial, err error) {
	if !isPartialID(id) {
		return nil, noPartial()
	}
	root, err := v.root()
	if err != nil {
		return nil, err
	}
	p := &partial{id: id, view: v, root: root}
	defer func() {
		if err != nil {
			err = errors.Join(err, p.Close())
		}
	}()
	now := v.storage.clock.Earliest()
	if p.file, err = p.open(); err != nil && !errors.Is(err, fs.ErrNotExist) {
		if errors.Is(err, backend.ErrPartialBusy) && root.expired(id, now) {
			err = noPartial() // a sweeper is about to remove it, or it is open beyond its time
		}
		return nil, err
	}
	if p.record, err = p.read(); err != nil {
		return nil, err
	}
	if !p.Expires.After(now) {
		return nil, noPartial()
	}
	return p, p.complete()
}

// complete finishes what the end of the process interrupted: the removal of a
// saved file's content, or the save of a complete file.
func (p *partial) complete() error {
	switch {
	case p.Saved != "" && p.file == nil:
		p.size = p.Size
		return nil
	case p.Saved != "":
		p.size = p.Size
		return errors.Join(unless(p.root.Remove(p.path()), fs.ErrNotExist), p.Close())
	case p.file == nil:
		return noPartial()
	}
	info, err := p.file.Stat()
	if err != nil {
		return err
	}
	p.size = info.Size()
	if p.size == p.Size {
		return p.save()
	}
	return nil
}

func noPartial() error {
	return &fs.PathError{Op: "open", Path: "partial", Err: fs.ErrNotExist}
}

func isPartialID(id string) bool {
	if len(id) != 26 { // as rand.Text returns it
		return false
	}
	return strings.Trim(id, "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567") == ""
}

// open opens and locks the content.
func (p *partial) open() (*os.File, error) {
	f, _, err := p.root.open(p.path(), os.O_RDWR)
	if err != nil {
		return nil, err
	}
	switch held, err := claim(f); {
	case err != nil:
		return nil, errors.Join(err, f.Close())
	case held:
		return f, nil
	}
	if _, err := p.root.Lstat(p.path()); err != nil {
		return nil, errors.Join(err, f.Close()) // it was saved or removed just now
	}
	return nil, errors.Join(backend.ErrPartialBusy, f.Close())
}

func (p *partial) path() string { return partialFolder + "/" + p.id }

// ID implements backend.Partial.
func (p *partial) ID() string { return p.id }

// Record implements backend.Partial.
func (p *partial) Record() backend.Record { return p.record }

// Offset implements backend.Partial.
func (p *partial) Offset() int64 { return p.size }

// Append implements backend.Partial.
func (p *partial) Append(ctx context.Context, offset int64, content io.Reader, verify func() error) (n int64, err error) {
	if p.file == nil || offset != p.size {
		return 0, fmt.Errorf("%w: at %d", backend.ErrOffset, p.size)
	}
	s := p.view.storage
	room := &roomReader{content: io.LimitReader(content, p.Size-p.size), disk: p.file, minFree: s.config.MinFree}
	in, err := s.ledger.Intake(ctx, &p.view.names, room, 0, storage.Usage{})
	if err != nil {
		return 0, err
	}
	n, err = io.Copy(&counted{io.NewOffsetWriter(p.file, offset), in}, in)
	in.Settle(false) // what could not be written
	if verify != nil {
		if err == nil {
			err = verify()
		}
		if err != nil {
			err = errors.Join(err, p.file.Truncate(offset))
			in.Account().Removed(storage.Usage{Bytes: n})
			n = 0
		}
	}
	p.size = offset + n
	if !s.config.NoSync && n > 0 {
		err = errors.Join(err, p.file.Sync())
	}
	if err == nil && p.size == p.Size {
		err = p.save()
	}
	return n, err
}

// counted counts content as kept as soon as it is written: a concurrent count of
// the tenant's files finds it there, so it must not be reserved as well.
type counted struct {
	to   io.Writer
	from *backend.Intake
}

func (c *counted) Write(p []byte) (int, error) {
	n, err := c.to.Write(p)
	c.from.SettlePart(storage.Usage{Bytes: int64(n)}, true)
	return n, err
}

// save gives the complete file its name.
func (p *partial) save() error {
	v := p.view
	if mode := v.storage.config.FileMode; mode != FromUmask {
		if err := p.file.Chmod(mode); err != nil {
			return err
		}
	}
	v.adopt(p.file)
	from, err := v.newSource(context.Background(), nil, storage.Usage{})
	if err != nil {
		return err
	}
	err = v.inFolder(p.Name, from, p.link)
	from.Settle(err == nil)
	if err != nil {
		if errors.Is(err, fs.ErrExist) {
			err = errors.Join(err, p.Remove()) // it can no longer be saved
		}
		return err
	}
	if err := v.storage.syncUp(p.root.Root, path.Dir(p.Target)); err != nil {
		return err
	}
	p.Saved = p.Target
	if err := p.write(); err != nil {
		return err
	}
	err = p.root.Remove(p.path())
	return errors.Join(unless(err, fs.ErrNotExist), p.Close())
}

// link gives the content its name once. The record is written before with that
// name, so that after a crash the file under that name shows whether it was
// linked.
func (p *partial) link() error {
	info, err := p.file.Stat()
	if err != nil {
		return err
	}
	for {
		if p.Target != "" {
			found, err := p.root.Lstat(p.Target)
			if err == nil && os.SameFile(info, found) {
				return nil
			}
		}
		target := p.Name
		if p.Free {
			if target, err = (storage.Django{View: p.view}).AvailableName(p.Name, 0); err != nil {
				return err
			}
		}
		if p.Target != target {
			p.Target = target
			if err := p.write(); err != nil {
				return err
			}
		}
		err := p.root.markEscape(p.root.Link(p.path(), target))
		if !p.Free || !errors.Is(err, fs.ErrExist) {
			return err
		}
	}
}

// Remove implements backend.Partial.
func (p *partial) Remove() error {
	var less storage.Usage
	if p.file != nil {
		less = storage.Usage{Bytes: p.size, Files: 1}
	}
	if _, err := p.root.Lstat(p.path() + recordSuffix); err == nil {
		less.Files++
	}
	if err := p.discard(); err != nil {
		return err
	}
	p.view.account().Removed(less)
	return nil
}

func (p *partial) discard() error {
	content := unless(p.root.Remove(p.path()), fs.ErrNotExist)
	record := unless(p.root.Remove(p.path()+recordSuffix), fs.ErrNotExist)
	return errors.Join(content, record, p.Close())
}

// Close implements backend.Partial.
func (p *partial) Close() error {
	if p.file == nil {
		return nil
	}
	f := p.file
	p.file = nil
	return f.Close()
}
