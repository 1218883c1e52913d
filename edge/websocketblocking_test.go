package edge

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"github.com/tenantedge/tenantedge/edge/internal/sockets"
)

// TestABlockingHandlerIsNeverFarBehindItsClient: a pause that begins while the
// one before ends is a pause.
func TestABlockingHandlerIsNeverFarBehindItsClient(t *testing.T) {
	const messages = 5_000
	behind := make(chan int, 1)
	w := newSocketWorld(t, map[string]WebsocketHandler{"count": BlockingWebsockets{
		Serve: func(ctx context.Context, s *WebsocketStream) error {
			most := 0
			defer func() { behind <- most }()
			for i := range messages {
				_, got, err := s.Read(ctx)
				if err != nil {
					return err
				}
				if want := fmt.Sprint(i); string(got) != want {
					return fmt.Errorf("found %s, expected %s", got, want)
				}
				s.mu.Lock()
				most = max(most, len(s.unread))
				s.mu.Unlock()
			}
			return nil
		},
	}}, nil)
	c := w.enter("acme.example.com", "/count/a/1/")
	go func() {
		for i := range messages {
			_ = c.Write(sockets.Text, fmt.Append(nil, i)) // the handler finds what is missing
		}
	}()
	_, _, err := c.Read()
	var closed *sockets.CloseError
	if !errors.As(err, &closed) || closed.Code != sockets.CodeNormal {
		t.Errorf("expected the end with 1000, found %v", err)
	}
	if most := <-behind; most > streamAhead {
		t.Errorf("expected at most %d unread messages, found %d", streamAhead, most)
	}
}
