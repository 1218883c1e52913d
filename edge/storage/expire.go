package storage

import (
	"context"
	"errors"
	"io/fs"
	"path"
	"strings"
	"time"
)

// expireEvery is how often expired partial files are looked for.
const expireEvery = 10 * time.Minute

// expireNowAndThen removes expired partial files of a tenant from time to time,
// from now on.
func (s *Storage) expireNowAndThen(identifier string) {
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

// expireAll looks at all who may have partial files. They are forgotten first,
// and those who have some are remembered again: one who has none may begin one
// while it is looked at.
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

// expireOf removes the expired partial files of a tenant, and reports whether none
// is left.
func (s *Storage) expireOf(identifier string) (none bool) {
	f, err := s.open(identifier, false)
	if err != nil {
		return false // the next one who uses the files is told
	}
	left, err := f.expire(s.ctx, s.clock.Earliest())
	return errors.Join(err, f.Close()) == nil && left == 0
}

// expire removes the partial files whose time is over, and those whose
// record is lost, and tells how many are left. What somebody is working on
// stays. The room that they had is the tenant's again with the next count.
func (f *folder) expire(ctx context.Context, now time.Time) (left int, err error) {
	entries, err := fs.ReadDir(f.FS(), partialFolder) // each content in front of its record
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
		case id == inUse:
			left++
			continue
		}
		if !f.expired(id, now) {
			left++
			continue
		}
		gone, err := f.removeExpired(path.Join(partialFolder, e.Name()), id, now)
		if err != nil {
			return left, err
		}
		if !gone {
			inUse = id
			left++
		}
	}
	return left, nil
}

// removeExpired removes the content or the record of a partial file, if nobody
// holds it, and reports whether it did.
func (f *folder) removeExpired(name, id string, now time.Time) (bool, error) {
	a, err := f.takeAbandoned(name)
	if a == nil {
		return false, err
	}
	defer a.release()
	// Asked again while it is held: one that is being begun has no record, and
	// may have one by now.
	if !f.expired(id, now) {
		return false, nil
	}
	return a.remove()
}

// expired reports whether the time of a partial file is over, or its record is
// lost. One whose record cannot be read now, for too many files are open say,
// stays.
func (f *folder) expired(id string, now time.Time) bool {
	r, err := f.record(path.Join(partialFolder, id+recordSuffix))
	if err != nil {
		return errors.Is(err, fs.ErrNotExist) || errors.Is(err, errRecord)
	}
	return !r.Expires.After(now)
}
