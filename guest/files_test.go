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

// drawer is a FileHost with one file open at a time.
type drawer struct {
	guesttest.Unavailable
	files map[string]string
	name  string
	rest  string
}

func put(out []byte, s string) int64 {
	if len(s) <= len(out) {
		copy(out, s)
	}
	return int64(len(s))
}

func (d *drawer) FileOpen(name string, mode uint32) int64 {
	content, ok := d.files[name]
	if mode == abi.FileRead && !ok {
		return -int64(abi.NotFound)
	}
	d.name, d.rest = name, content
	if mode == abi.FileWrite {
		d.rest = ""
	}
	return 1
}

func (d *drawer) FileRead(_ uint32, out []byte) int64 {
	n := copy(out[:min(3, len(out))], d.rest)
	d.rest = d.rest[n:]
	return int64(n)
}

func (d *drawer) FileWrite(_ uint32, content []byte) int64 {
	d.rest += string(content)
	return int64(len(content))
}

func (d *drawer) FileClose(_ uint32, out []byte) int64 {
	name := strings.Repeat("long/", 200) + d.name
	d.files[name] = d.rest
	return put(out, name)
}

func (d *drawer) FileStat(name string, out []byte) int64 {
	content, ok := d.files[name]
	if !ok {
		return -int64(abi.NotFound)
	}
	return put(out, string(abi.FileStat{Size: int64(len(content)), Modified: 1e9}.Append(nil)))
}

func (d *drawer) FileList(_ string, out []byte) int64 {
	b := abi.Begin(out, 1, 2)
	b.Put(0, "folder")
	b.Put(1, "file")
	return int64(b.Size())
}

func (d *drawer) FileDelete(name string) int64 {
	delete(d.files, name)
	return 0
}

func (d *drawer) FileURL(name string, out []byte) int64 { return put(out, "/media/"+name) }

func TestAGuestUsesFiles(t *testing.T) {
	d := &drawer{files: map[string]string{"a.txt": "some content"}}
	guesttest.Replace(t, d)
	if got, err := guest.ReadFile("a.txt"); string(got) != "some content" || err != nil {
		t.Errorf("read %q, %v", got, err)
	}
	if _, err := guest.ReadFile("missing"); !errors.Is(err, abi.NotFound) {
		t.Errorf("a file that is missing: %v", err)
	}
	saved, err := guest.SaveFile("b.txt", []byte("more"))
	if d.files[saved] != "more" || !strings.HasSuffix(saved, "/b.txt") || err != nil {
		t.Errorf("saved as %q, %v", saved, err)
	}
	info, err := guest.StatFile("a.txt")
	if info.Size != 12 || info.Modified.Unix() != 1 || info.IsFolder || err != nil {
		t.Errorf("%+v, %v", info, err)
	}
	folders, files, err := guest.ListFiles(".")
	if !slices.Equal(folders, []string{"folder"}) || !slices.Equal(files, []string{"file"}) || err != nil {
		t.Errorf("listed %q and %q, %v", folders, files, err)
	}
	if url, err := guest.FileURL("a.txt"); url != "/media/a.txt" || err != nil {
		t.Errorf("the URL is %q, %v", url, err)
	}
	if err := guest.DeleteFile("a.txt"); err != nil || d.files["a.txt"] != "" {
		t.Errorf("deleted: %v", err)
	}
}

func TestAHostWithoutFilesSaysSo(t *testing.T) {
	guesttest.Replace(t, guesttest.Unavailable{})
	if _, err := guest.OpenFile("a"); !errors.Is(err, abi.Unavailable) {
		t.Errorf("%v, want Unavailable", err)
	}
	if _, err := io.ReadAll(&guest.File{}); !errors.Is(err, abi.Invalid) {
		t.Errorf("reading no file: %v, want Invalid", err)
	}
}
