//go:build !wasip1

package guest_test

import (
	"errors"
	"io"
	"slices"
	"strings"
	"testing"

	"github.com/tenantedge/tenantedge/guest"
	"github.com/tenantedge/tenantedge/guest/abi"
	"github.com/tenantedge/tenantedge/guest/guesttest"
)

// fileHost is a FileHost with one file open at a time.
type fileHost struct {
	guesttest.Unavailable
	files map[string]string
	name  string // of the open file
	rest  string // content not yet read, or content written
}

func put(out []byte, s string) int64 {
	if len(s) <= len(out) {
		copy(out, s)
	}
	return int64(len(s))
}

func (f *fileHost) FileOpen(name string, mode uint32) int64 {
	content, ok := f.files[name]
	if mode == abi.FileRead && !ok {
		return -int64(abi.NotFound)
	}
	f.name, f.rest = name, content
	if mode == abi.FileWrite {
		f.rest = ""
	}
	return 1
}

func (f *fileHost) FileRead(_ uint32, out []byte) int64 {
	n := copy(out[:min(3, len(out))], f.rest)
	f.rest = f.rest[n:]
	return int64(n)
}

func (f *fileHost) FileWrite(_ uint32, content []byte) int64 {
	f.rest += string(content)
	return int64(len(content))
}

func (f *fileHost) FileClose(_ uint32, out []byte) int64 {
	name := strings.Repeat("long/", 200) + f.name
	f.files[name] = f.rest
	return put(out, name)
}

func (f *fileHost) FileStat(name string, out []byte) int64 {
	content, ok := f.files[name]
	if !ok {
		return -int64(abi.NotFound)
	}
	return put(out, string(abi.FileStat{Size: int64(len(content)), Modified: 1e9}.Append(nil)))
}

func (f *fileHost) FileList(_ string, out []byte) int64 {
	b := abi.Begin(out, 1, 2)
	b.Put(0, "folder")
	b.Put(1, "file")
	return int64(b.Size())
}

func (f *fileHost) FileDelete(name string) int64 {
	delete(f.files, name)
	return 0
}

func (f *fileHost) FileURL(name string, out []byte) int64 { return put(out, "/media/"+name) }

func TestAGuestUsesFiles(t *testing.T) {
	h := &fileHost{files: map[string]string{"a.txt": "some content"}}
	guesttest.Replace(t, h)
	if got, err := guest.ReadFile("a.txt"); string(got) != "some content" || err != nil {
		t.Errorf("ReadFile: %q, error %v, want some content", got, err)
	}
	if _, err := guest.ReadFile("missing"); !errors.Is(err, abi.NotFound) {
		t.Errorf("ReadFile of a missing file: error %v, want NotFound", err)
	}
	saved, err := guest.SaveFile("b.txt", []byte("more"))
	if h.files[saved] != "more" || !strings.HasSuffix(saved, "/b.txt") || err != nil {
		t.Errorf("SaveFile: name %q with %q, error %v, want a name that ends in /b.txt with more", saved, h.files[saved], err)
	}
	info, err := guest.StatFile("a.txt")
	if info.Size != 12 || info.Modified != 1e9 || info.Folder || err != nil {
		t.Errorf("StatFile: %+v, error %v, want 12 bytes written at 1 s", info, err)
	}
	folders, files, err := guest.ListFiles(".")
	if !slices.Equal(folders, []string{"folder"}) || !slices.Equal(files, []string{"file"}) || err != nil {
		t.Errorf("ListFiles: folders %q, files %q, error %v", folders, files, err)
	}
	if url, err := guest.FileURL("a.txt"); url != "/media/a.txt" || err != nil {
		t.Errorf("FileURL: %q, error %v, want /media/a.txt", url, err)
	}
	if err := guest.DeleteFile("a.txt"); err != nil || h.files["a.txt"] != "" {
		t.Errorf("DeleteFile: error %v, content %q, want none", err, h.files["a.txt"])
	}
}

func TestFilesAreUnavailableOnAHostWithoutFiles(t *testing.T) {
	guesttest.Replace(t, guesttest.Unavailable{})
	if _, err := guest.OpenFile("a"); !errors.Is(err, abi.Unavailable) {
		t.Errorf("OpenFile: error %v, want Unavailable", err)
	}
	if _, err := io.ReadAll(&guest.File{}); !errors.Is(err, abi.Invalid) {
		t.Errorf("reading a file that was not opened: error %v, want Invalid", err)
	}
}
