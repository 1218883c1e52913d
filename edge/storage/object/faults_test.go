//go:build unix

package object

import (
	"bytes"
	"context"
	"errors"
	"io"
	"io/fs"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/tenantedge/tenantedge/edge/storage"
	"github.com/tenantedge/tenantedge/edge/storage/backend"
	"github.com/tenantedge/tenantedge/edge/storage/object/s3test"
)

// transport is a function that sends or changes requests.
type transport func(*http.Request) (*http.Response, error)

func (t transport) RoundTrip(r *http.Request) (*http.Response, error) { return t(r) }

var errLost = errors.New("connection reset by peer")

// losing drops the answers to the first matching requests. The server has
// processed them.
func losing(times int64, fits func(*http.Request) bool) transport {
	var lost atomic.Int64
	return func(r *http.Request) (*http.Response, error) {
		sent := func() {}
		if fits(r) {
			r, sent = awaited(r)
		}
		w, err := http.DefaultTransport.RoundTrip(r)
		if err == nil && fits(r) && lost.Add(1) <= times {
			_, err = io.Copy(io.Discard, w.Body)
			sent() // the request is repeated with the same content
			return nil, errors.Join(errLost, err, w.Body.Close())
		}
		return w, err
	}
}

// awaited waits until the body of a request is closed, which may be after the
// answer.
func awaited(r *http.Request) (*http.Request, func()) {
	if r.Body == nil || r.Body == http.NoBody {
		return r, func() {}
	}
	done := make(chan struct{})
	out := r.Clone(r.Context())
	out.Body = &body{ReadCloser: r.Body, closed: sync.OnceFunc(func() { close(done) })}
	return out, func() { <-done }
}

type body struct {
	io.ReadCloser
	closed func()
}

func (b *body) Close() error {
	defer b.closed()
	return b.ReadCloser.Close()
}

// breaking counts requests, and fails one of them.
func breaking(at int64, requests *atomic.Int64) transport {
	return func(r *http.Request) (*http.Response, error) {
		if requests.Add(1) == at {
			return nil, errLost
		}
		return http.DefaultTransport.RoundTrip(r)
	}
}

// making reports whether a request creates an object that tenants can see.
func making(r *http.Request) bool {
	return (r.Method == http.MethodPut && !r.URL.Query().Has("uploadId") || r.Method == http.MethodPost && r.URL.Query().Has("uploadId")) && !backend.Reserved(r.URL.Path)
}

// staging reports whether a request completes an object that tenants cannot see.
func staging(r *http.Request) bool {
	return r.Method == http.MethodPost && r.URL.Query().Has("uploadId") && backend.Reserved(r.URL.Path)
}

func TestASaveWhoseAnswerIsLostIsNoOtherFile(t *testing.T) {
	for _, c := range []struct {
		name  string
		times int64
		fits  func(*http.Request) bool
		size  int
	}{
		{"once, and the request is repeated", 1, making, 10},
		{"always", 1 << 30, making, 10},
		{"of a large file", 1, making, minPartSize + 10},
		{"of a large file, always", 1 << 30, making, minPartSize + 10},
		{"of a large file, before it has its name", 1, staging, minPartSize + 10},
	} {
		t.Run(c.name, func(t *testing.T) {
			config := bucket(t)
			config.Retries = 2
			config.Transport = losing(c.times, c.fits)
			v := newView(t, config)
			want := bytes.Repeat([]byte("x"), c.size)
			name, err := v.Save(t.Context(), "d/a.txt", bytes.NewReader(want), 0)
			if name != "d/a.txt" || err != nil {
				t.Fatalf("%q, %v, expected the name that was free", name, err)
			}
			if u, err := v.Usage(t.Context()); u != (storage.Usage{Bytes: int64(c.size), Files: 1}) || err != nil {
				t.Errorf("%+v, %v", u, err)
			}
			if found := leftovers(t, config); found != nil {
				t.Errorf("remaining: %q", found)
			}
		})
	}
}

