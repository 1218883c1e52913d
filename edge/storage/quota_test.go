package storage

import (
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

func limited(t *testing.T, q Quota) *View {
	t.Helper()
	return newView(t, Config{Quota: func(Tenant) Quota { return q }})
}

func save(t *testing.T, v *View, name, content string) error {
	t.Helper()
	_, err := v.Save(t.Context(), name, strings.NewReader(content), 0)
	return err
}

func TestAQuotaHoldsBytesAndFiles(t *testing.T) {
	t.Run("bytes", func(t *testing.T) {
		v := limited(t, Quota{Bytes: 10})
		must(t, save(t, v, "d/a", "123456"))
		if err := save(t, v, "d/b", "12345"); !errors.Is(err, ErrQuota) {
			t.Errorf("%v, expected ErrQuota", err)
		}
		must(t, save(t, v, "d/b", "1234"))
		must(t, save(t, v, "d/empty", ""))
		must(t, v.Delete("d/a"))
		must(t, save(t, v, "d/c", "654321"))
		if u, err := v.Usage(t.Context()); u != (Usage{10, 3}) || err != nil {
			t.Errorf("%+v, %v", u, err)
		}
		if found := leftovers(t, v.Location()); found != nil {
			t.Errorf("left behind: %q", found)
		}
	})
	t.Run("files", func(t *testing.T) {
		v := limited(t, Quota{Files: 2})
		must(t, save(t, v, "a", "1"))
		must(t, save(t, v, "a", "1"))
		if err := save(t, v, "a", ""); !errors.Is(err, ErrQuota) {
			t.Errorf("%v, expected ErrQuota", err)
		}
	})
	t.Run("what was there before", func(t *testing.T) {
		v := limited(t, Quota{Bytes: 10})
		must(t, os.Mkdir(v.Location(), 0o777))
		must(t, os.WriteFile(filepath.Join(v.Location(), "old"), []byte("12345678"), 0o666))
		if err := save(t, v, "a", "123"); !errors.Is(err, ErrQuota) {
			t.Errorf("%v, expected ErrQuota", err)
		}
	})
	t.Run("in place", func(t *testing.T) {
		v := limited(t, Quota{Bytes: 10})
		must(t, save(t, v, "a", "1"))
		if _, err := v.OpenFile("a", os.O_WRONLY); !errors.Is(err, ErrQuota) {
			t.Errorf("%v, expected ErrQuota", err)
		}
		f, err := v.OpenFile("a", os.O_RDONLY)
		must(t, err)
		must(t, f.Close())
	})
}

func TestAFailedSaveGivesItsRoomBack(t *testing.T) {
	v := limited(t, Quota{Bytes: 10, Files: 1})
	for range 5 {
		if err := save(t, v, "a", "12345678901"); !errors.Is(err, ErrQuota) {
			t.Fatalf("%v, expected ErrQuota", err)
		}
	}
	must(t, save(t, v, "a", "1234567890"))
}

func TestConcurrentSaversTogetherKeepTheQuota(t *testing.T) {
	v := limited(t, Quota{Bytes: 100, Files: 15})
	var wg sync.WaitGroup
	var saved atomic.Int64
	for range 8 {
		wg.Go(func() {
			for range 10 {
				switch err := save(t, v, "d/x", "1234567"); {
				case err == nil:
					saved.Add(1)
				case !errors.Is(err, ErrQuota):
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	// Savers that fail may have held room that another was refused.
	if u, err := v.Usage(t.Context()); u.Files != saved.Load() || u.Bytes > 100 || u.Files == 0 || err != nil {
		t.Errorf("%+v, %v, of %d", u, err, saved.Load())
	}
}

// TestACountIsRenewedBeforeARefusal: others make room in a tenant's folder too.
func TestACountIsRenewedBeforeARefusal(t *testing.T) {
	there := Usage{Bytes: 10}
	counts := 0
	a := &account{quota: Quota{Bytes: 10}, counting: make(chan struct{}, 1), count: func(context.Context) (Usage, error) {
		counts++
		return there, nil
	}}
	for range 3 {
		if err := a.reserve(t.Context(), Usage{Bytes: 1}); err != ErrQuota {
			t.Fatalf("%v, expected ErrQuota", err)
		}
	}
	if counts != 1 {
		t.Errorf("%d counts in a moment, expected one", counts)
	}
	there.Bytes = 4
	a.counted = time.Now().Add(-refusalAge)
	must(t, a.reserve(t.Context(), Usage{Bytes: 6}))
	a.counted = time.Now().Add(-countAge)
	there.Bytes = 0
	must(t, a.reserve(t.Context(), Usage{Bytes: 4}))
	if counts != 3 || a.pending.Bytes != 10 {
		t.Errorf("%d counts, %+v pending", counts, a.pending)
	}
}

// TestACountInTheMiddleOfAPartDoesNotCountItTwice: what has come of it lies in
// the tenant's folder already.
func TestACountInTheMiddleOfAPartDoesNotCountItTwice(t *testing.T) {
	v := limited(t, Quota{Bytes: 10})
	p, err := v.NewPartial(t.Context(), Record{Name: "f", Size: 10, Expires: later()})
	must(t, err)
	defer p.Close()
	a := v.account()
	wrong := errors.New("checksum")
	from := func() io.Reader {
		return io.MultiReader(strings.NewReader("012345"), hook(func() { a.counted = time.Time{} }), strings.NewReader("6789"))
	}
	if n, err := p.Append(t.Context(), 0, from(), func() error { return wrong }); n != 0 || !errors.Is(err, wrong) {
		t.Errorf("content that is not what it should be: %d, %v", n, err)
	}
	if a.kept != (partialUsage) || a.pending != (Usage{}) {
		t.Errorf("then %+v are kept, %+v pending", a.kept, a.pending)
	}
	if n, err := p.Append(t.Context(), 0, from(), nil); n != 10 || err != nil {
		t.Errorf("content that fits: %d, %v", n, err)
	}
	if a.kept != (Usage{Bytes: 10, Files: 2}) || a.pending != (Usage{}) {
		t.Errorf("then %+v are kept, %+v pending", a.kept, a.pending)
	}
}

// hook is content without a byte, which calls it when it is reached.
type hook func()

func (h hook) Read([]byte) (int, error) {
	h()
	return 0, io.EOF
}
