package disk

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/iotest"

	"github.com/tenantedge/tenantedge/edge/storage"
	"github.com/tenantedge/tenantedge/edge/storage/backend"
)

// allBelow returns the paths of everything below the location of a view.
func allBelow(t *testing.T, v *View) (names []string) {
	t.Helper()
	must(t, filepath.WalkDir(v.Location(), func(name string, _ fs.DirEntry, err error) error {
		if name != v.Location() && !errors.Is(err, fs.ErrNotExist) {
			names = append(names, name)
		}
		return err
	}))
	return names
}

func anything(fs.FileInfo) bool { return true }

// Folders are removed with their last file, so that a client cannot fill a disk
// with folders.
func TestFoldersGoWithTheLastFile_C6(t *testing.T) {
	v := limited(t, storage.Quota{Files: 3000})
	deep := strings.Repeat("d/", 1950) // nearly the longest possible name
	for i := range 2 {
		name := fmt.Sprintf("%d/%sf", i, deep)
		_, err := v.Create(t.Context(), name, strings.NewReader("x"))
		must(t, err)
		must(t, v.Remove(name, anything))
	}
	_, err := v.Create(t.Context(), "kept/a/f", strings.NewReader("x"))
	must(t, err)
	_, err = v.Create(t.Context(), "kept/b/f", strings.NewReader("x"))
	must(t, err)
	must(t, v.Remove("kept/a/f", anything))
	if left := allBelow(t, v); len(left) != 3 {
		t.Errorf("left: %d names, expected kept/b/f and its folders: %.300q", len(left), left)
	}
	must(t, v.Remove("kept/b/f", anything))
	if kept, reserved := v.account().Usage(); kept != (storage.Usage{}) || reserved != (storage.Usage{}) {
		t.Errorf("then %+v are kept, %+v reserved", kept, reserved)
	}
}

func TestContentThatFailsLeavesNoFolders_C6(t *testing.T) {
	v := newView(t, Config{MaxSize: 10, Quota: func(storage.Tenant) storage.Quota { return storage.Quota{Bytes: 1000, Files: 10} }})
	must(t, save(t, v, "there/f", "x"))
	before := allBelow(t, v)
	broken := iotest.ErrReader(errors.New("broken"))
	for range 3 {
		if _, err := v.Save(t.Context(), "a/b/c", broken, 0); err == nil {
			t.Error("Save: expected an error")
		}
		if _, err := v.Save(t.Context(), "there/b/c", strings.NewReader("12345678901"), 0); !errors.Is(err, storage.ErrTooLarge) {
			t.Errorf("Save: %v", err)
		}
		if _, err := v.Save(t.Context(), strings.Repeat("a/", 10)+"f", strings.NewReader("x"), 0); !errors.Is(err, storage.ErrQuota) {
			t.Errorf("Save over the quota: %v", err)
		}
		if _, err := v.Create(t.Context(), "a/b/c", broken); err == nil {
			t.Error("Create: expected an error")
		}
		if _, err := v.Create(t.Context(), strings.Repeat("a/", 10)+"f", strings.NewReader("x")); !errors.Is(err, storage.ErrQuota) {
			t.Errorf("Create over the quota: %v", err)
		}
		if _, err := v.Create(t.Context(), "a/b/"+strings.Repeat("n", 300), strings.NewReader("x")); err == nil {
			t.Error("Create of a long name: expected an error")
		}
	}
	if left := allBelow(t, v); len(left) != len(before) {
		t.Errorf("left: %q, expected %q", left, before)
	}
	if kept, reserved := v.account().Usage(); kept != (storage.Usage{Bytes: 1, Files: 2}) || reserved != (storage.Usage{}) {
		t.Errorf("then %+v are kept, %+v reserved", kept, reserved)
	}
}

