package disk

import (
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/tenantedge/tenantedge/edge/storage"
	"github.com/tenantedge/tenantedge/edge/storage/backend"
)

func limited(t *testing.T, q storage.Quota) *View {
	t.Helper()
	return newView(t, Config{Quota: func(storage.Tenant) storage.Quota { return q }})
}

func save(t *testing.T, v *View, name, content string) error {
	t.Helper()
	_, err := v.Save(t.Context(), name, strings.NewReader(content), 0)
	return err
}

func TestAQuotaHoldsBytesAndFiles(t *testing.T) {
	t.Run("bytes", func(t *testing.T) {
		v := limited(t, storage.Quota{Bytes: 10})
		must(t, save(t, v, "d/a", "123456"))
		if err := save(t, v, "d/b", "12345"); !errors.Is(err, storage.ErrQuota) {
			t.Errorf("%v, expected ErrQuota", err)
		}
		must(t, save(t, v, "d/b", "1234"))
		must(t, save(t, v, "d/empty", ""))
		must(t, v.Delete("d/a"))
		must(t, save(t, v, "d/c", "654321"))
		if u, err := v.Usage(t.Context()); u != (storage.Usage{Bytes: 10, Files: 3}) || err != nil {
			t.Errorf("%+v, %v", u, err)
		}
		if found := leftovers(t, v.Location()); found != nil {
			t.Errorf("remaining: %q", found)
		}
	})
	t.Run("files", func(t *testing.T) {
		v := limited(t, storage.Quota{Files: 2})
		must(t, save(t, v, "a", "1"))
		must(t, save(t, v, "a", "1"))
		if err := save(t, v, "a", ""); !errors.Is(err, storage.ErrQuota) {
			t.Errorf("%v, expected ErrQuota", err)
		}
	})
	t.Run("what was there before", func(t *testing.T) {
		v := limited(t, storage.Quota{Bytes: 10})
		must(t, os.Mkdir(v.Location(), 0o777))
		must(t, os.WriteFile(filepath.Join(v.Location(), "old"), []byte("12345678"), 0o666))
		if err := save(t, v, "a", "123"); !errors.Is(err, storage.ErrQuota) {
			t.Errorf("%v, expected ErrQuota", err)
		}
	})
	t.Run("in place", func(t *testing.T) {
		v := limited(t, storage.Quota{Bytes: 10})
		must(t, save(t, v, "a", "1"))
		if _, err := v.OpenFile("a", os.O_WRONLY); !errors.Is(err, storage.ErrQuota) {
			t.Errorf("%v, expected ErrQuota", err)
		}
		f, err := v.OpenFile("a", os.O_RDONLY)
		must(t, err)
		must(t, f.Close())
	})
}

func TestAFailedSaveGivesItsRoomBack(t *testing.T) {
	v := limited(t, storage.Quota{Bytes: 10, Files: 1})
	for range 5 {
		if err := save(t, v, "a", "12345678901"); !errors.Is(err, storage.ErrQuota) {
			t.Fatalf("%v, expected ErrQuota", err)
		}
	}
	must(t, save(t, v, "a", "1234567890"))
}

func TestConcurrentSaversTogetherKeepTheQuota(t *testing.T) {
	v := limited(t, storage.Quota{Bytes: 100, Files: 15})
	var wg sync.WaitGroup
	var saved atomic.Int64
	for range 8 {
		wg.Go(func() {
			for range 10 {
				switch err := save(t, v, "d/x", "1234567"); {
				case err == nil:
					saved.Add(1)
				case !errors.Is(err, storage.ErrQuota):
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	// A saver that fails may have reserved room while another was rejected.
	if u, err := v.Usage(t.Context()); u.Files != saved.Load() || u.Bytes > 100 || u.Files == 0 || err != nil {
		t.Errorf("%+v, %v, of %d", u, err, saved.Load())
	}
}

// TestACountInTheMiddleOfAPartDoesNotCountItTwice: what has arrived of it is
// among the tenant's files already.
func TestACountInTheMiddleOfAPartDoesNotCountItTwice(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		v := limited(t, storage.Quota{Bytes: 10})
		p, err := v.NewPartial(t.Context(), backend.Record{Name: "f", Size: 10, Expires: later()})
		must(t, err)
		defer p.Close()
		wrong := errors.New("checksum")
		outdate := hook(func() { time.Sleep(11 * time.Minute) }) // a count is used for 10
		from := func() io.Reader {
			return io.MultiReader(strings.NewReader("012345"), outdate, strings.NewReader("6789"))
		}
		if n, err := p.Append(t.Context(), 0, from(), func() error { return wrong }); n != 0 || !errors.Is(err, wrong) {
			t.Errorf("content that fails verification: %d, %v", n, err)
		}
		if kept, reserved := v.account().Usage(); kept != (partialUsage) || reserved != (storage.Usage{}) {
			t.Errorf("then %+v are kept, %+v reserved", kept, reserved)
		}
		if n, err := p.Append(t.Context(), 0, from(), nil); n != 10 || err != nil {
			t.Errorf("content that fits: %d, %v", n, err)
		}
		if kept, reserved := v.account().Usage(); kept != (storage.Usage{Bytes: 10, Files: 2}) || reserved != (storage.Usage{}) {
			t.Errorf("then %+v are kept, %+v reserved", kept, reserved)
		}
	})
}

// hook is a reader without content that calls it.
type hook func()

func (h hook) Read([]byte) (int, error) {
	h()
	return 0, io.EOF
}
