package redis

import (
	"context"
	"sync"
	"time"

	"github.com/tenantedge/tenantedge/edge/channel/internal/wire"
)

const (
	// idleTime is how long a connection stays open after the last channel that
	// used it was closed.
	idleTime = 10 * time.Second
	// closeTimeout bounds how long Close waits for a host to remove topics.
	closeTimeout = 3 * time.Second
)

// protocol is the difference between the two layers.
type protocol interface {
	// name returns a topic's name at a host. It returns false if the topic is not
	// at that host.
	name(t wire.Topic, host int) (name string, ok bool)
	// session connects to the link's host, keeps the topics there up to date and
	// delivers messages, until an error or the end of ctx.
	session(ctx context.Context, k *link) error
}

// links are the connections that the tenants of a layer share: one link to each
// host, and lanes for tenants with much traffic, see move.
type links struct {
	protocol protocol
	outages  []*outage
	ctx      context.Context // ends after the layer is closed
	cancel   context.CancelFunc
	idleTime time.Duration
	notify   sync.Mutex // serializes report; locked before mu

	mu        sync.Mutex
	primary   []*link            // one for each host
	lanes     [][]*link          // for each host
	lines     map[*line]struct{} // with open channels, or whose receivers were not notified yet that the wire works again
	moves     map[string]*move   // by name
	moveCount uint64             // number of moves so far
	closing   bool
}

// line is one tenant's part of the links.
type line struct {
	*links
	tenant wire.Tenant
	inbox  inbox

	// Under wire.mu.
	current   []*link // one for each host
	users     int
	reported  error // the receivers were notified of this last
	traffic   traffic
	isolating bool // a goroutine is moving the tenant to a lane
	moving    *move
}

func newLinks(p protocol, outages []*outage) *links {
	w := &links{protocol: p, outages: outages, idleTime: idleTime, lines: map[*line]struct{}{}, moves: map[string]*move{}}
	w.ctx, w.cancel = context.WithCancel(context.Background())
	for host := range outages {
		w.primary = append(w.primary, w.newLink(host, true))
	}
	w.lanes = make([][]*link, len(outages))
	return w
}

func (w *links) newLine(t wire.Tenant) *line {
	return &line{tenant: t, links: w, current: append([]*link(nil), w.primary...)}
}

// Attach implements [wire.Line].
func (l *line) Attach(t wire.Topic) func(context.Context) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.addUser()
	// The receiver of a channel that opens while a host is down, or before the
	// other receivers are notified that it works, would miss the notification of
	// the break. So Open fails.
	var failed error
	if t.Group == "" {
		failed = l.reported
	}
	var waits []*waiter
	for host, k := range l.current {
		k.start()
		name, ok := l.protocol.name(t, host)
		if k.down != nil && (ok || t.Group == "") {
			failed = k.down
		}
		if ok {
			if w := k.attach(l, t, name); w != nil {
				waits = append(waits, w)
			}
		}
	}
	if failed != nil {
		return func(context.Context) error { return failed }
	}
	if len(waits) == 0 {
		return nil
	}
	return func(ctx context.Context) error {
		for _, w := range waits {
			if err := w.wait(ctx); err != nil {
				return err
			}
		}
		return nil
	}
}

// Detach implements [wire.Line].
func (l *line) Detach(t wire.Topic) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for host, k := range l.current {
		if name, ok := l.protocol.name(t, host); ok {
			k.detach(name)
		}
	}
	l.removeUser()
}

// addUser counts an attached topic.
func (l *line) addUser() {
	if l.users++; l.users > 1 {
		return
	}
	for _, k := range l.current {
		k.tenants++
	}
	if _, found := l.lines[l]; !found {
		l.lines[l] = struct{}{}
		l.reported = l.failure()
	}
}

// removeUser uncounts an attached topic. A tenant without any returns to the shared
// links.
func (l *line) removeUser() {
	if l.users--; l.users > 0 {
		return
	}
	if l.moving != nil {
		l.moving.end(nil)
	}
	for host, k := range l.current {
		k.tenants--
		k.wakeUp()
		l.current[host] = l.primary[host]
	}
	if l.reported == nil {
		delete(l.lines, l)
	}
}

// failure returns why messages of the tenant may be lost, or nil.
func (l *line) failure() error {
	for _, k := range l.current {
		if k.down != nil {
			return k.down
		}
		if err := k.lost[l]; err != nil {
			return err
		}
	}
	return nil
}

// report notifies the receivers of tenants whose links failed or recovered.
func (w *links) report() {
	w.notify.Lock()
	defer w.notify.Unlock()
	w.mu.Lock()
	reports := make(map[*line]error, len(w.lines))
	for l := range w.lines {
		l.reported = l.failure()
		reports[l] = l.reported
		if l.reported == nil && l.users == 0 {
			delete(w.lines, l)
		}
	}
	w.mu.Unlock()
	for l, err := range reports {
		l.tenant.Interrupt(err)
	}
}

// close waits until the hosts that answer have removed all topics, for
// closeTimeout at most, and ends all goroutines. The tenants' channels must be
// closed before.
func (w *links) close() {
	w.mu.Lock()
	w.closing = true
	var ends, all []chan struct{}
	for host := range w.primary {
		for _, k := range append([]*link{w.primary[host]}, w.lanes[host]...) {
			if k.done == nil {
				continue
			}
			all = append(all, k.done)
			if k.down == nil && k.running {
				ends = append(ends, k.done)
			}
			k.wakeUp()
		}
	}
	w.mu.Unlock()
	late := time.After(closeTimeout)
	for _, end := range ends {
		select {
		case <-end:
		case <-late:
			w.cancel()
			<-end
		}
	}
	w.cancel()
	for _, end := range all {
		<-end
	}
}
