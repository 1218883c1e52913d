package storage

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"sort"
	"strings"
)

// mostRaces is how often a folder is made again that others remove, being
// empty, before anything is in it.
const mostRaces = 100

// stageIn makes a temporary file in a folder, which is made if need be.
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
		if !errors.Is(err, fs.ErrNotExist) || tries == mostRaces {
			return nil, nil, err
		}
	}
}

// inFolder makes the folder that a file is to be in, and then the file. Folders
// that stay empty, because that fails, are removed.
func (v *View) inFolder(rel string, from *source, do func() error) (err error) {
	for tries := 1; ; tries++ {
		if err = v.makeFolder(rel, from); err == nil {
			err = do()
		}
		if err == nil {
			return nil
		}
		if !errors.Is(err, fs.ErrNotExist) || tries == mostRaces {
			v.dropFolders(path.Dir(rel), from)
			return err
		}
	}
}

// makeFolder creates the folder that a file is to be in, if it is not there.
// Where a file is in its way, so that no name below can be had, the error is
// fs.ErrExist.
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

// dropFolders removes a folder, and those above it, that were made for content
// which is not saved. Folders that others use stay, and count as kept.
func (v *View) dropFolders(dir string, from *source) {
	root, err := v.root()
	if err != nil {
		return // there are none
	}
	_, removed := root.removeEmpty(dir)
	if from.account != nil {
		from.account.gone(Usage{Files: removed - from.folders}) // all that is reserved is about to be released
	}
}

// stride is how many segments of a path are resolved again for each folder that
// is removed: without it the work would grow with the square of the depth.
const stride = 64

// removeEmpty removes a folder and those above it, up to the first that is not
// empty, and returns that one.
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
		dir = top // or its end is gone already
	}
	for ; dir != "."; dir = path.Dir(dir) {
		// The slash has the system refuse a file that takes the name meanwhile.
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

// syncUp is sync of a folder, or of the first above it where others have removed
// it: in that one lies what its removal changed.
func (s *Storage) syncUp(root *os.Root, dir string) error {
	for {
		err := s.sync(root, dir)
		if dir == "." || !errors.Is(err, fs.ErrNotExist) {
			return err
		}
		dir = path.Dir(dir)
	}
}

// presentFolders is how many of the folders of a path are there.
func presentFolders(root *os.Root, segments []string) int {
	return sort.Search(len(segments), func(i int) bool {
		_, err := root.Stat(strings.Join(segments[:i+1], "/"))
		return errors.Is(err, fs.ErrNotExist)
	})
}

// missingFolders is how many folders are to be made for a file.
func (f *folder) missingFolders(rel string) int64 {
	dir := path.Dir(rel)
	if dir == "." {
		return 0
	}
	segments := strings.Split(dir, "/")
	return int64(len(segments) - presentFolders(f.Root, segments))
}

// reserveFolders takes room in the quota for folders that are about to be made,
// or gives it back for those that others have made.
func (s *source) reserveFolders(n int) error {
	if s.account == nil {
		return nil
	}
	folders := Usage{Files: int64(n)}
	if n < 0 {
		s.account.settle(Usage{Files: -folders.Files}, false)
		s.reserved.add(folders)
	} else if err := s.reserve(folders); err != nil {
		return err
	}
	s.folders += folders.Files
	return nil
}

// checkDepth refuses a name with more folders than a new file may be below.
func (v *Names) checkDepth(rel string) error {
	if most := v.space.maxDepth; most > 0 && strings.Count(rel, "/") > most {
		v.space.tooDeep.Add(1)
		return fmt.Errorf("%w: expected %d at most, found %d", ErrDepth, most, strings.Count(rel, "/"))
	}
	return nil
}
