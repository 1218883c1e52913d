package instance

import (
	"runtime"
	"sync"
	"sync/atomic"
)

// slots hold idle instances, one slot for each processor, for access without a
// lock. A processor nearly always takes an instance from its own slot and
// returns it there, so that neither the slot nor the guest's memory moves
// between the caches of processors.
//
// Go has no API for the processor of a goroutine. But a sync.Pool keeps values
// for the processor that put them, so each processor gets the slot that it used
// last.
type slots struct {
	all   []slot
	given atomic.Uint32 // number of slots assigned to processors
	last  sync.Pool     // of *slot
}

// slot holds one idle instance, or none.
type slot struct {
	idle atomic.Pointer[Instance]
	_    [120]byte // slots share no cache line, nor a pair that is fetched together
}

func (s *slots) init() {
	s.all = make([]slot, runtime.GOMAXPROCS(0))
	s.last.New = func() any { return &s.all[int(s.given.Add(1)-1)%len(s.all)] }
}

// take takes an idle instance from the processor's slot, or else from another,
// which becomes the processor's. It returns nil if all are empty.
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

// put puts an instance into its last slot, or else into any other. It reports
// false if all are occupied.
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
	if s.idle.Load() == nil { // a load does not invalidate the cache line
		return nil
	}
	return s.idle.Swap(nil)
}

func (s *slot) put(i *Instance) bool { return s.idle.CompareAndSwap(nil, i) }

// takeBack takes i back. It reports false if another goroutine has taken it.
func (s *slot) takeBack(i *Instance) bool { return s.idle.CompareAndSwap(i, nil) }
