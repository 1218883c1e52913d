package guest

import (
	"io"

	"github.com/tenantedge/tenantedge/guest/abi"
)

// File functions use the files of the call's tenant: in Handlers.Route the tenant
// of the last successful lookup, elsewhere the tenant that the request was routed
// to. Names are paths as in io/fs. Errors are an abi.Errno: abi.Denied if the call
// has no tenant, abi.Limit if the request's budget or the tenant's quota is used
// up.

// File is an open file. The host closes it when the call ends.
type File struct{ handle uint32 }

// OpenFile opens a file for reading.
func OpenFile(name string) (*File, error) { return openFile(name, abi.FileRead) }

// CreateFile opens a new file for writing. The file exists once Save returns. If
// the call fails later, the host deletes it.
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

// Write implements io.Writer for a file from CreateFile.
func (f *File) Write(p []byte) (int, error) {
	n := fileWrite(f.handle, p)
	if n < 0 {
		return 0, abi.Errno(-n)
	}
	return int(n), nil
}

// Save saves a file from CreateFile and closes it. It returns the file's name: that
// of CreateFile, or a free one if that exists. No file is overwritten.
func (f *File) Save() (name string, err error) {
	return textOf(func(out []byte) int64 { return fileClose(f.handle, out) })
}

// Close closes a file from OpenFile. A file from CreateFile is closed by Save, or
// discarded when the call ends.
func (f *File) Close() error {
	_, err := f.Save()
	return err
}

// ReadFile returns the content of a file.
func ReadFile(name string) ([]byte, error) {
	f, err := OpenFile(name)
	if err != nil {
		return nil, err
	}
	content, err := io.ReadAll(f)
	if closeErr := f.Close(); err == nil {
		err = closeErr
	}
	return content, err
}

// SaveFile saves content as a new file and returns the file's name; see
// [File.Save].
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

// StatFile describes a file or folder. The error is abi.NotFound if it does not
// exist.
func StatFile(name string) (abi.FileStat, error) {
	var out [abi.FileStatSize]byte
	n := fileStat(name, out[:])
	if n < 0 {
		return abi.FileStat{}, abi.Errno(-n)
	}
	return abi.ParseFileStat(out[:])
}

// ListFiles returns the names of the folders and of the files in a folder, each
// in the order of their bytes. The root folder is ".".
func ListFiles(name string) (folders, files []string, err error) {
	raw, err := textOf(func(out []byte) int64 { return fileList(name, out) })
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
	n := min(int(m.Word()), len(names))
	return names[:n], names[n:], nil
}

// DeleteFile deletes a file or an empty folder. It is no error if there is none.
func DeleteFile(name string) error {
	if n := fileDelete(name); n < 0 {
		return abi.Errno(-n)
	}
	return nil
}

// FileURL returns the URL of a file, which need not exist.
func FileURL(name string) (string, error) {
	return textOf(func(out []byte) int64 { return fileURL(name, out) })
}

// textOf returns the answer of a host function as text. If the answer does not
// fit, it calls the function again with a larger buffer.
func textOf(call func(out []byte) int64) (string, error) {
	out := make([]byte, 512)
	n := call(out)
	if n > int64(len(out)) {
		out = make([]byte, n)
		n = call(out)
	}
	switch {
	case n < 0:
		return "", abi.Errno(-n)
	case n > int64(len(out)):
		return "", abi.Limit // the answer grew between the two calls
	}
	return string(out[:n]), nil
}

var (
	_ io.ReadCloser = (*File)(nil)
	_ io.Writer     = (*File)(nil)
)
