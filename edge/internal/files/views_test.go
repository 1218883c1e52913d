package files

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/tenantedge/tenantedge/edge/storage"
	"github.com/tenantedge/tenantedge/edge/storage/disk"
)

// opener counts how often views are opened.
type opener struct {
	mu     sync.Mutex
	opened map[string]int
	from   *disk.Storage
}

func newViews(t *testing.T) (*Views, *opener, string) {
	t.Helper()
	location := t.TempDir()
	s, err := disk.New(disk.Config{Location: location, BaseURL: "/media/"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	o := &opener{opened: map[string]int{}, from: s}
	v := NewViews(o.open)
	t.Cleanup(func() { v.Close() })
	return v, o, location
}

func (o *opener) open(ctx context.Context, t storage.Tenant) (storage.View, error) {
	o.mu.Lock()
	o.opened[t.Schema]++
	o.mu.Unlock()
	return o.from.View(ctx, t)
}

func (o *opener) times(schema string) int {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.opened[schema]
}

func borrow(t *testing.T, v *Views, schema, guest string) Lease {
	t.Helper()
	l, err := v.Borrow(t.Context(), storage.Tenant{Schema: schema}, guest)
	if err != nil {
		t.Fatal(err)
	}
	return l
}

func TestAViewIsOpenedOnceWhileItIsFresh(t *testing.T) {
	v, o, location := newViews(t)
	now := time.Unix(0, 0)
	v.now = func() time.Time { return now }
	write(t, filepath.Join(location, "a", "x"), "one")
	for range 3 {
		borrow(t, v, "a", "g").Release()
	}
	if n := o.times("a"); n != 1 {
		t.Errorf("opened %d times", n)
	}
	borrow(t, v, "a", "another guest").Release()
	if n := o.times("a"); n != 2 {
		t.Errorf("another guest may decide otherwise, but it was opened %d times", n)
	}
	if err := os.Rename(filepath.Join(location, "a"), filepath.Join(location, "before")); err != nil {
		t.Fatal(err)
	}
	write(t, filepath.Join(location, "a", "x"), "two")
	now = now.Add(Fresh)
	l := borrow(t, v, "a", "g")
	defer l.Release()
	if got, err := fs.ReadFile(l.View, "x"); string(got) != "two" || err != nil {
		t.Errorf("%q, %v: expected the new folder", got, err)
	}
}

func TestADroppedViewServesItsBorrowers(t *testing.T) {
	v, _, location := newViews(t)
	v.max = 2
	write(t, filepath.Join(location, "a", "x"), "text")
	l := borrow(t, v, "a", "g")
	for _, other := range []string{"b", "c", "d"} {
		borrow(t, v, other, "g").Release()
	}
	if len(v.entries) != 2 {
		t.Errorf("%d are cached, expected 2", len(v.entries))
	}
	if got, err := fs.ReadFile(l.View, "x"); string(got) != "text" || err != nil {
		t.Errorf("%q, %v", got, err)
	}
	l.Release()
	if _, err := l.View.Open("x"); !errors.Is(err, fs.ErrClosed) {
		t.Errorf("%v: expected it to be closed after its last release", err)
	}
	if err := v.Close(); err != nil {
		t.Error(err)
	}
	late := borrow(t, v, "a", "g")
	late.Release()
	if _, err := late.View.Open("x"); !errors.Is(err, fs.ErrClosed) {
		t.Errorf("%v: expected no view to be cached after Close", err)
	}
}

func TestConcurrentBorrowersGetTheirTenants(t *testing.T) {
	v, _, location := newViews(t)
	v.max = 3
	for i := range 8 {
		name := fmt.Sprint("t", i)
		write(t, filepath.Join(location, name, "who"), name)
	}
	var all sync.WaitGroup
	for g := range 8 {
		all.Go(func() {
			for i := range 200 {
				name := fmt.Sprint("t", (g+i)%8)
				l, err := v.Borrow(context.Background(), storage.Tenant{Schema: name}, "g")
				if err != nil {
					t.Error(err)
					return
				}
				if got, err := fs.ReadFile(l.View, "who"); string(got) != name || err != nil {
					t.Errorf("%s: %q, %v", name, got, err)
				}
				l.Release()
			}
		})
	}
	all.Wait()
}
