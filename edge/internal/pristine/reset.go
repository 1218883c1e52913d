package pristine

import (
	"bytes"
	"errors"
	"fmt"
	"runtime"
)

// ErrNoImage means that a memory from the function NewMemory was reset or audited.
var ErrNoImage = errors.New("pristine: memory has no image")

// Cause is why a Reset searched for private pages.
type Cause string

// The causes. In a steady state nearly every Reset is NotSearched.
const (
	NotSearched Cause = ""
	Unsure      Cause = "unsure"       // the memory is new, or the last call or search failed
	Faults      Cause = "faults"       // the thread's fault count changed
	OtherThread Cause = "other-thread" // Begin was called on another thread
	NotBegun    Cause = "not-begun"    // Begin was not called
	EveryTime   Cause = "every-time"   // the method always searches
)

// Reason is why a memory should be retired.
type Reason string

// The reasons.
const (
	Keep         Reason = ""
	TooManyPages Reason = "pages"  // it is pristine, but resetting it has become slow
	Grown        Reason = "growth" // growth could not be undone
)

// ResetReport describes a Reset.
type ResetReport struct {
	Pages     int // pages copied
	NewPages  int // of these, found by this Reset
	Forgotten int // of these, unchanged for long: they are shared again
	Growth    int // bytes by which the guest had grown the memory
	Searched  Cause
	Retire    Reason
}

// Do makes one call, locked to its thread, and resets the memory after it. It is the
// fastest and safest way, since the reset cannot run on another thread. If call
// panics, or the memory is not usable, nothing is reset.
func (m *Memory) Do(call func()) (ResetReport, error) {
	if err := m.usable(); err != nil {
		return ResetReport{}, err
	}
	if !m.gated() {
		call()
		return m.reset(EveryTime)
	}
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	unsure := m.unsure
	m.unsure = true // in case call panics
	before := m.gate.count()
	call()
	after := m.gate.count()
	m.unsure = unsure
	return m.reset(moved(before, after))
}

// Begin starts the writes to the memory, if Do cannot be used. The caller locks the
// goroutine to its thread until Reset has returned.
func (m *Memory) Begin() {
	if !m.gated() {
		return
	}
	if m.gate.opened { // a call was abandoned, and its writes were not counted
		m.unsure = true
	}
	m.gate.open()
}

// Reset makes the memory equal to its image. After an error, or with Retire Grown,
// it may differ, and the owner must not use it again.
func (m *Memory) Reset() (ResetReport, error) {
	if err := m.usable(); err != nil {
		return ResetReport{}, err
	}
	if !m.gated() {
		return m.reset(EveryTime)
	}
	return m.reset(m.gate.close())
}

func (m *Memory) gated() bool { return m.finder != nil && m.image.Method().gated() }

func (m *Memory) reset(search Cause) (ResetReport, error) {
	if m.unsure && search != EveryTime {
		search = Unsure
	}
	r := ResetReport{Searched: search}
	if m.finder == nil {
		m.copyChanged(&r)
	} else if err := m.copyKnown(&r); err != nil {
		return r, err
	}
	if r.Growth = len(m.view) - m.image.Size(); r.Growth > 0 && !m.undoGrowth() {
		r.Retire = Grown
	}
	return r, nil
}

func (m *Memory) usable() error {
	switch {
	case m.image == nil:
		return ErrNoImage
	case m.space == nil:
		return fmt.Errorf("%w memory", ErrClosed)
	}
	return nil
}

// copyKnown copies the private pages from the image.
func (m *Memory) copyKnown(r *ResetReport) error {
	if r.Searched != NotSearched {
		m.unsure = true
		before := m.known.count
		if err := m.finder.find(m.view[:m.image.Size()], &m.known); err != nil {
			return fmt.Errorf("pristine: finding written pages by %s: %w", m.image.Method(), err)
		}
		m.unsure = false
		r.NewPages = m.known.count - before
	}
	content := m.image.content
	enough := m.idle.due() && m.idle.check(&m.known, m.view, content)
	for _, run := range m.known.runs {
		copy(m.view[run.start:run.end], content[run.start:run.end])
	}
	r.Pages = m.known.count
	if r.Pages > m.image.retireAbove {
		r.Retire = TooManyPages
	}
	if enough {
		r.Forgotten = m.forgetIdle()
	}
	return nil
}

// copyChanged copies only pages that differ: pages that were never written stay
// shared with the image.
func (m *Memory) copyChanged(r *ResetReport) {
	content := m.image.content
	for start := 0; start < len(content); start += pageSize {
		end := start + pageSize
		if !bytes.Equal(m.view[start:end], content[start:end]) {
			copy(m.view[start:end], content[start:end])
			r.Pages++
		}
	}
}
