package pristine

import (
	"bytes"
	"errors"
	"fmt"
	"runtime"
)

// ErrNoImage is the error of resetting or auditing a memory from NewMemory.
var ErrNoImage = errors.New("pristine: memory has no image")

// Cause says why a Reset asked the kernel which pages are private.
type Cause string

// The causes. In a steady state nearly every Reset has none.
const (
	NotSearched Cause = ""
	Unsure      Cause = "unsure"       // the memory is new, or the last call or search did not end well
	Faults      Cause = "faults"       // the thread's fault count moved
	OtherThread Cause = "other-thread" // Begin was called on another thread
	NotBegun    Cause = "not-begun"    // Begin was not called
	EveryTime   Cause = "every-time"   // the method cannot do without
)

// Reason says why a memory should be retired.
type Reason string

// The reasons.
const (
	Keep         Reason = ""
	TooManyPages Reason = "pages"  // it is pristine, but putting it back has become slow
	Grown        Reason = "growth" // what the guest grew it by could not be taken back
)

// ResetReport tells what a Reset did.
type ResetReport struct {
	Pages    int // pages put back
	NewPages int // of these, pages that no Reset before knew of
	GivenUp  int // of these, pages that calls have left alone for long: they are shared again
	Growth   int // bytes that the guest had grown the memory by
	Searched Cause
	Retire   Reason
}

// Do makes one call: locked to its thread for that time, and with a Reset after
// it. It is the cheapest way, and the safest, since the Reset cannot be on
// another thread. If call panics, or the memory is not usable, nothing is reset.
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
	m.unsure = true // so it stays if call does not return
	before := m.gate.count()
	call()
	after := m.gate.count()
	m.unsure = unsure
	return m.reset(moved(before, after))
}

// Begin starts the time in which the memory may be written, where Do does not
// fit. The goroutine is locked to its thread until Reset has returned.
func (m *Memory) Begin() {
	if !m.gated() {
		return
	}
	if m.gate.opened { // a call was given up: what it wrote has not been counted
		m.unsure = true
	}
	m.gate.open()
}

// Reset makes the memory equal to its image. After an error, and with a reason
// to retire of Grown, it is not; the owner must not use it any more.
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
		m.compareAll(&r)
	} else if err := m.putBack(&r); err != nil {
		return r, err
	}
	if r.Growth = len(m.view) - m.image.Size(); r.Growth > 0 && !m.takeBack() {
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

// putBack copies the private pages from the image.
func (m *Memory) putBack(r *ResetReport) error {
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
	enough := m.idle.due() && m.idle.look(&m.known, m.view, content)
	for _, run := range m.known.runs {
		copy(m.view[run.start:run.end], content[run.start:run.end])
	}
	r.Pages = m.known.count
	if r.Pages > m.image.retireAbove {
		r.Retire = TooManyPages
	}
	if enough {
		r.GivenUp = m.giveUp()
	}
	return nil
}

// compareAll copies only pages that differ: pages that were never written stay
// shared with the image.
func (m *Memory) compareAll(r *ResetReport) {
	content := m.image.content
	for start := 0; start < len(content); start += pageSize {
		end := start + pageSize
		if !bytes.Equal(m.view[start:end], content[start:end]) {
			copy(m.view[start:end], content[start:end])
			r.Pages++
		}
	}
}
