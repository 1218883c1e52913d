package storage

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"strings"
)

// partialFolder holds files that come in parts: of each its content so far,
// named by its id, and what is known of it, with .json behind. No tenant can
// name the folder or see it. Its content counts as kept.
const (
	partialFolder = temporaryPrefix + "partial"
	recordSuffix  = ".json"
)

// Errors of partial files.
var (
	// ErrPartialBusy tells that somebody else is working on a partial file.
	ErrPartialBusy = errors.New("storage: the partial file is in use")
	// ErrOffset tells that a partial file does not end where it was to go on.
	ErrOffset = errors.New("storage: the partial file ends elsewhere")
)

// partialUsage is what a partial file counts without its content: that and the
// record are files.
var partialUsage = Usage{Files: 2}

// Partial is a file that comes in parts, and may have some of them still to
// come when the process ends. It is held by whoever opened it, until it is
// closed, which comes before closing the view.
type Partial struct {
	Record
	id   string
	view *View
	root *folder
	file *os.File // nil: it is saved
	size int64    // of the content so far
}

// NewPartial begins a file of r.Size bytes. There has to be room for all of it
// now, but what counts is what has come. Close it.
func (v *View) NewPartial(ctx context.Context, r Record) (*Partial, error) {
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
	if a != nil {
		if err := a.reserve(ctx, partialUsage); err != nil {
			return nil, err
		}
	}
	p := &Partial{Record: r, view: v, root: root}
	err = p.create()
	if a != nil {
		a.settle(partialUsage, err == nil)
	}
	if err != nil {
		return nil, err
	}
	v.storage.expireNowAndThen(v.identifier)
	if p.Size == 0 {
		if err := p.save(); err != nil {
			return nil, errors.Join(err, p.Remove())
		}
	}
	return p, nil
}

func (v *View) checkPartial(ctx context.Context, r *Record) error {
	if err := checkRelative(r.Name); err != nil {
		return err
	}
	rel, err := v.resolve(r.Name)
	if err != nil {
		return err
	}
	if err := v.checkDepth(rel); err != nil {
		return err
	}
	r.Name = rel
	if taken, err := v.Exists(rel); err != nil || taken && !r.Free {
		return errors.Join(err, &fs.PathError{Op: "create", Path: rel, Err: fs.ErrExist})
	}
	if most := v.storage.config.MaxSize; most > 0 && r.Size > most {
		return ErrTooLarge
	}
	if a := v.account(); a != nil {
		whole := Usage{Bytes: r.Size, Files: partialUsage.Files}
		if root, err := v.root(); err == nil {
			whole.Files += root.missingFolders(rel)
		}
		if err := a.reserve(ctx, whole); err != nil {
			return err
		}
		a.settle(whole, false)
	}
	return nil
}

func (p *Partial) create() (err error) {
	for held := false; !held; {
		p.id = randomText(26)
		p.file, err = p.root.OpenFile(p.path(), os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o600)
		if err != nil {
			return told(err, p.root.escapes)
		}
		// Not held: a sweeper came between creation and lock, and removes it.
		if held, err = claim(p.file); err != nil || !held {
			if err := errors.Join(err, p.discard()); err != nil {
				return err
			}
		}
	}
	c := &p.view.storage.config
	if free, known := freeBytes(p.file); known && c.MinFree > 0 && free-p.Size < c.MinFree {
		return errors.Join(ErrFull, p.discard())
	}
	if err := p.write(); err != nil {
		return errors.Join(err, p.discard())
	}
	return nil
}

// Partial opens one that was begun. It is fs.ErrNotExist where there is none,
// or none any more, and ErrPartialBusy while somebody has it open.
//
// One whose last part came before the process ended is saved now.
func (v *View) Partial(id string) (_ *Partial, err error) {
	missing := &fs.PathError{Op: "open", Path: "partial", Err: fs.ErrNotExist}
	if !isPartialID(id) {
		return nil, missing
	}
	root, err := v.root()
	if err != nil {
		return nil, err
	}
	p := &Partial{id: id, view: v, root: root}
	defer func() {
		if err != nil {
			err = errors.Join(err, p.Close())
		}
	}()
	if p.file, err = p.hold(); err != nil && !errors.Is(err, fs.ErrNotExist) {
		if errors.Is(err, ErrPartialBusy) && root.expired(id, v.storage.clock.Earliest()) {
			err = missing // who holds it is about to remove it, or has it beyond its time
		}
		return nil, err
	}
	if p.Record, err = p.read(); err != nil {
		return nil, err
	}
	switch {
	case !p.Expires.After(v.storage.clock.Earliest()):
		return nil, missing
	case p.Saved != "":
		p.size = p.Size
		if p.file != nil { // the process ended just before it would have been removed
			return p, errors.Join(unless(root.Remove(p.path()), fs.ErrNotExist), p.Close())
		}
		return p, nil
	case p.file == nil:
		return nil, missing
	}
	info, err := p.file.Stat()
	if err != nil {
		return nil, err
	}
	p.size = info.Size()
	if p.size == p.Size {
		err = p.save()
	}
	return p, err
}

