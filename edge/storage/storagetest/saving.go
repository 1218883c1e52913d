package storagetest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/iotest"

	"github.com/tenantedge/tenantedge/edge/storage"
)

func largeFile(t *testing.T, p Backend) {
	f := p.files(t, "t1", Config{})
	want := pattern(2*p.Large+p.Large/3, 2)
	for i := range 2 {
		name, err := f.Save(t.Context(), "d/large.bin", stream(want), 0)
		must(t, err)
		if got := content(t, f, name); got != string(want) || (name == "d/large.bin") != (i == 0) {
			t.Errorf("%s: %d bytes, expected %d", name, len(got), len(want))
		}
	}
	exact, err := f.Save(t.Context(), "exact", stream(want[:p.Large]), 0)
	must(t, err)
	if got := content(t, f, exact); got != string(want[:p.Large]) {
		t.Errorf("%d bytes, expected %d", len(got), p.Large)
	}
	p.nothingLeft(t)
}

func savers(t *testing.T, p Backend) { concurrent(t, p, 6, 8, 20) }

func largeSavers(t *testing.T, p Backend) { concurrent(t, p, 3, 2, p.Large+p.Large/4) }

// concurrent saves files under one name, each saver with its own storage, like
// processes.
func concurrent(t *testing.T, p Backend, savers, files, size int) {
	var (
		mu    sync.Mutex
		saved = make(map[string][]byte)
		wg    sync.WaitGroup
	)
	for i := range savers {
		f := p.files(t, "t1", Config{})
		wg.Go(func() {
			for k := range files {
				want := pattern(size, uint64(i*files+k))
				name, err := f.Save(t.Context(), "a/b/same.txt", stream(want), 0)
				if err != nil {
					t.Error(err)
					return
				}
				mu.Lock()
				if saved[name] != nil {
					t.Errorf("%s was given twice", name)
				}
				saved[name] = want
				mu.Unlock()
			}
		})
	}
	wg.Wait()
	f := p.files(t, "t1", Config{})
	for name, want := range saved {
		if got := content(t, f, name); got != string(want) {
			t.Errorf("%s has other content than was saved", name)
		}
	}
	if u, err := f.Usage(t.Context()); u != (storage.Usage{Bytes: int64(savers * files * size), Files: int64(savers * files)}) || len(saved) != savers*files || err != nil {
		t.Errorf("%d names, %+v, %v", len(saved), u, err)
	}
	p.nothingLeft(t)
}

func failedSaves(t *testing.T, p Backend) {
	broken := errors.New("connection reset")
	half := func(size int, then io.Reader) io.Reader { return io.MultiReader(stream(pattern(size, 3)), then) }
	for _, c := range []struct {
		name    string
		content func(cancel context.CancelFunc) io.Reader
		want    error
	}{
		{"a broken connection", func(context.CancelFunc) io.Reader { return half(100, iotest.ErrReader(broken)) }, broken},
		{"a connection broken late", func(context.CancelFunc) io.Reader { return half(2*p.Large, iotest.ErrReader(broken)) }, broken},
		{"a cancelled request", func(cancel context.CancelFunc) io.Reader { cancel(); return strings.NewReader("x") }, context.Canceled},
		{"a request cancelled late", func(cancel context.CancelFunc) io.Reader { return half(2*p.Large, cancelling(cancel)) }, context.Canceled},
		{"a request cancelled at the end", func(cancel context.CancelFunc) io.Reader { return half(100, cancelling(cancel)) }, context.Canceled},
		{"too large", func(context.CancelFunc) io.Reader { return half(3*p.Large+1, strings.NewReader("")) }, storage.ErrTooLarge},
	} {
		t.Run(c.name, func(t *testing.T) {
			f := p.files(t, "t1", Config{MaxSize: int64(3 * p.Large)})
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			if name, err := f.Save(ctx, "d/a.txt", c.content(cancel), 0); name != "" || !errors.Is(err, c.want) {
				t.Errorf("%q, %v, expected %v", name, err, c.want)
			}
			if exists, err := f.Exists("d/a.txt"); exists || err != nil {
				t.Errorf("exists: %v, %v", exists, err)
			}
			if u, err := f.Usage(t.Context()); u != (storage.Usage{}) || err != nil {
				t.Errorf("%+v, %v", u, err)
			}
			p.nothingLeft(t)
		})
	}
}

// cancelling cancels the request when it is read, and reports no error.
func cancelling(cancel context.CancelFunc) io.Reader {
	return readerFunc(func([]byte) (int, error) { cancel(); return 0, io.EOF })
}

type readerFunc func([]byte) (int, error)

func (f readerFunc) Read(p []byte) (int, error) { return f(p) }

func limited(q storage.Quota) Config {
	return Config{Quota: func(storage.Tenant) storage.Quota { return q }}
}

func quotas(t *testing.T, p Backend) {
	save(t, p.files(t, "t1", Config{}), "old", "12345678") // without a quota
	f := p.files(t, "t1", limited(storage.Quota{Bytes: 20, Files: 3}))
	try := func(name, content string, want error) {
		t.Helper()
		if _, err := f.Save(t.Context(), name, strings.NewReader(content), 0); !errors.Is(err, want) {
			t.Errorf("%s: %v, expected %v", name, err, want)
		}
	}
	try("a", "1234567890123", storage.ErrQuota)
	try("a", "123456", nil)
	try("b", "1234567", storage.ErrQuota)
	must(t, f.Delete("a"))
	try("b", "123456789012", nil)
	try("empty", "", nil)
	try("one more", "", storage.ErrQuota)
	if u, err := f.Usage(t.Context()); u != (storage.Usage{Bytes: 20, Files: 3}) || err != nil {
		t.Errorf("%+v, %v", u, err)
	}
	other := p.files(t, "t2", limited(storage.Quota{Bytes: 20, Files: 3}))
	save(t, other, "a", "1234567890")
	p.nothingLeft(t)
}

func roomBack(t *testing.T, p Backend) {
	f := p.files(t, "t1", limited(storage.Quota{Bytes: int64(p.Large) + 10, Files: 1}))
	for range 3 {
		if _, err := f.Save(t.Context(), "a", stream(pattern(p.Large+11, 4)), 0); !errors.Is(err, storage.ErrQuota) {
			t.Fatalf("%v, expected ErrQuota", err)
		}
	}
	_, err := f.Save(t.Context(), "a", stream(pattern(p.Large+10, 4)), 0)
	must(t, err)
	p.nothingLeft(t)
}

func quotaSavers(t *testing.T, p Backend) {
	b := p.Open(t, limited(storage.Quota{Bytes: 100, Files: 15}))
	var wg sync.WaitGroup
	var saved atomic.Int64
	for range 6 {
		f := filesOf(t, b, "t1")
		wg.Go(func() {
			for i := range 6 {
				switch _, err := f.Save(t.Context(), fmt.Sprintf("d/x%d", i), bytes.NewReader([]byte("1234567")), 0); {
				case err == nil:
					saved.Add(1)
				case !errors.Is(err, storage.ErrQuota):
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	if u, err := filesOf(t, b, "t1").Usage(t.Context()); u.Files != saved.Load() || u.Bytes > 100 || u.Files == 0 || err != nil {
		t.Errorf("%+v, %v, of %d", u, err, saved.Load())
	}
	p.nothingLeft(t)
}
