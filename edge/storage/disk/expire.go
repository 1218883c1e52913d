package disk

import (
	"context"
	"errors"
	"io/fs"
	"path"
	"strings"
	"time"
)

// expireEvery is the interval at which expired partial files are removed.
const expireEvery = 10 * time.Minute

// expirePeriodically removes expired partial files of a tenant from now on.
func (s *Storage) expirePeriodically(identifier string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.ctx.Err() != nil {
		return
	}
	if s.expiring == nil {
		s.expiring = make(map[string]bool)
		s.work.Go(s.expireUntilClosed)
	}
	s.expiring[identifier] = true
}

func (s *Storage) expireUntilClosed() {
	tick := time.NewTicker(expireEvery)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
		case <-s.ctx.Done():
			return
		}
		s.expireAll()
	}
}

// expireAll removes the expired partial files of all tenants that may have some.
// The set of tenants is emptied first, and those that still have partial files
// are put back: a tenant without any may begin one meanwhile.
func (s *Storage) expireAll() {
	s.mu.Lock()
	due := s.expiring
	s.expiring = make(map[string]bool, len(due))
	s.mu.Unlock()
	for i := range due {
		if !s.expireOf(i) {
			s.mu.Lock()
			s.expiring[i] = true
			s.mu.Unlock()
		}
	}
}

// expireOf removes the expired partial files of a tenant, and reports whether it
// has no others.
func (s *Storage) expireOf(identifier string) (none bool) {
	f, err := s.open(identifier, false)
	if err != nil {
		return false // the next access returns the error
	}
	left, err := f.expire(s.ctx, s.clock.Earliest())
	return errors.Join(err, f.Close()) == nil && left == 0
}

// expire removes the partial files that have expired or lost their record,
// except those that are open, and returns the number of remaining files. The
// quota gets the room back with the next count.
func (f *folder) expire(ctx context.Context, now time.Time) (left int, err error) {
	entries, err := fs.ReadDir(f.FS(), partialFolder) // each content before its record
	if err != nil {
		return 0, unless(err, fs.ErrNotExist)
	}
	inUse := ""
	for _, e := range entries {
		id := strings.TrimSuffix(e.Name(), recordSuffix)
		switch {
		case ctx.Err() != nil:
			return left, ctx.Err()
		case !isPartialID(id):
			continue
		case id == inUse || !f.expired(id, now):
			left++
			continue
		}
		removed, err := f.removeExpired(path.Join(partialFolder, e.Name()), id, now)
		if err != nil {
			return left, err
		}
		if !removed {
			inUse = id
			left++
		}
	}
	return left, nil
}

// removeExpired removes the content or the record of a partial file that is not
// open, and reports whether it did.
func (f *folder) removeExpired(name, id string, now time.Time) (bool, error) {
	a, err := f.lockAbandoned(name)
	if a == nil {
		return false, err
	}
	defer a.release()
	// Checked again under the lock: a partial file that is being begun had no
	// record at the first check, and may have one now.
	if !f.expired(id, now) {
		return false, nil
	}
	return a.remove()
}

// expired reports whether a partial file has expired or lost its record. One
// whose record cannot be read at present, because too many files are open for
// example, has not.
func (f *folder) expired(id string, now time.Time) bool {
	r, err := f.record(path.Join(partialFolder, id+recordSuffix))
	if err != nil {
		return errors.Is(err, fs.ErrNotExist) || errors.Is(err, errRecord)
	}
	return !r.Expires.After(now)
}
