package storage

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"os"
	"path"
	"sort"
	"strings"
)

// Save writes content into a new file and returns the name it got: name, or
// an alternative if that is taken (see [View.AvailableName] for maxLength).
// Folders are created as needed. A file that exists is never overwritten, not
// by concurrent savers either, of this process or any other.
//
// The content goes into a temporary file in the same folder, which gets its
// name, by a hard link, only when it is whole: whenever the process ends, the
// file is there with all its content or not at all. When Save returns, it is
// on the disk too, unless Config.NoSync is set.
func (v *View) Save(ctx context.Context, name string, content io.Reader, maxLength int) (string, error) {
	if err := checkRelative(name); err != nil {
		return "", err
	}
	name, err := v.AvailableName(name, maxLength)
	if err != nil {
		return "", err
	}
	rel, err := v.resolve(name)
	if err != nil {
		return "", err
	}
	into, err := v.folderFor(path.Dir(rel))
	if err != nil {
		return "", err
	}
	defer into.Close()
	t, err := v.storage.newTemporary(into)
	if err != nil {
		return "", err
	}
	defer t.discard()
	if err := v.storage.fill(ctx, t.file, content); err != nil {
		return "", err
	}
	v.adopt(t.file)
	return v.publish(into, t, rel, maxLength)
}

// fill writes content, and gives the file its mode.
func (s *Storage) fill(ctx context.Context, f *os.File, content io.Reader) error {
	limit := s.config.MaxSize
	if _, err := io.Copy(f, &source{ctx: ctx, content: content, limited: limit > 0, left: limit}); err != nil {
		return err
	}
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

// publish gives the temporary file its name, or an alternative for as long as
// others are faster.
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
		rel, err = availableName(dir+base, maxLength, func(name string) (bool, error) { return into.has(path.Base(name)) })
		if err != nil {
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

// folderFor opens a folder of the tenant, and creates it if need be. What is
// done in it stays in it, even if its name comes to be another's.
func (v *View) folderFor(dir string) (*folder, error) {
	root, err := v.rootToWrite()
	if err != nil {
		return nil, err
	}
	sub, err := root.OpenRoot(dir)
	if errors.Is(err, fs.ErrNotExist) {
		sub, err = v.storage.mkdirs(root.Root, dir)
	}
	if err != nil {
		return nil, told(err, root.escapes)
	}
	return &folder{sub, root.escapes}, nil
}

// mkdirs creates what is missing of a folder and those above it, and opens it.
// The work grows with the depth of the folder, not with its square: names may
// come from anybody.
func (s *Storage) mkdirs(root *os.Root, dir string) (*os.Root, error) {
	segments := strings.Split(dir, "/")
	present := sort.Search(len(segments), func(i int) bool {
		_, err := root.Stat(strings.Join(segments[:i+1], "/"))
		return errors.Is(err, fs.ErrNotExist)
	})
	at, err := root.OpenRoot(path.Join(append([]string{"."}, segments[:present]...)...))
	if err != nil {
		return nil, err
	}
	for _, segment := range segments[present:] {
		err := s.mkdir(at, segment)
		if err != nil && !errors.Is(err, fs.ErrExist) { // another saver may be faster
			return nil, errors.Join(err, at.Close())
		}
		next, err := at.OpenRoot(segment)
		if err := errors.Join(err, at.Close()); err != nil {
			return nil, err
		}
		at = next
	}
	return at, nil
}

// mkdir creates a folder with its mode, so that it stays.
func (s *Storage) mkdir(root *os.Root, name string) error {
	if err := root.Mkdir(name, 0o777); err != nil {
		return err
	}
	if s.config.DirectoryMode != FromUmask {
		if err := root.Chmod(name, s.config.DirectoryMode); err != nil {
			return err
		}
	}
	return s.sync(root, ".")
}

func (s *Storage) createLocation() error {
	_, err := os.Stat(s.location)
	if !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if s.config.DirectoryMode == FromUmask {
		return os.MkdirAll(s.location, 0o777)
	}
	if err := os.MkdirAll(s.location, s.config.DirectoryMode); err != nil {
		return err
	}
	return os.Chmod(s.location, s.config.DirectoryMode)
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

// source is content for as long as it may be read.
type source struct {
	ctx     context.Context
	content io.Reader
	limited bool
	left    int64
}

func (s *source) Read(p []byte) (int, error) {
	if err := s.ctx.Err(); err != nil {
		return 0, err
	}
	n, err := s.content.Read(p)
	if s.left -= int64(n); s.limited && s.left < 0 {
		return 0, ErrTooLarge
	}
	return n, err
}
