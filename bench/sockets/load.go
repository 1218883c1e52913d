// Package sockets measures websocket servers: what an idle socket holds, round
// trips, and messages to groups. Each server is a process of its own on the
// loopback interface.
//
//	s, err := sockets.Servers()[0].Start(ctx)
//	group, err := sockets.Open(ctx, s.Target, sockets.EchoPath, 100)
//	rate, err := group.Echo(time.Second)
package sockets

import (
	"context"
	"errors"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// Target is where a server is, and the host by which it knows the tenant.
type Target struct {
	Address, Host string
	TLS           bool
	// Source is from which of the loopback addresses on sockets come: another
	// for each process of clients, whose ports would not do for all.
	Source int
}

// Paths that every server has: what is sent comes back to the sender, or goes
// to all that are connected there.
const (
	EchoPath  = "/ws/echo/"
	GroupPath = "/ws/group/"
)

// text is what is sent: 64 bytes.
var text = strings.Repeat("x", 64)

// dialers is how many handshakes are under way at the same time.
const dialers = 32

// Group is some sockets at one path.
type Group struct{ clients []*client }

// Open opens so many sockets.
func Open(ctx context.Context, t Target, path string, n int) (*Group, error) {
	g := &Group{make([]*client, n)}
	var next atomic.Int64
	errs := make([]error, dialers)
	var wait sync.WaitGroup
	for d := range dialers {
		wait.Go(func() {
			for errs[d] == nil && ctx.Err() == nil {
				i := int(next.Add(1)) - 1
				if i >= n {
					return
				}
				if g.clients[i], errs[d] = dial(ctx, t, path, i); errs[d] == nil && path == GroupPath {
					// A member is greeted: the answer of the handshake comes before that.
					errs[d] = g.clients[i].take(1, back(text), make([]byte, back(text)))
				}
			}
		})
	}
	wait.Wait()
	if err := errors.Join(append(errs, ctx.Err())...); err != nil {
		return nil, errors.Join(err, g.Close())
	}
	return g, nil
}

// Close drops the sockets.
func (g *Group) Close() error {
	var errs []error
	for _, c := range g.clients {
		if c != nil { // Open may have failed half way
			errs = append(errs, c.conn.Close())
		}
	}
	return errors.Join(errs...)
}

// Echo has every socket send a message whenever the one before is back, and
// tells how many came back in a second.
func (g *Group) Echo(length time.Duration) (perSecond float64, err error) {
	errs := make([]error, len(g.clients))
	var count atomic.Int64
	start := time.Now()
	end := start.Add(length)
	var wait sync.WaitGroup
	for i, c := range g.clients {
		wait.Go(func() {
			out, buf := frame(text), make([]byte, back(text))
			n := int64(0)
			for time.Now().Before(end) && errs[i] == nil {
				if errs[i] = c.write(out); errs[i] == nil {
					errs[i] = c.take(1, back(text), buf)
				}
				n++
			}
			count.Add(n)
		})
	}
	wait.Wait()
	return float64(count.Load()) / time.Since(start).Seconds(), errors.Join(errs...)
}

// FanOut has one socket send messages to all, so many under way at the same
// time, and tells how many messages arrived in a second, over all sockets.
// Every socket must get every message.
func (g *Group) FanOut(outstanding int, length time.Duration) (perSecond float64, err error) {
	batch := max(16, 4*outstanding)
	start, batches := time.Now(), 0
	for ; batches == 0 || time.Since(start) < length; batches++ {
		errs := make([]error, len(g.clients))
		var wait sync.WaitGroup
		for i, c := range g.clients[1:] {
			wait.Go(func() { errs[1+i] = c.take(batch, back(text), make([]byte, 8*back(text))) })
		}
		if errs[0] = g.clients[0].send(batch, outstanding); errs[0] != nil {
			return 0, errors.Join(errs[0], g.Close()) // the others would wait for ever
		}
		// Who is missing a message by then does not get it any more.
		late := time.AfterFunc(patience, func() { _ = g.Close() })
		wait.Wait()
		late.Stop()
		if err := errors.Join(errs...); err != nil {
			return 0, err
		}
	}
	return float64(batches*batch*len(g.clients)) / time.Since(start).Seconds(), nil
}

// send sends messages to a group that it is in itself; what comes back says
// that the next may go.
func (c *client) send(messages, outstanding int) error {
	out, buf := frame(text), make([]byte, back(text))
	for n := range messages + outstanding {
		if n >= outstanding {
			if err := c.take(1, back(text), buf); err != nil {
				return err
			}
		}
		if n < messages {
			if err := c.write(out); err != nil {
				return err
			}
		}
	}
	return nil
}
