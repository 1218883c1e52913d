package guest

import (
	"io"
	"time"

	"github.com/tenantedge/tenantedge/guest/abi"
)

// The functions for files work on those of the tenant that the call is for:
// while it routes, the tenant that its last lookup found; afterwards, the one
// that was routed. Names are paths without "..", as io/fs has them. Errors are
// an abi.Errno: abi.Denied means that there is no such tenant, abi.Limit that
// the host's limits for one request, or the tenant's quota, are used up.

// File is an open file. It ends with the request.
type File struct{ handle uint32 }

// OpenFile opens a file for reading.
func OpenFile(name string) (*File, error) { return openFile(name, abi.FileRead) }

// CreateFile begins a new file. It is there when Save has returned: until
// then, and if the request fails, there is none.
func CreateFile(name string) (*File, error) { return openFile(name, abi.FileWrite) }

func openFile(name string, mode uint32) (*File, error) {
	n := fileOpen(name, mode)
	if n < 0 {
		return nil, abi.Errno(-n)
	}
	return &File{uint32(n)}, nil
}

// Read implements io.Reader.
func (f *File) Read(p []byte) (int, error) {
	if len(p) == 0 {
		return 0, nil
	}
	switch n := fileRead(f.handle, p); {
	case n < 0:
		return 0, abi.Errno(-n)
	case n == 0:
		return 0, io.EOF
	default:
		return int(n), nil
	}
}

// Write implements io.Writer for a file that CreateFile began.
func (f *File) Write(p []byte) (int, error) {
	n := fileWrite(f.handle, p)
	if n < 0 {
		return 0, abi.Errno(-n)
	}
	return int(n), nil
}

// Save ends a file that CreateFile began, and returns the name that it got:
// its own, or one that is free if that is taken. No file is overwritten.
func (f *File) Save() (name string, err error) {
	return answer(func(out []byte) int64 { return fileClose(f.handle, out) })
}

// Close ends a file that OpenFile opened. One that CreateFile began ends with
// Save, or with the request.
func (f *File) Close() error {
	_, err := f.Save()
	return err
}

// ReadFile reads a whole file.
func ReadFile(name string) ([]byte, error) {
	f, err := OpenFile(name)
	if err != nil {
		return nil, err
	}
	content, err := io.ReadAll(f)
	if closing := f.Close(); err == nil {
		err = closing
	}
	return content, err
}

// SaveFile saves a new file, and returns the name that it got.
func SaveFile(name string, content []byte) (saved string, err error) {
	f, err := CreateFile(name)
	if err != nil {
		return "", err
	}
	if _, err := f.Write(content); err != nil {
		return "", err
	}
	return f.Save()
}

// FileInfo tells about a file or folder.
type FileInfo struct {
	Size     int64
	Modified time.Time
	IsFolder bool
}

// StatFile tells about a file or folder. The error is abi.NotFound if there is
// none.
func StatFile(name string) (FileInfo, error) {
	var out [abi.FileStatSize]byte
	n := fileStat(name, out[:])
	if n < 0 {
		return FileInfo{}, abi.Errno(-n)
	}
	s, err := abi.ParseFileStat(out[:])
	return FileInfo{s.Size, time.Unix(0, s.Modified), s.Folder}, err
}

// ListFiles gives the names of the folders and of the files in a folder, both
// in order. The folder above all is ".".
func ListFiles(name string) (folders, files []string, err error) {
	raw, err := answer(func(out []byte) int64 { return fileList(name, out) })
	if err != nil {
		return nil, nil, err
	}
	m, err := abi.Parse([]byte(raw))
	if err != nil {
		return nil, nil, err
	}
	names := make([]string, m.Len())
	for i := range names {
		names[i] = string(m.Get(i))
	}
	most := min(int(m.Word()), len(names))
	return names[:most], names[most:], nil
}

// DeleteFile removes a file, or a folder that is empty. That there is none is
// no error.
func DeleteFile(name string) error {
	if n := fileDelete(name); n < 0 {
		return abi.Errno(-n)
	}
	return nil
}

// FileURL is the URL of a file, whether there is one or not.
func FileURL(name string) (string, error) {
	return answer(func(out []byte) int64 { return fileURL(name, out) })
}

// answer asks again with more room if there was not enough.
func answer(ask func(out []byte) int64) (string, error) {
	out := make([]byte, 512)
	n := ask(out)
	if n > int64(len(out)) {
		out = make([]byte, n)
		n = ask(out)
	}
	switch {
	case n < 0:
		return "", abi.Errno(-n)
	case n > int64(len(out)):
		return "", abi.Limit // it grew since it was asked for
	}
	return string(out[:n]), nil
}

var (
	_ io.ReadCloser = (*File)(nil)
	_ io.Writer     = (*File)(nil)
)