func every(fs.FileInfo) bool { return true }

// TestAChangeWhoseAnswerIsLostIsDone: the client repeats the request, and the
// server rejects it because of the first one.
func TestAChangeWhoseAnswerIsLostIsDone(t *testing.T) {
	removing := func(r *http.Request) bool { return r.Method == http.MethodDelete && !backend.Reserved(r.URL.Path) }
	for _, c := range []struct {
		name  string
		times int64
		size  int
	}{
		{"once", 1, 10}, {"always", 1 << 30, 10}, {"of a large file", 1, minPartSize + 10}, {"of a large file, always", 1 << 30, minPartSize + 10},
	} {
		t.Run(c.name, func(t *testing.T) {
			config := bucket(t)
			config.Quota = func(storage.Tenant) storage.Quota { return storage.Quota{Files: 1} }
			_, err := newView(t, config).Create(t.Context(), "d/a", strings.NewReader("old"))
			must(t, err)
			config.Retries = 2
			config.Transport = losing(c.times, func(r *http.Request) bool { return making(r) || removing(r) })
			v := newView(t, config)
			info, err := v.Replace(t.Context(), "d/a", bytes.NewReader(make([]byte, c.size)), every)
			must(t, err)
			if found, err := v.Stat("d/a"); err != nil || found.Size() != int64(c.size) || found.Sys() != info.Sys() {
				t.Errorf("returned %v, found %v, %v", info, found, err)
			}
			if err := v.Remove("d/a", every); err != nil && !(c.times == 1 && errors.Is(err, fs.ErrNotExist)) {
				t.Error(err)
			}
			if u, err := v.Usage(t.Context()); u != (storage.Usage{}) || err != nil {
				t.Errorf("%+v, %v", u, err)
			}
			if found := leftovers(t, config); found != nil {
				t.Errorf("remaining: %q", found)
			}
		})
	}
}

// TestAReplacementThatFailsLeavesTheFile fails each request of a replacement in
// turn.
func TestAReplacementThatFailsLeavesTheFile(t *testing.T) {
	for _, size := range []int{10, minPartSize + 10} {
		for broken := int64(1); ; broken++ {
			config := bucket(t)
			config.Retries = 1
			_, err := newView(t, config).Create(t.Context(), "d/a", strings.NewReader("old"))
			must(t, err)
			var requests atomic.Int64
			config.Transport = breaking(broken, &requests)
			v := newView(t, config)
			_, err = v.Replace(t.Context(), "d/a", bytes.NewReader(make([]byte, size)), every)
			must(t, v.storage.Close()) // a sweep in the background makes requests too
			if requests.Load() < broken {
				break
			}
			if err != nil && (!errors.Is(err, errLost) || errors.Is(err, storage.ErrChanged)) {
				t.Errorf("request %d: %v", broken, err)
			}
			want := int64(size)
			if err != nil {
				want = 3
			}
			if found, err := django(v).Size("d/a"); found != want || err != nil {
				t.Errorf("request %d: %d bytes, %v, expected %d", broken, found, err, want)
			}
			if _, err := v.Sweep(t.Context(), -time.Hour); err != nil {
				t.Error(err)
			}
			if found := leftovers(t, config); found != nil {
				t.Errorf("request %d: remaining: %q", broken, found)
			}
		}
	}
}

func TestTheCheckRefusesAServerThatReplacesUnseen(t *testing.T) {
	config := bucket(t)
	must(t, newStorage(t, config).CheckReplace(t.Context()))
	config.Transport = transport(func(r *http.Request) (*http.Response, error) {
		if r.Header.Get("If-Match") == "" || r.Method == http.MethodGet {
			return http.DefaultTransport.RoundTrip(r)
		}
		return &http.Response{StatusCode: http.StatusOK, Body: http.NoBody, Header: make(http.Header), Request: r}, nil
	})
	must(t, newStorage(t, config).Check(t.Context()))
	if err := newStorage(t, config).CheckReplace(t.Context()); !errors.Is(err, backend.ErrUnconditional) {
		t.Errorf("%v, expected ErrUnconditional", err)
	}
	if found := leftovers(t, config); found != nil {
		t.Errorf("remaining: %q", found)
	}
}

