package disk

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"os"
	"path"

	"github.com/tenantedge/tenantedge/edge/storage"
	"github.com/tenantedge/tenantedge/edge/storage/backend"
)

// Save writes content to a new file and returns its name: name, or an
// alternative of at most maxLength characters if name is taken (see
// [storage.AvailableName]). It creates folders as needed. It never overwrites a
// file, not even of a concurrent saver in this or another process.
//
// The content is written to a temporary file in the same folder, which gets its
// name by a hard link when it is complete. So the file has all of its content,
// whenever the process ends. When Save returns, the file is on disk, unless
// Config.NoSync is set.
//
// It returns ErrTooLarge beyond Config.MaxSize, ErrQuota beyond the tenant's
// quota, and ErrFull below Config.MinFree.
func (v *View) Save(ctx context.Context, name string, content io.Reader, maxLength int) (saved string, err error) {
	if name, err = (storage.Django{View: v}).AvailableName(name, maxLength); err != nil {
		return "", err
	}
	rel, err := v.ResolveNew(name)
	if err != nil {
		return "", err
	}
	from, err := v.newSource(ctx, content, storage.Usage{Files: 1})
	if err != nil {
		return "", err
	}
	saved, err = v.save(ctx, rel, from, maxLength)
	if err != nil {
		v.dropFolders(path.Dir(rel), from)
	}
	from.Settle(err == nil)
	return saved, err
}

// save saves under a name that was free.
func (v *View) save(ctx context.Context, rel string, from *source, maxLength int) (saved string, err error) {
	into, t, err := v.stageIn(path.Dir(rel), from)
	if err != nil {
		return "", err
	}
	defer into.Close()
	defer t.discard()
	if err := v.fill(ctx, t, from, rel); err != nil {
		return "", err
	}
	return v.publish(into, t, rel, maxLength)
}

// fill writes all of the content to a temporary file and sets its mode and
// group. rel is for errors.
func (v *View) fill(ctx context.Context, t *temporary, from *source, rel string) error {
	from.room.disk = t.file
	if _, err := io.Copy(t.file, from); err != nil {
		return t.named(err, rel)
	}
	if err := v.storage.finish(t.file); err != nil {
		return t.named(err, rel)
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	v.adopt(t.file)
	return nil
}

// finish sets the mode of a complete file, and syncs it.
func (s *Storage) finish(f *os.File) error {
	if s.config.FileMode != FromUmask {
		if err := f.Chmod(s.config.FileMode); err != nil {
			return err
		}
	}
	if s.config.NoSync {
		return nil
	}
	return f.Sync()
}

// publish links the temporary file to its name, or to an alternative if another
// saver was faster.
func (v *View) publish(into *folder, t *temporary, rel string, maxLength int) (string, error) {
	dir, base := path.Split(rel)
	for {
		err := into.Link(t.name, base)
		if err == nil {
			break
		}
		if !errors.Is(err, fs.ErrExist) {
			return "", err
		}
		taken := func(name string) (bool, error) { return into.has(path.Base(name)) }
		if rel, err = storage.AvailableName(dir+base, maxLength, taken); err != nil {
			return "", err
		}
		base = path.Base(rel)
	}
	t.discard()
	if err := v.storage.sync(into.Root, "."); err != nil {
		return "", errors.Join(err, into.Remove(base))
	}
	return dir + base, nil
}

// sync waits until the entries of a folder are on disk.
func (s *Storage) sync(root *os.Root, name string) error {
	if s.config.NoSync {
		return nil
	}
	d, err := root.Open(name)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}

// source is the content of one new file, and what the quota reserves for it.
type source struct {
	*backend.Intake
	room    *roomReader
	folders int64 // reserved for new folders
}

// newSource begins to save content, and reserves more. Settle ends it.
func (v *View) newSource(ctx context.Context, content io.Reader, more storage.Usage) (*source, error) {
	c := &v.storage.config
	room := &roomReader{content: content, minFree: c.MinFree}
	in, err := v.storage.ledger.Intake(ctx, &v.names, room, c.MaxSize, more)
	if err != nil {
		return nil, err
	}
	return &source{Intake: in, room: room}, nil
}

// roomReader reads content while the disk has enough free space.
type roomReader struct {
	content io.Reader
	disk    *os.File // a file on the disk
	minFree int64    // bytes; 0: do not check
	read    int64
	checked int64 // value of read at the last check
}

// checkEvery is the number of bytes after which free space is checked again.
const checkEvery = 8 << 20

func (r *roomReader) Read(p []byte) (int, error) {
	if r.minFree > 0 && (r.read == 0 || r.read-r.checked >= checkEvery) {
		r.checked = r.read
		if free, known := freeBytes(r.disk); known && free < r.minFree {
			return 0, storage.ErrFull
		}
	}
	n, err := r.content.Read(p)
	r.read += int64(n)
	return n, err
}