func TestFoldersAndRecordsCountAsFiles_C6(t *testing.T) {
	v := limited(t, storage.Quota{Files: 8})
	same := func(what string, want int64) {
		t.Helper()
		u, err := v.storage.count(t.Context(), v.Identifier(), true)
		must(t, err)
		if kept, reserved := v.account().Usage(); u.Files != want || kept != u || reserved != (storage.Usage{}) {
			t.Errorf("%s: there are %+v, expected %d; counted are %+v, and %+v reserved", what, u, want, kept, reserved)
		}
	}
	must(t, save(t, v, "a/b/c", "x"))
	same("a file in two folders", 3)
	if err := save(t, v, "a/1/2/3/4/5/6/7", "x"); !errors.Is(err, storage.ErrQuota) {
		t.Errorf("%v: expected ErrQuota", err)
	}
	id := begin(t, v, backend.Record{Name: "p/q/f", Size: 4, Expires: later()})
	same("a record and its content", 5)
	if _, err := v.NewPartial(t.Context(), backend.Record{Name: "1/2/f", Size: 4, Expires: later()}); !errors.Is(err, storage.ErrQuota) {
		t.Errorf("%v: expected ErrQuota of a file whose folders have no room", err)
	}
	add(t, v, id, "1234")
	same("a file in two folders that came in parts, and its record", 7)
	must(t, v.Remove("p/q/f", anything))
	same("its record", 4)
	p, err := v.Partial(id)
	must(t, err)
	must(t, p.Remove())
	same("without the record", 3)
	must(t, v.Delete("a/b/c"))
	same("Django's delete leaves folders", 2)
}

func TestNamesAreNoDeeperThanIsAllowed_C6(t *testing.T) {
	v := newView(t, Config{MaxDepth: 3})
	for name, deep := range map[string]bool{"f": false, "a/b/c/f": false, "x/./b//c/f": false, "a/b/c/d/f": true, "a/b/c/d//./f": true} {
		_, saved := v.Save(t.Context(), name, strings.NewReader("x"), 0)
		_, made := v.Create(t.Context(), name+"2", strings.NewReader("x"))
		_, begun := v.NewPartial(t.Context(), backend.Record{Name: name + "3", Expires: later()})
		for _, err := range []error{saved, made, begun} {
			if errors.Is(err, storage.ErrDepth) != deep || !deep && err != nil {
				t.Errorf("%s: %v", name, err)
			}
		}
	}
	// Existing deeper files can be read and removed.
	must(t, os.MkdirAll(filepath.Join(v.Location(), "1/2/3/4/5"), 0o777))
	must(t, os.WriteFile(filepath.Join(v.Location(), "1/2/3/4/5/f"), []byte("x"), 0o666))
	if got := content(t, v, "1/2/3/4/5/f"); got != "x" {
		t.Errorf("%q", got)
	}
	must(t, v.Remove("1/2/3/4/5/f", anything))
}

// Some remove the last file of a folder while others create files in it.
func TestAFolderThatIsRemovedIsMadeAgain_C6(t *testing.T) {
	v := limited(t, storage.Quota{Files: 1000})
	var all sync.WaitGroup
	for i := range 4 {
		all.Go(func() {
			for range 100 {
				name := fmt.Sprintf("a/b/c/%d", i)
				if _, err := v.Create(t.Context(), name, strings.NewReader("x")); err != nil {
					t.Errorf("Create: %v", err)
				}
				if err := v.Remove(name, anything); err != nil {
					t.Errorf("Remove: %v", err)
				}
				saved, err := v.Save(t.Context(), "a/b/s", strings.NewReader("x"), 0)
				if err != nil {
					t.Errorf("Save: %v", err)
					continue
				}
				if err := v.Remove(saved, anything); err != nil {
					t.Errorf("Remove: %v", err)
				}
			}
		})
	}
	all.Wait()
	if left := allBelow(t, v); len(left) > 0 {
		t.Errorf("left: %q", left)
	}
	if _, reserved := v.account().Usage(); reserved != (storage.Usage{}) {
		t.Errorf("%+v are reserved", reserved)
	}
}
