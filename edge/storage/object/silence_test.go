//go:build unix

package object

import (
	"cmp"
	"context"
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/tenantedge/tenantedge/edge/storage"
	"github.com/tenantedge/tenantedge/edge/storage/object/s3test"
)

// silence is the SilenceTimeout of these tests.
const silence = 300 * time.Millisecond

// openAt opens a bucket at an endpoint.
func openAt(t *testing.T, endpoint, bucket, secret string) *Storage {
	t.Helper()
	s, err := New(Config{
		Endpoint: endpoint, Region: s3test.Region, Bucket: bucket, PartSize: minPartSize,
		Credentials:    Credentials{AccessKeyID: s3test.AccessKey, SecretAccessKey: cmp.Or(secret, s3test.SecretKey)},
		ConnectTimeout: silence, SilenceTimeout: silence,
	})
	must(t, err)
	t.Cleanup(func() { _ = s.Close() })
	return s
}

func TestASilentServerIsNotWaitedForWithoutEnd_G8(t *testing.T) {
	server := s3test.Start(t)
	network := s3test.NewNetwork(t, server)
	s := openAt(t, "http://"+network.Address(), server.NewBucket(t), "")
	v, err := s.For(t.Context(), storage.Tenant{Schema: "acme"})
	must(t, err)
	large := strings.Repeat("0123456789abcdef", 1<<18) // 4 MiB
	_, err = v.Save(t.Context(), "large", strings.NewReader(large), 0)
	must(t, err)
	read := func() error {
		f, err := django(v).OpenRead("large")
		if err != nil {
			return err
		}
		defer f.Close()
		_, err = io.Copy(io.Discard, f)
		return err
	}
	create := func(content string) func() error {
		return func() error { _, err := v.Create(t.Context(), "new", strings.NewReader(content)); return err }
	}
	for _, c := range []struct {
		name     string
		up, down int64
		do       func() error
	}{
		{"before it takes a request", 0, s3test.Unlimited, read},
		{"before the first byte", s3test.Unlimited, 0, read},
		{"in the middle of an answer", s3test.Unlimited, 1 << 20, read},
		{"in the middle of content", 1 << 20, s3test.Unlimited, create(large)},
		{"after content", s3test.Unlimited, 0, create(large)},
		{"in the middle of the first part", 1 << 20, s3test.Unlimited, create(large + large + large)},
		{"in the middle of the second part", 6 << 20, s3test.Unlimited, create(large + large + large)},
		{"in the middle of a listing", s3test.Unlimited, 0, func() error { _, err := v.Usage(t.Context()); return err }},
		{"before it removes an object", s3test.Unlimited, 0, func() error { return v.Delete("large") }},
	} {
		t.Run(c.name, func(t *testing.T) {
			network.Limit(c.up, c.down)
			if err := c.do(); !errors.Is(err, errSilent) || !errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("%v, expected errSilent", err)
			}
			if err := s.Ping(t.Context()); !errors.Is(err, errSilent) {
				t.Errorf("Ping: %v, expected errSilent", err)
			}
			network.Restore()
			for s.Ping(t.Context()) != nil { // until a request may be sent again
				if t.Context().Err() != nil {
					t.Fatal("the server is back, and is not asked")
				}
			}
			if u, err := v.Usage(t.Context()); err != nil || u.Files != 1 {
				t.Errorf("afterwards: %+v, %v", u, err)
			}
		})
	}
	t.Run("in the middle of a handshake", func(t *testing.T) {
		network.Limit(0, 0)
		if err := openAt(t, "https://"+network.Address(), "media", "").Ping(t.Context()); !errors.Is(err, errSilent) {
			t.Errorf("%v, expected errSilent", err)
		}
	})
}

func TestPingReportsWhetherTheServerAnswers_C11(t *testing.T) {
	server := s3test.Start(t)
	bucket := server.NewBucket(t)
	must(t, openAt(t, server.URL(), bucket, "").Ping(t.Context()))
	for what, s := range map[string]*Storage{
		"a bucket that does not exist": openAt(t, server.URL(), "no-such-bucket", ""),
		"another secret":               openAt(t, server.URL(), bucket, "another"),
		"no server":                    openAt(t, "http://127.0.0.1:1", bucket, ""),
	} {
		if err := s.Ping(t.Context()); err == nil || !strings.Contains(err.Error(), "out of reach") {
			t.Errorf("%s: %v", what, err)
		}
	}
}

// late is a timeout of the network.
type late struct{}

func (late) Error() string   { return "late" }
func (late) Timeout() bool   { return true }
func (late) Temporary() bool { return true }

// A slow request of one tenant must not fail those of others.
func TestOneLateAnswerIsNoSilence_G8(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := &breaker{silence: time.Minute}
		note := func(err error, want error) {
			t.Helper()
			if got := p.note(t.Context(), err); !errors.Is(got, want) || got != nil && want == nil {
				t.Errorf("%v, expected %v", got, want)
			}
		}
		note(nil, nil)
		time.Sleep(p.silence / 2)
		note(late{}, errSilent) // it began before
		if !p.admit() {
			t.Error("the server answered others in that time, and is not asked any more")
		}
		time.Sleep(p.silence / 2)
		note(late{}, errSilent)
		if p.admit() {
			t.Error("a server that answered no request for that time is asked immediately")
		}
		time.Sleep(pause)
		if !p.admit() || p.admit() {
			t.Error("expected one request, found none or two")
		}
		note(http.ErrServerClosed, http.ErrServerClosed)
		for range 2 {
			if !p.admit() {
				t.Error("a server that closes connections counts as silent")
			}
		}
	})
}