func TestASaveGivenUpWhileItsAnswerIsLostLeavesNothing(t *testing.T) {
	config := bucket(t)
	ctx, cancel := context.WithCancel(t.Context())
	config.Transport = losing(1<<30, func(r *http.Request) bool {
		if making(r) {
			cancel()
		}
		return making(r)
	})
	v := newView(t, config)
	if name, err := v.Save(ctx, "a", strings.NewReader("x"), 0); name != "" || !errors.Is(err, context.Canceled) {
		t.Errorf("%q, %v", name, err)
	}
	if exists, err := django(v).Exists("a"); exists || err != nil {
		t.Errorf("exists: %v, %v", exists, err)
	}
}

func TestAServerThatPutsItsAnswerOffIsAskedAgain(t *testing.T) {
	for _, size := range []int{10, minPartSize + 10} {
		config := bucket(t)
		var off atomic.Int64
		config.Transport = transport(func(r *http.Request) (*http.Response, error) {
			if making(r) && off.Add(1) <= 2 {
				const answer = `<Error><Code>ConditionalRequestConflict</Code><Message>another request is creating it</Message></Error>`
				return &http.Response{
					StatusCode: http.StatusConflict, Header: http.Header{"Content-Type": {"application/xml"}},
					Body: io.NopCloser(strings.NewReader(answer)), ContentLength: int64(len(answer)), Request: r,
				}, nil
			}
			return http.DefaultTransport.RoundTrip(r)
		})
		v := newView(t, config)
		if name, err := v.Save(t.Context(), "a", bytes.NewReader(make([]byte, size)), 0); name != "a" || err != nil || off.Load() != 3 {
			t.Errorf("%q, %v, by %d requests", name, err, off.Load())
		}
		if found := leftovers(t, config); found != nil {
			t.Errorf("remaining: %q", found)
		}
	}
}

// TestAServerThatFailsLeavesNothing fails each request of a save in turn.
func TestAServerThatFailsLeavesNothing(t *testing.T) {
	for _, size := range []int{10, 2*minPartSize + 10} {
		for broken := int64(1); ; broken++ {
			config := bucket(t)
			config.Retries = 1
			var requests atomic.Int64
			config.Transport = breaking(broken, &requests)
			v := newView(t, config)
			name, err := v.Save(t.Context(), "d/a", bytes.NewReader(make([]byte, size)), 0)
			must(t, v.storage.Close()) // a sweep in the background makes requests too
			if requests.Load() < broken {
				break
			}
			if err != nil && (name != "" || !errors.Is(err, errLost)) {
				t.Errorf("request %d: %q, %v", broken, name, err)
			}
			u, counted := v.Usage(t.Context())
			if kept := (storage.Usage{Bytes: int64(size), Files: 1}); counted != nil || err == nil && u != kept || err != nil && u != (storage.Usage{}) {
				t.Errorf("request %d: %+v, %v, %v", broken, u, counted, err)
			}
			// Cleanup is a request too. If it fails, a sweep removes the rest.
			if _, err := v.Sweep(t.Context(), -time.Hour); err != nil {
				t.Error(err)
			}
			if found := leftovers(t, config); found != nil {
				t.Errorf("request %d: remaining: %q", broken, found)
			}
		}
	}
}

