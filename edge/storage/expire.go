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
		s.mu.Lock()
		var identifiers []string
		for i := range s.expiring {
			identifiers = append(identifiers, i)
		}
		s.mu.Unlock()
		for _, i := range identifiers {
			f, err := s.open(i, false)
			if err != nil {
				continue // the next one who uses the files is told
			}
			left, err := f.expire(s.ctx, time.Now())
			if err = errors.Join(err, f.Close()); err == nil && left == 0 {
				s.mu.Lock()
				delete(s.expiring, i)
				s.mu.Unlock()
			}
		}
	}
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
		r, err := f.record(path.Join(partialFolder, id+recordSuffix))
		if err == nil && r.Expires.After(now) {
			left++
			continue
		}
		gone, err := f.removeAbandoned(path.Join(partialFolder, e.Name()))
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
