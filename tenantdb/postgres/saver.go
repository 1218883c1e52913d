package postgres

import (
	"sync"
	"time"

	"github.com/tenantedge/tenantedge/tenantdb"
)

// saver writes the state file beside the follower, so that a change is never
// late because an earlier one is being saved.
type saver struct {
	source *Source
	dir    *tenantdb.Directory
	dirty  chan struct{} // holds one: something changed since the last writing began
	end    chan struct{}
	done   sync.WaitGroup
}

func newSaver(s *Source, dir *tenantdb.Directory) *saver {
	v := &saver{source: s, dir: dir, dirty: make(chan struct{}, 1), end: make(chan struct{})}
	if s.opts.StateFile != "" {
		v.done.Go(v.run)
	}
	return v
}

func (v *saver) changed() {
	select {
	case v.dirty <- struct{}{}:
	default:
	}
}

// stop writes what is unwritten and ends.
func (v *saver) stop() {
	close(v.end)
	v.done.Wait()
}

func (v *saver) run() {
	for {
		select {
		case <-v.dirty:
			v.source.save(v.dir)
		case <-v.end:
			select {
			case <-v.dirty:
				v.source.save(v.dir)
			default:
			}
			return
		}
		pause := time.NewTimer(v.source.opts.SaveEvery)
		select {
		case <-pause.C:
		case <-v.end:
		}
		pause.Stop()
	}
}
