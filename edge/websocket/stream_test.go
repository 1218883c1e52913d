package websocket

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/tenantedge/tenantedge/edge/internal/consumer"
	"github.com/tenantedge/tenantedge/edge/internal/guests"
	"github.com/tenantedge/tenantedge/edge/internal/sockets"
	"github.com/tenantedge/tenantedge/edge/tenant"
	"github.com/tenantedge/tenantedge/guest/abi"
	"github.com/tenantedge/tenantedge/tenantdb"
)

// serve starts a server whose websockets h handles, and returns a client of it.
func serve(t *testing.T, h Handler) *sockets.Client {
	t.Helper()
	tenants := guests.NewTenants([]abi.StaticTenant{{Schema: "www"}}, tenantdb.NewDirectory(tenantdb.Options{}), false)
	config := &Config{
		Targets:       map[string]map[string]Target{"": {"only": {Handler: "only"}}},
		Handlers:      map[string]Handler{"only": h},
		WithoutOrigin: true,
	}
	s, err := NewServer(Edge{
		Tenants: tenants, Origins: &Origins{Config: config, Tenants: tenants}, Logger: slog.New(slog.DiscardHandler),
		Guest: consumer.New(nil, slog.New(slog.DiscardHandler), 0),
		Reject: func(w http.ResponseWriter, _ *http.Request, rejection *Rejection, cause error) {
			t.Errorf("rejected: %v, %v", rejection, cause)
			w.WriteHeader(rejection.Status)
		},
	}, config)
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.Serve(w, r, Routed{Tenant: &tenant.Tenant{Schema: "www"}, Route: "only", Found: true})
	}))
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
		server.Close()
	})
	u, err := url.Parse("ws" + strings.TrimPrefix(server.URL, "http"))
	if err != nil {
		t.Fatal(err)
	}
	up, err := (&sockets.Dialer{}).Dial(context.Background(), &http.Request{URL: u})
	if err != nil {
		t.Fatal(err)
	}
	c := sockets.NewClient(up, 1<<20)
	t.Cleanup(func() { _ = c.Drop() })
	return c
}

// A pause that begins while the previous one ends takes effect.
func TestAStreamKeepsFewUnreadMessages(t *testing.T) {
	const messages = 5_000
	unread := make(chan int, 1)
	c := serve(t, Blocking{
		Serve: func(ctx context.Context, s *Stream) error {
			maximum := 0
			defer func() { unread <- maximum }()
			for i := range messages {
				_, got, err := s.Read(ctx)
				if err != nil {
					return err
				}
				if want := fmt.Sprint(i); string(got) != want {
					return fmt.Errorf("found %s, expected %s", got, want)
				}
				s.mu.Lock()
				maximum = max(maximum, len(s.unread))
				s.mu.Unlock()
			}
			return nil
		},
	})
	go func() {
		for i := range messages {
			_ = c.Write(sockets.Text, fmt.Append(nil, i)) // the handler reports missing messages
		}
	}()
	_, _, err := c.Read()
	var closed *sockets.CloseError
	if !errors.As(err, &closed) || closed.Code != sockets.CodeNormal {
		t.Errorf("expected the close with 1000, found %v", err)
	}
	if maximum := <-unread; maximum > maxUnread {
		t.Errorf("expected at most %d unread messages, found %d", maxUnread, maximum)
	}
}

func TestErrorsOfAConnAreOfThisPackage(t *testing.T) {
	for _, c := range []struct{ from, want error }{
		{nil, nil}, {sockets.ErrClosed, ErrClosed}, {sockets.ErrText, ErrText}, {sockets.ErrCode, ErrCode},
		{fmt.Errorf("wrapped: %w", sockets.ErrClosed), ErrClosed},
	} {
		if got := publicError(c.from); got != c.want {
			t.Errorf("publicError(%v) = %v, expected %v", c.from, got, c.want)
		}
	}
}
