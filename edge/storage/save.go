package storage

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"os"
	"path"
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
//
// More than Config.MaxSize is ErrTooLarge, more than the tenant's quota leaves
// is ErrQuota, and less free on the disk than Config.MinFree is ErrFull.
func (v *View) Save(ctx context.Context, name string, content io.Reader, maxLength int) (saved string, err error) {
	if err := checkRelative(name); err != nil {
		return "", err
	}
	name, err = v.AvailableName(name, maxLength)
	if err != nil {
		return "", err
	}
	rel, err := v.resolve(name)
	if err != nil {
		return "", err
	}
	if err := v.checkDepth(rel); err != nil {
		return "", err
	}
	a := v.account()
	if a == nil {
		return v.save(ctx, rel, &source{ctx: ctx, content: content}, maxLength)
	}
	from := &source{ctx: ctx, content: content, account: a}
	defer func() { a.settle(from.reserved, saved != "") }()
	if err := from.reserve(Usage{Files: 1}); err != nil {
		return "", err
	}
	return v.save(ctx, rel, from, maxLength)
}

// save is Save under a name that was free.
func (v *View) save(ctx context.Context, rel string, content *source, maxLength int) (saved string, err error) {
	defer func() {
		if saved == "" {
			v.dropFolders(path.Dir(rel), content)
		}
	}()
	into, t, err := v.stageIn(path.Dir(rel), content)
	if err != nil {
		return "", err
	}
	defer into.Close()
	defer t.discard()
	if err := v.storage.fill(t.file, content); err != nil {
		return "", t.named(err, rel)
	}
	if err := ctx.Err(); err != nil {
		return "", err
	}
	v.adopt(t.file)
	return v.publish(into, t, rel, maxLength)
}

// fill writes content, and gives the file its mode.
func (s *Storage) fill(f *os.File, content *source) error {
	content.limit, content.disk, content.minFree = s.config.MaxSize, f, s.config.MinFree
	if _, err := io.Copy(f, content); err != nil {
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

// folderFor opens a folder of the tenant, and creates it if need be, within the
// quota of what is saved. What is done in it stays in it, even if its name comes
// to be another's.
func (v *View) folderFor(dir string, from *source) (*folder, error) {
	root, err := v.rootToWrite()
	if err != nil {
		return nil, err
	}
	sub, err := root.OpenRoot(dir)
	if errors.Is(err, fs.ErrNotExist) {
		sub, err = v.storage.mkdirs(root.Root, dir, from)
	}
	if err != nil {
		return nil, told(err, root.escapes)
	}
	return &folder{sub, root.escapes}, nil
}

// mkdirs creates what is missing of a folder and those above it, and opens it.
// The work grows with the depth of the folder, not with its square: names may
// come from anybody.
func (s *Storage) mkdirs(root *os.Root, dir string, from *source) (*os.Root, error) {
	segments := strings.Split(dir, "/")
	present := presentFolders(root, segments)
	if err := from.reserveFolders(len(segments) - present); err != nil {
		return nil, err
	}
	at, err := root.OpenRoot(path.Join(append([]string{"."}, segments[:present]...)...))
	if err != nil {
		return nil, err
	}
	for _, segment := range segments[present:] {
		err := s.mkdir(at, segment)
		if errors.Is(err, fs.ErrExist) { // another saver was faster
			err = from.reserveFolders(-1)
		}
		if err != nil {
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
	ctx      context.Context
	content  io.Reader
	limit    int64 // 0: none
	read     int64
	account  *account // nil: no quota
	reserved Usage
	folders  int64    // that are reserved
	disk     *os.File // a file on the disk of which minFree stays free
	minFree  int64
	looked   int64 // how much was read when the disk was looked at
}

// lookEvery is after how many bytes the disk is looked at again.
const lookEvery = 8 << 20

func (s *source) Read(p []byte) (int, error) {
	if err := s.ctx.Err(); err != nil {
		return 0, err
	}
	if s.minFree > 0 && (s.read == 0 || s.read-s.looked >= lookEvery) {
		s.looked = s.read
		if free, known := freeBytes(s.disk); known && free < s.minFree {
			return 0, ErrFull
		}
	}
	n, err := s.content.Read(p)
	s.read += int64(n)
	if s.limit > 0 && s.read > s.limit {
		return 0, ErrTooLarge
	}
	if s.account != nil && n > 0 {
		if err := s.reserve(Usage{Bytes: int64(n)}); err != nil {
			return 0, err
		}
	}
	return n, err
}

func (s *source) reserve(more Usage) error {
	if err := s.account.reserve(s.ctx, more); err != nil {
		return err
	}
	s.reserved.add(more)
	return nil
}