func isPartialID(id string) bool {
	if len(id) != 26 {
		return false
	}
	for i := range len(id) {
		if strings.IndexByte(alphabet, id[i]) < 0 {
			return false
		}
	}
	return true
}

// hold opens the content and locks it.
func (p *Partial) hold() (*os.File, error) {
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
		return nil, errors.Join(err, f.Close()) // it was saved, or removed, just now
	}
	return nil, errors.Join(ErrPartialBusy, f.Close())
}

func (p *Partial) path() string { return partialFolder + "/" + p.id }

// ID names the partial file among those of its tenant. It cannot be guessed.
func (p *Partial) ID() string { return p.id }

// Offset is how much of it there is.
func (p *Partial) Offset() int64 { return p.size }

// Append adds content at offset, which must be the end, and returns how many
// bytes there are more. What has come stays if content fails, unless whole
// says, after the last byte, that it is not what it should be. When Append
// returns, what it added is on the disk, unless Config.NoSync is set; if that
// was the last, the file is saved.
func (p *Partial) Append(ctx context.Context, offset int64, content io.Reader, whole func() error) (n int64, err error) {
	if p.file == nil || offset != p.size {
		return 0, fmt.Errorf("%w: at %d", ErrOffset, p.size)
	}
	s := p.view.storage
	from := &source{
		ctx: ctx, content: io.LimitReader(content, p.Size-p.size), account: p.view.account(), disk: p.file, minFree: s.config.MinFree,
	}
	n, err = io.Copy(&counted{io.NewOffsetWriter(p.file, offset), from}, from)
	if from.account != nil {
		from.account.settle(from.reserved, false) // what could not be written
	}
	if whole != nil {
		if err == nil {
			err = whole()
		}
		if err != nil {
			err = errors.Join(err, p.file.Truncate(offset))
			if from.account != nil {
				from.account.gone(Usage{Bytes: n})
			}
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

// counted takes content that counts as kept as soon as it is written, and not
// when all of it is: whoever counts the tenant's files meanwhile finds it there,
// and it must not be reserved besides.
type counted struct {
	to   io.Writer
	from *source
}

func (c *counted) Write(p []byte) (int, error) {
	n, err := c.to.Write(p)
	if a := c.from.account; a != nil {
		written := Usage{Bytes: int64(n)}
		a.settle(written, true)
		c.from.reserved.Bytes -= written.Bytes
	}
	return n, err
}

// save gives the whole file its name.
func (p *Partial) save() error {
	v := p.view
	if mode := v.storage.config.FileMode; mode != FromUmask {
		if err := p.file.Chmod(mode); err != nil {
			return err
		}
	}
	v.adopt(p.file)
	from := &source{ctx: context.Background(), account: v.account()}
	err := v.inFolder(p.Name, from, p.link)
	if from.account != nil {
		from.account.settle(from.reserved, err == nil)
	}
	if err != nil {
		if errors.Is(err, fs.ErrExist) {
			err = errors.Join(err, p.Remove()) // it cannot be saved any more
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

// link gives the content its name, once: the record says before which it will
// be, so that after a crash it is clear whether it is that already.
func (p *Partial) link() error {
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
			if target, err = p.view.AvailableName(p.Name, 0); err != nil {
				return err
			}
		}
		if p.Target != target {
			p.Target = target
			if err := p.write(); err != nil {
				return err
			}
		}
		err := told(p.root.Link(p.path(), target), p.root.escapes)
		if !p.Free || !errors.Is(err, fs.ErrExist) {
			return err
		}
	}
}

// Remove ends a partial file for good. One that was saved stays saved.
func (p *Partial) Remove() error {
	var less Usage
	if p.file != nil {
		less = Usage{Bytes: p.size, Files: 1}
	}
	if _, err := p.root.Lstat(p.path() + recordSuffix); err == nil {
		less.Files++
	}
	if err := p.discard(); err != nil {
		return err
	}
	if a := p.view.account(); a != nil {
		a.gone(less)
	}
	return nil
}

func (p *Partial) discard() error {
	content := unless(p.root.Remove(p.path()), fs.ErrNotExist)
	record := unless(p.root.Remove(p.path()+recordSuffix), fs.ErrNotExist)
	return errors.Join(content, record, p.Close())
}

// Close lets others have the partial file.
func (p *Partial) Close() error {
	if p.file == nil {
		return nil
	}
	f := p.file
	p.file = nil
	return f.Close()
}
