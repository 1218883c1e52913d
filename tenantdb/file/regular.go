package file

import (
	"bytes"
	"fmt"
	"io"
	"io/fs"
	"os"
	"syscall"
)

// ReadRegular reads a regular file, at most limit bytes of it unless limit is 0.
// Anything else is an error: opening a FIFO would block until there is a writer,
// and a device may have no end.
func ReadRegular(path string, limit int64) ([]byte, fs.FileInfo, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, nil, err
	}
	if err := regular(path, info); err != nil {
		return nil, nil, err
	}
	// The file may have been replaced by a FIFO since.
	f, err := os.OpenFile(path, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if err != nil {
		return nil, nil, err
	}
	defer f.Close()
	if info, err = f.Stat(); err != nil {
		return nil, nil, err
	}
	if err := regular(path, info); err != nil {
		return nil, nil, err
	}
	var from io.Reader = f
	if limit > 0 {
		from = io.LimitReader(f, limit)
	}
	// With room for the whole file, and for the read that finds its end, the
	// buffer never grows.
	size := info.Size() + bytes.MinRead
	if limit > 0 {
		size = min(size, limit+bytes.MinRead)
	}
	data := bytes.NewBuffer(make([]byte, 0, size))
	_, err = data.ReadFrom(from)
	return data.Bytes(), info, err
}

// regular returns an error unless info is that of a regular file.
func regular(path string, info fs.FileInfo) error {
	kind := "a device"
	switch mode := info.Mode(); {
	case mode.IsRegular():
		return nil
	case mode.IsDir():
		kind = "a folder"
	case mode&fs.ModeNamedPipe != 0:
		kind = "a FIFO"
	case mode&fs.ModeSocket != 0:
		kind = "a socket"
	}
	return fmt.Errorf("expected %s to be a regular file, found %s; put a file there", path, kind)
}
