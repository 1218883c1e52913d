package disk

import (
	"errors"
	"io/fs"
	"os"
	"path"
	"sort"
	"strings"

	"github.com/tenantedge/tenantedge/edge/storage"
)

// maxRaces is how often a folder is made again because another request removed
// it while it was empty.
const maxRaces = 100

// stageIn creates a temporary file in a folder, which it creates if need be.
func (v *View) stageIn(dir string, from *source) (*folder, *temporary, error) {
	for tries := 1; ; tries++ {
		into, err := v.folderFor(dir, from)
		if err == nil {
			var t *temporary
			if t, err = v.storage.newTemporary(into); err == nil {
				return into, t, nil
			}
			err = errors.Join(err, into.Close())
		}
		if !errors.Is(err, fs.ErrNotExist) || tries == maxRaces {
			return nil, nil, err
		}
	}
}

// inFolder creates the folder for a file, and then calls do to create the file.
// If that fails, it removes the folders that are empty.
func (v *View) inFolder(rel string, from *source, do func() error) (err error) {
	for tries := 1; ; tries++ {
		if err = v.makeFolder(rel, from); err == nil {
			err = do()
		}
		if err == nil {
			return nil
		}
		if !errors.Is(err, fs.ErrNotExist) || tries == maxRaces {
			v.dropFolders(path.Dir(rel), from)
			return err
		}
	}
}

// makeFolder creates the folder for a file if it is missing. If one of the
// folders is a file, the error is fs.ErrExist.
func (v *View) makeFolder(rel string, from *source) error {
	f, err := v.folderFor(path.Dir(rel), from)
	if err == nil {
		return f.Close()
	}
	for dir := path.Dir(rel); dir != "."; dir = path.Dir(dir) {
		if info, missing := v.Stat(dir); missing == nil {
			if !info.IsDir() {
				return &fs.PathError{Op: "create", Path: rel, Err: fs.ErrExist}
			}
			break
		}
	}
	return err
}

// dropFolders removes the empty folders of content that is not saved. Folders
// that others use stay, and count as kept.
func (v *View) dropFolders(dir string, from *source) {
	root, err := v.root()
	if err != nil {
		return // there are none
	}
	_, removed := root.removeEmpty(dir)
	// The caller releases the reservation, which includes from.folders.
	from.Account().Removed(storage.Usage{Files: removed - from.folders})
}

// folderFor opens a folder of the tenant, and creates it within the quota if it
// is missing. Files that are created in it stay in it, whatever takes its name.
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
		return nil, root.markEscape(err)
	}
	return &folder{sub, root.escapes}, nil
}

// mkdirs creates the missing folders of a path, and opens the last. Names may
// come from anyone, so the work is linear in their depth.
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

// mkdir creates a folder with its mode, and syncs.
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

// stride is how many segments of a path are resolved for each removed folder.
// Without it, the work would be quadratic in the depth.
const stride = 64

// removeEmpty removes a folder and those above it, up to the first that is not
// empty, which it returns.
func (f *folder) removeEmpty(dir string) (rest string, removed int64) {
	if dir == "." {
		return dir, 0
	}
	segments := strings.Split(dir, "/")
	if len(segments) > stride {
		top := strings.Join(segments[:stride], "/")
		if below, err := f.OpenRoot(top); err == nil {
			var stopped string
			stopped, removed = (&folder{below, f.escapes}).removeEmpty(strings.Join(segments[stride:], "/"))
			_ = below.Close() // nothing was written by it
			if stopped != "." {
				return path.Join(top, stopped), removed
			}
		}
		dir = top // or others have removed its end
	}
	for ; dir != "."; dir = path.Dir(dir) {
		// With the slash, the system does not remove a file that took the name.
		err := f.Remove(dir + "/")
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			break
		}
		if err == nil {
			removed++
		}
	}
	return dir, removed
}

// syncUp syncs a folder, or the first above it that exists: if others have
// removed the folder, that one changed.
func (s *Storage) syncUp(root *os.Root, dir string) error {
	for {
		err := s.sync(root, dir)
		if dir == "." || !errors.Is(err, fs.ErrNotExist) {
			return err
		}
		dir = path.Dir(dir)
	}
}

// presentFolders returns how many of the folders of a path exist.
func presentFolders(root *os.Root, segments []string) int {
	return sort.Search(len(segments), func(i int) bool {
		_, err := root.Stat(strings.Join(segments[:i+1], "/"))
		return errors.Is(err, fs.ErrNotExist)
	})
}

// missingFolders returns how many folders a file needs that do not exist.
func (f *folder) missingFolders(rel string) int64 {
	dir := path.Dir(rel)
	if dir == "." {
		return 0
	}
	segments := strings.Split(dir, "/")
	return int64(len(segments) - presentFolders(f.Root, segments))
}

// reserveFolders reserves n new folders; a negative n returns the reservation
// of folders that others have made.
func (s *source) reserveFolders(n int) error {
	folders := storage.Usage{Files: int64(n)}
	if n < 0 {
		s.SettlePart(storage.Usage{Files: -folders.Files}, false)
	} else if err := s.Reserve(folders); err != nil {
		return err
	}
	s.folders += folders.Files
	return nil
}
