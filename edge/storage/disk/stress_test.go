package disk

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math/rand/v2"
	"sync"
	"testing"
	"testing/iotest"

	"github.com/tenantedge/tenantedge/edge/storage"
	"github.com/tenantedge/tenantedge/edge/storage/backend"
)

// After concurrent changes, some of which fail, nothing is reserved, and the
// account has what a count finds.
func TestConcurrentChangesLeaveTheCountRight(t *testing.T) {
	v := newView(t, Config{NoSync: true, MaxSize: 3000, Quota: func(storage.Tenant) storage.Quota { return storage.Quota{Bytes: 1 << 30, Files: 1 << 20} }})
	lost := errors.New("connection lost")
	var all sync.WaitGroup
	for worker := range 4 {
		all.Go(func() {
			random := rand.New(rand.NewPCG(uint64(worker), 11))
			for range 60 {
				name := fmt.Sprintf("d%d/f%d", random.IntN(2), random.IntN(3))
				content := io.Reader(bytes.NewReader(make([]byte, random.IntN(4000))))
				if random.IntN(4) == 0 {
					content = io.MultiReader(content, iotest.ErrReader(lost))
				}
				any := func(fs.FileInfo) bool { return true }
				var err error
				switch random.IntN(5) {
				case 0:
					_, err = v.Save(context.Background(), name, content, 0)
				case 1:
					_, err = v.Create(context.Background(), name, content)
				case 2:
					_, err = v.Replace(context.Background(), name, content, any)
				case 3:
					err = v.Remove(name, any)
				case 4:
					err = inParts(v, random, name, content)
				}
				for _, fine := range []error{nil, lost, storage.ErrTooLarge, storage.ErrChanged, fs.ErrExist, fs.ErrNotExist} {
					if errors.Is(err, fine) {
						err = nil
					}
				}
				if err != nil {
					t.Error(err)
				}
			}
		})
	}
	all.Wait()
	kept, reserved := v.account().Usage()
	u, err := v.storage.count(t.Context(), v.Identifier(), true)
	must(t, err)
	if kept != u || reserved != (storage.Usage{}) {
		t.Errorf("there are %+v; counted are %+v, and %+v reserved", u, kept, reserved)
	}
}

// inParts begins a partial file, adds to it, and closes or removes it.
func inParts(v *View, random *rand.Rand, name string, content io.Reader) error {
	p, err := v.NewPartial(context.Background(), backend.Record{Name: name, Free: random.IntN(2) == 0, Size: random.Int64N(3000), Expires: later()})
	if err != nil {
		return err
	}
	var verify func() error
	if random.IntN(3) == 0 {
		verify = func() error { return storage.ErrChanged }
	}
	if p.Record().Saved == "" {
		_, err = p.Append(context.Background(), 0, content, verify)
	}
	if random.IntN(2) == 0 {
		return errors.Join(err, p.Remove())
	}
	return errors.Join(err, p.Close())
}
