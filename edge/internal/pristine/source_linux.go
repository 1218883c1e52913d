package pristine

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"unsafe"

	"golang.org/x/sys/unix"
)

// frozenFile is a source in a sealed memory file. All memories that have not written
// to a page share it.
type frozenFile struct {
	fd   int
	view []byte
}

// fileName is the name of the image in /proc/self/maps.
const fileName = "pristine-image"

func freeze(content []byte) (source, error) { return newFrozenFile(content) }

func newFrozenFile(content []byte) (*frozenFile, error) {
	fd, err := memfd()
	if err != nil {
		return nil, fmt.Errorf("pristine: memfd_create: %w", err)
	}
	f := &frozenFile{fd: fd}
	if err := f.fill(content); err != nil {
		return nil, errors.Join(err, f.release())
	}
	return f, nil
}

// memfd creates a file that can never be executed, which some systems require.
// Kernels before 6.3 do not support the flag.
func memfd() (int, error) {
	const flags = unix.MFD_CLOEXEC | unix.MFD_ALLOW_SEALING
	fd, err := unix.MemfdCreate(fileName, flags|unix.MFD_NOEXEC_SEAL)
	if errors.Is(err, unix.EINVAL) {
		fd, err = unix.MemfdCreate(fileName, flags)
	}
	return fd, err
}

func (f *frozenFile) fill(content []byte) error {
	if err := f.write(content); err != nil {
		return err
	}
	if err := f.seal(); err != nil {
		return err
	}
	return f.mapContent(len(content))
}

// write leaves holes for pages of zeros.
func (f *frozenFile) write(content []byte) error {
	if err := unix.Ftruncate(f.fd, int64(len(content))); err != nil {
		return fmt.Errorf("pristine: sizing an image of %d bytes: %w", len(content), err)
	}
	zero := make([]byte, os.Getpagesize())
	for start := 0; start < len(content); start += len(zero) {
		page := content[start : start+len(zero)]
		if bytes.Equal(page, zero) {
			continue
		}
		n, err := unix.Pwrite(f.fd, page, int64(start))
		if err != nil {
			return fmt.Errorf("pristine: writing an image: %w", err)
		}
		if n != len(page) {
			return fmt.Errorf("pristine: writing an image: %d bytes at %#x: expected %d", n, start, len(page))
		}
	}
	return nil
}

func (f *frozenFile) seal() error {
	const all = unix.F_SEAL_SEAL | unix.F_SEAL_SHRINK | unix.F_SEAL_GROW | unix.F_SEAL_WRITE
	if _, err := unix.FcntlInt(uintptr(f.fd), unix.F_ADD_SEALS, all); err != nil {
		return fmt.Errorf("pristine: sealing an image: %w", err)
	}
	return nil
}

// mapContent maps the content for reading. Kernels before 6.7 reject a shared mapping
// of a sealed file even for reading; a private one has the same pages.
func (f *frozenFile) mapContent(size int) error {
	base, err := unix.MmapPtr(f.fd, 0, nil, uintptr(size), unix.PROT_READ, unix.MAP_PRIVATE)
	if err != nil {
		return fmt.Errorf("pristine: mapping an image of %d bytes: %w", size, err)
	}
	f.view = unsafe.Slice((*byte)(base), size)
	return nil
}

func (f *frozenFile) content() []byte { return f.view }

func (f *frozenFile) newSpace(max int) (space, error) {
	s, err := newMappedSpace(max)
	if err != nil {
		return nil, err
	}
	if err := s.show(f.fd, len(f.view)); err != nil {
		return nil, errors.Join(err, s.release())
	}
	return s, nil
}

func (f *frozenFile) release() error {
	var err error
	if f.view != nil {
		err = unix.MunmapPtr(unsafe.Pointer(unsafe.SliceData(f.view)), uintptr(len(f.view)))
		f.view = nil
	}
	return errors.Join(err, unix.Close(f.fd))
}
