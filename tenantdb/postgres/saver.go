package postgres

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"github.com/tenantedge/tenantedge/tenantdb"
	"github.com/tenantedge/tenantedge/tenantdb/atomicfile"
)

// saver writes the state file in a separate goroutine, so that saving never
// delays a change. A write that fails is retried until it succeeds.
type saver struct {
	owner *Source
	path  string // empty: no state is saved
	every time.Duration
	dir   *tenantdb.Directory
	log   *slog.Logger
	dirty chan struct{} // has an element if there was a change since the last write began
	done  sync.WaitGroup
	end   context.CancelFunc

	since  time.Time // of the first change since the last write began; guarded by Directory.Note
	logged time.Time // when a failure was last logged; zero: the last write succeeded
}

// newSaver starts a saver. Without a state file it does nothing.
func newSaver(s *Source, dir *tenantdb.Directory) *saver {
	ctx, end := context.WithCancel(context.Background())
	v := &saver{
		owner: s, path: s.stateFile, every: s.saveEvery, dir: dir, log: s.log(dir),
		dirty: make(chan struct{}, 1), end: end,
	}
	if v.path == "" {
		return v
	}
	dir.Note(func(u *tenantdb.Upkeep) { u.StateFile = v.path })
	if err := atomicfile.RemoveUnfinished(v.path); err != nil {
		v.log.Warn("cannot remove temporary state files of earlier processes", "error", err)
	}
	v.done.Go(func() { v.run(ctx) })
	return v
}

// changed records that the directory may hold changes that the file does not.
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

// stop writes pending changes and stops the saver.
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

// logFailuresEvery is the interval at which a lasting failure is logged.
const logFailuresEvery = time.Minute

// LeaveState makes the Source write its state file no more, since another one does. It
// waits for a write.
func (s *Source) LeaveState() {
	s.saving.Lock()
	defer s.saving.Unlock()
	s.left = true
}

func (v *saver) save() bool {
	v.owner.saving.Lock()
	defer v.owner.saving.Unlock()
	if v.owner.left {
		return true
	}
	v.dir.Note(func(*tenantdb.Upkeep) { v.since = time.Time{} })
	err := tenantdb.SaveState(v.path, v.dir)
	if err != nil {
		v.dir.Note(func(u *tenantdb.Upkeep) { u.SaveError, u.SaveFailures = err.Error(), u.SaveFailures+1 })
		if v.logged.IsZero() || time.Since(v.logged) >= logFailuresEvery {
			v.logged = time.Now()
			v.log.Warn("cannot save the state; retrying", "error", err)
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