func TestAStoppedServer(t *testing.T) {
	server := s3test.StartOwn(t)
	config := bucket(t)
	config.Endpoint, config.Bucket, config.Retries = server.URL(), server.NewBucket(t), 1
	v := newView(t, config)
	name, err := v.Save(t.Context(), "a", strings.NewReader("x"), 0)
	must(t, err)
	server.Kill(t)
	if exists, err := django(v).Exists(name); err == nil || errors.Is(err, fs.ErrNotExist) {
		t.Errorf("exists: %v, %v: a stopped server does not mean that files are missing", exists, err)
	}
	if _, err := django(v).OpenRead(name); err == nil || errors.Is(err, fs.ErrNotExist) {
		t.Errorf("open: %v", err)
	}
	if saved, err := v.Save(t.Context(), "b", strings.NewReader("x"), 0); err == nil || saved != "" {
		t.Errorf("save: %q, %v", saved, err)
	}
	if err := v.storage.Check(t.Context()); err == nil {
		t.Error("a stopped server passes the check")
	}
}

func TestTheCheckRefusesAServerThatOverwrites(t *testing.T) {
	config := bucket(t)
	config.Transport = transport(func(r *http.Request) (*http.Response, error) {
		if r.Header.Get("If-None-Match") == "" {
			return http.DefaultTransport.RoundTrip(r)
		}
		// A server that does not know the header ignores it.
		_, key, _ := strings.Cut(strings.TrimPrefix(r.URL.Path, "/"), "/")
		_, err := s3test.Start(t).Client().PutObject(r.Context(), config.Bucket, key, strings.NewReader(""), 0, unchunked)
		return &http.Response{StatusCode: http.StatusOK, Body: http.NoBody, Header: make(http.Header), Request: r}, err
	})
	if err := newStorage(t, config).Check(t.Context()); err == nil || !strings.Contains(err.Error(), "If-None-Match") {
		t.Errorf("%v, expected that the server does not honour If-None-Match", err)
	}
	if found := leftovers(t, config); found != nil {
		t.Errorf("remaining: %q", found)
	}
	config = bucket(t)
	config.Bucket = "another"
	if err := newStorage(t, config).Check(t.Context()); err == nil || !strings.Contains(err.Error(), `expected a bucket "another"`) {
		t.Errorf("%v", err)
	}
	config = bucket(t)
	config.Credentials.SecretAccessKey = "wrong"
	if err := newStorage(t, config).Check(t.Context()); err == nil || strings.Contains(err.Error(), s3test.SecretKey) {
		t.Errorf("%v, expected an error without the secret", err)
	}
}

func TestReadersAreCancelled(t *testing.T) {
	v := newView(t, bucket(t))
	_, err := v.Save(t.Context(), "a", strings.NewReader("x"), 0)
	must(t, err)
	ctx, cancel := context.WithCancel(t.Context())
	f, err := storage.Django{View: v.WithContext(ctx)}.OpenRead("a")
	must(t, err)
	cancel()
	if _, err := f.Read(make([]byte, 1)); !errors.Is(err, context.Canceled) {
		t.Errorf("%v", err)
	}
	must(t, f.Close())
	if _, err := django(v).Size("a"); err != nil {
		t.Errorf("%v: the end of one request is that of others", err)
	}
}

func TestAFileThatIsReplacedIsNotReadOn(t *testing.T) {
	c := bucket(t)
	v := newView(t, c)
	_, err := v.Save(t.Context(), "a", strings.NewReader("old content!!"), 0)
	must(t, err)
	f, err := django(v).OpenRead("a")
	must(t, err)
	defer f.Close()
	part := make([]byte, 3)
	if _, err := f.ReadAt(part, 0); err != nil || string(part) != "old" {
		t.Errorf("%q, %v", part, err)
	}
	_, err = s3test.Start(t).Client().PutObject(t.Context(), c.Bucket, c.Prefix+"/t1/a", strings.NewReader("new content!!"), 13, unchunked)
	must(t, err)
	if n, err := f.ReadAt(part, 4); err == nil {
		t.Errorf("%q of another file", part[:n])
	}
	if got, err := io.ReadAll(f); err == nil || errors.Is(err, fs.ErrExist) {
		t.Errorf("%q of another file, %v", got, err)
	}
}
