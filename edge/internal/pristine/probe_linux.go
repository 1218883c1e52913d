package pristine

import (
	"errors"
	"fmt"
	"runtime"
	"slices"
)

// probe tries the methods on an image that begins with a page of zeros, which is a
// hole in its file. It returns the methods that do not work, and why.
func probe() map[Method]error {
	content := make([]byte, 4*wasmPage)
	for i := range content {
		content[i] = byte(i / wasmPage)
	}
	f, err := newFrozenFile(content)
	if err != nil {
		return compareOnly(err).Refused
	}
	refused := make(map[Method]error)
	for _, m := range methods[:len(methods)-1] {
		if err := f.try(m); err != nil {
			refused[m] = err
		}
	}
	_ = f.release() // it was in memory only
	return refused
}

// try verifies a method on a new memory.
func (f *frozenFile) try(m Method) (err error) {
	s, err := f.newSpace(len(f.view))
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.release()) }()
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	var g gate
	moves := func(write func()) bool {
		g.open()
		write()
		return g.close() == Faults
	}
	if !m.gated() {
		moves = func(write func()) bool { write(); return true }
	}
	return verify(s.bytes(), f.newFinder(m), moves)
}

// verify writes to pages, one of which was read before. Each write must change the
// fault count, and the search must find exactly the pages written so far.
func verify(memory []byte, f finder, moves func(write func()) bool) error {
	if memory[0] != 0 || memory[2*wasmPage] != 2 {
		return errors.New("a mapped image does not hold its content")
	}
	known := newPageSet(len(memory))
	var written []pageRun
	for _, start := range []int{0, wasmPage, 3 * wasmPage} {
		if !moves(func() { memory[start+1]++ }) {
			return errors.New("a first write to a page does not count as a fault of the thread")
		}
		written = append(written, pageRun{start, start + pageSize})
		if err := f.find(memory, &known); err != nil {
			return err
		}
		if !slices.Equal(known.runs, written) {
			return fmt.Errorf("searching for written pages finds %v: expected %v", known.runs, written)
		}
	}
	return nil
}
