package instance

import (
	"runtime"
	"sync"
	"sync/atomic"
)

// slots hold idle instances where a request finds one without a lock: a slot
// for each processor. What a processor took an instance from and gives it back
// to is its own slot nearly always, so that neither the slot nor the guest's
// memory moves between the caches of two of them.
//
// Go does not tell on which processor a goroutine runs. But a sync.Pool keeps
// what was put into it for the processor that did; so each finds there the
// slot that it used last.
type slots struct {
	all   []slot
	given atomic.Uint32 // slots that a processor was given for a start
	last  sync.Pool     // of *slot
}

// slot holds one idle instance, or none.
type slot struct {
	idle atomic.Pointer[Instance]
	_    [120]byte // slots share no line of a cache, nor one that is fetched with it
}

func (s *slots) init() {
	s.all = make([]slot, runtime.GOMAXPROCS(0))
	s.last.New = func() any { return &s.all[int(s.given.Add(1)-1)%len(s.all)] }
}

// take takes an idle instance: out of the processor's slot, or else of
// another's, which is its own from then on. It is nil if all are empty.
func (s *slots) take() *Instance {
	own := s.last.Get().(*slot)
	i := own.take()
	for n := 0; i == nil && n < len(s.all); n++ {
		if i = s.all[n].take(); i != nil {
			own = &s.all[n]
		}
	}
	s.last.Put(own)
	if i != nil {
		i.slot = own
	}
	return i
}

// put leaves an instance in the slot that it came from, or else in any; false:
// there is no room.
func (s *slots) put(i *Instance) bool {
	if i.slot != nil && i.slot.put(i) {
		return true
	}
	for n := range s.all {
		if s.all[n].put(i) {
			return true
		}
	}
	return false
}

func (s *slot) take() *Instance {
	if s.idle.Load() == nil { // to look costs others nothing
		return nil
	}
	return s.idle.Swap(nil)
}

func (s *slot) put(i *Instance) bool { return s.idle.CompareAndSwap(nil, i) }

// takeBack takes i out again; false: somebody else has.
func (s *slot) takeBack(i *Instance) bool { return s.idle.CompareAndSwap(i, nil) }
