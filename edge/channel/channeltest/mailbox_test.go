package channeltest_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/tenantedge/tenantedge/edge/channel/channeltest"
)

func TestAMailboxKeepsOrderUpToItsCapacity(t *testing.T) {
	box := channeltest.NewMailbox(channeltest.MailboxConfig{Capacity: 10})
	n, next := 0, 0
	for round := range 20 { // add and read in different numbers, so that the ring wraps
		for range round%7 + 1 {
			room := box.Len() < 10
			if box.Receive(channeltest.Message(t, fmt.Sprint(n))) != room {
				t.Fatalf("message %d: room is %v", n, room)
			}
			if room {
				n++
			}
		}
		for range min(box.Len(), round%5+1) {
			m, err := box.Next(t.Context())
			if err != nil || m.Type() != fmt.Sprint(next) {
				t.Fatalf("got %v, %v, expected %d", m, err, next)
			}
			next++
		}
	}
}

func TestAMailboxDropsExpiredMessages(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		box := channeltest.NewMailbox(channeltest.MailboxConfig{})
		box.Receive(channeltest.Message(t, "old"))
		time.Sleep(40 * time.Second)
		box.Receive(channeltest.Message(t, "new"))
		time.Sleep(40 * time.Second)
		if m, err := box.Next(t.Context()); err != nil || m.Type() != "new" {
			t.Errorf("got %v, %v", m, err)
		}
		if got := box.Expired(); got != 1 {
			t.Errorf("%d messages expired, expected 1", got)
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Hour)
		defer cancel()
		if _, err := box.Next(ctx); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("got %v", err)
		}
	})
}

func TestSeveralReadersShareAMailbox(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		box := channeltest.NewMailbox(channeltest.MailboxConfig{})
		read := make(chan error, 3)
		for range 3 {
			go func() {
				_, err := box.Next(t.Context())
				read <- err
			}()
		}
		synctest.Wait()
		for range 3 {
			box.Receive(channeltest.Message(t, "one each"))
		}
		for range 3 {
			if err := <-read; err != nil {
				t.Error(err)
			}
		}
	})
}
