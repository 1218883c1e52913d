package disk

import (
	"errors"
	"io/fs"
	"path/filepath"
	"testing"
	"time"

	"github.com/tenantedge/tenantedge/edge/internal/steady"
	"github.com/tenantedge/tenantedge/edge/storage/backend"
)

// setting is a system clock that is set while the process runs.
type setting struct {
	start, wall time.Time
	ran         time.Duration
}

func (s *setting) clock() *steady.Clock {
	return steady.Fake(s.start, func() time.Time { return s.wall }, func() time.Duration { return s.ran })
}

// run advances both clocks.
func (s *setting) run(d time.Duration) { s.wall, s.ran = s.wall.Add(d), s.ran+d }

func TestPartialFilesOutliveASystemClockThatIsSet_G11(t *testing.T) {
	const life, jump = 24 * time.Hour, 25 * time.Hour
	start := time.Now()
	for _, c := range []struct {
		name          string
		before, after time.Duration // clock change before and after the file is begun
	}{
		{"forward", 0, jump}, {"back", 0, -jump}, {"back, then corrected", -jump, jump}, {"forward, then corrected", jump, -jump},
	} {
		t.Run(c.name, func(t *testing.T) {
			location := t.TempDir()
			v := newView(t, Config{Location: location, NoSync: true})
			v.storage.work.Wait() // the first view's sweep
			system := &setting{start: start, wall: start}
			v.storage.clock = system.clock()
			system.wall = system.wall.Add(c.before)
			id := begin(t, v, backend.Record{Name: "f", Size: 3, Expires: v.storage.clock.Latest().Add(life)})
			system.wall = system.wall.Add(c.after)
			system.run(life - time.Hour)
			_, err := v.Sweep(t.Context())
			must(t, err)
			if at := add(t, v, id, "ab"); at != 2 {
				t.Errorf("it ends at %d", at)
			}
			system.run(jump + 2*time.Hour)
			if _, err := v.Partial(id); !errors.Is(err, fs.ErrNotExist) {
				t.Errorf("when its time is over by both clocks: %v", err)
			}
			_, err = v.Sweep(t.Context())
			must(t, err)
			if left, _ := filepath.Glob(filepath.Join(location, "t1", partialFolder, "*")); len(left) > 0 {
				t.Errorf("%q remain", left)
			}
		})
	}
}
