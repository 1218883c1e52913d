package postgres

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"github.com/tenantedge/tenantedge/tenantdb"
	"github.com/tenantedge/tenantedge/tenantdb/atomicfile"
)

// saver writes the state file beside the follower, so that a change is never
// late because an earlier one is being saved. What cannot be written is tried
// again until it is.
type saver struct {
	path  string // empty: no state is saved
	every time.Duration
	dir   *tenantdb.Directory
	log   *slog.Logger
	dirty chan struct{} // holds one: something changed since the last writing began
	done  sync.WaitGroup
	end   context.CancelFunc

	since  time.Time // of the first change since the last writing began; guarded by Directory.Note
	logged time.Time // when a failure was logged
}

// newSaver begins to save.
func newSaver(s *Source, dir *tenantdb.Directory) *saver {
	ctx, end := context.WithCancel(context.Background())
	v := &saver{
		path: s.stateFile, every: s.saveEvery, dir: dir, log: s.log(dir),
		dirty: make(chan struct{}, 1), end: end,
	}
	if v.path == "" {
		return v
	}
	dir.Note(func(u *tenantdb.Upkeep) { u.StateFile = v.path })
	if err := atomicfile.RemoveUnfinished(v.path); err != nil {
		v.log.Warn("temporary state files of earlier processes cannot be removed", "error", err)
	}
	v.done.Go(func() { v.run(ctx) })
	return v
}

// changed notes that the directory holds what the file may not.
func (v *saver) changed() {
	if v.path == "" {
		return
	}
	v.dir.Note(func(u *tenantdb.Upkeep) {
		if v.since.IsZero() {
			v.since = time.Now()
		}
		if u.UnsavedSince.IsZero() {
			u.UnsavedSince = v.since
		}
	})
	v.mark()
}

func (v *saver) mark() {
	select {
	case v.dirty <- struct{}{}:
	default:
	}
}

// stop writes what is unwritten and ends.
func (v *saver) stop() {
	v.end()
	v.done.Wait()
}

func (v *saver) run(ctx context.Context) {
	wait := firstRetry
	for {
		select {
		case <-v.dirty:
		default:
			select {
			case <-v.dirty:
			case <-ctx.Done():
				return
			}
		}
		pause := v.every
		if v.save() {
			wait = firstRetry
		} else {
			if ctx.Err() != nil {
				return
			}
			v.mark()
			pause, wait = wait, min(2*wait, lastRetry)
		}
		timer := time.NewTimer(pause)
		select {
		case <-timer.C:
		case <-ctx.Done():
		}
		timer.Stop()
	}
}

// logFailuresEvery is how often a failure that lasts is logged.
const logFailuresEvery = time.Minute

func (v *saver) save() bool {
	v.dir.Note(func(*tenantdb.Upkeep) { v.since = time.Time{} })
	err := tenantdb.SaveState(v.path, v.dir)
	if err != nil {
		v.dir.Note(func(u *tenantdb.Upkeep) { u.SaveError, u.SaveFailures = err.Error(), u.SaveFailures+1 })
		if v.logged.IsZero() || time.Since(v.logged) >= logFailuresEvery {
			v.logged = time.Now()
			v.log.Warn("the state cannot be saved; saving is retried", "error", err)
		}
		return false
	}
	v.dir.Note(func(u *tenantdb.Upkeep) { u.SaveError, u.UnsavedSince = "", v.since })
	if !v.logged.IsZero() {
		v.logged = time.Time{}
		v.log.Info("the state is saved again", "file", v.path)
	}
	return true
}
