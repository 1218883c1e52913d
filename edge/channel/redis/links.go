package redis

import (
	"context"
	"sync"
	"time"

	"github.com/tenantedge/tenantedge/edge/channel/internal/wire"
)

const (
	// lingerTime is how long a connection stays after the last tenant that used
	// it has closed its last channel.
	lingerTime = 10 * time.Second
	// goodbye is how long Close may take to tell a host what ended.
	goodbye = 3 * time.Second
)

// protocol is what differs between the two layers.
type protocol interface {
	// place returns the name by which a host knows of a topic. It returns false
	// if the host has no need to know of it.
	place(t wire.Topic, host int) (name string, ok bool)
	// session connects to the link's host, tells it the topics, and hands
	// over messages until something fails or ctx ends.
	session(ctx context.Context, k *link) error
}

// wire is what a layer's tenants share: one link to each host, and further ones
// for tenants that are busy, see lane.go.
type links struct {
	protocol protocol
	outages  []*outage
	ctx      context.Context // ends when the layer is closed for good
	cancel   context.CancelFunc
	linger   time.Duration
	notify   sync.Mutex // one report at a time; before mu

	mu      sync.Mutex
	shared  []*link            // one for each host
	lanes   [][]*link          // for each host: those of busy tenants
	lines   map[*line]struct{} // of tenants with open channels, or that have yet to hear that all works
	moves   map[string]*move   // by name
	moved   uint64             // how many there were
	closing bool
}

// line is one tenant's part of a wire.
type line struct {
	*links
	tenant wire.Tenant
	inbox  inbox

	// Under wire.mu.
	at        []*link // one for each host
	users     int
	told      error // what the receivers were told last
	inflow    inflow
	isolating bool // a goroutine moves the tenant to a lane
	moving    *move
}

func newLinks(p protocol, outages []*outage) *links {
	w := &links{protocol: p, outages: outages, linger: lingerTime, lines: map[*line]struct{}{}, moves: map[string]*move{}}
	w.ctx, w.cancel = context.WithCancel(context.Background())
	for host := range outages {
		w.shared = append(w.shared, w.newLink(host, true))
	}
	w.lanes = make([][]*link, len(outages))
	return w
}

func (w *links) newLine(t wire.Tenant) *line {
	return &line{tenant: t, links: w, at: append([]*link(nil), w.shared...)}
}

// Attach implements [wire.Line].
func (l *line) Attach(t wire.Topic) func(context.Context) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.enter()
	// A channel that opens while a host is down, or while the others still
	// believe so, would not be told of the break: it is refused.
	var refusal error
	if t.Group == "" {
		refusal = l.told
	}
	var waits []*waiter
	for host, k := range l.at {
		k.start()
		name, ok := l.protocol.place(t, host)
		if k.down != nil && (ok || t.Group == "") {
			refusal = k.down
		}
		if ok {
			if w := k.use(l, t, name); w != nil {
				waits = append(waits, w)
			}
		}
	}
	if refusal != nil {
		return func(context.Context) error { return refusal }
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
	for host, k := range l.at {
		if name, ok := l.protocol.place(t, host); ok {
			k.unuse(name)
		}
	}
	l.leave()
}

// enter counts one more use of the line.
func (l *line) enter() {
	if l.users++; l.users > 1 {
		return
	}
	for _, k := range l.at {
		k.tenants++
	}
	if _, known := l.lines[l]; !known {
		l.lines[l] = struct{}{}
		l.told = l.trouble()
	}
}

// leave counts one use less. A tenant without any goes back to the shared links.
func (l *line) leave() {
	if l.users--; l.users > 0 {
		return
	}
	if l.moving != nil {
		l.moving.end(nil)
	}
	for host, k := range l.at {
		k.tenants--
		k.poke()
		l.at[host] = l.shared[host]
	}
	if l.told == nil {
		delete(l.lines, l)
	}
}

// trouble returns why messages for the tenant may be lost, or nil.
func (l *line) trouble() error {
	for _, k := range l.at {
		if k.down != nil {
			return k.down
		}
		if err := k.lost[l]; err != nil {
			return err
		}
	}
	return nil
}

// report tells receivers whose tenants' links have failed or work again.
func (w *links) report() {
	w.notify.Lock()
	defer w.notify.Unlock()
	w.mu.Lock()
	told := make(map[*line]error, len(w.lines))
	for l := range w.lines {
		l.told = l.trouble()
		told[l] = l.told
		if l.told == nil && l.users == 0 {
			delete(w.lines, l)
		}
	}
	w.mu.Unlock()
	for l, err := range told {
		l.tenant.Interrupt(err)
	}
}

// close removes the subscriptions that are left, as far as the hosts answer, and ends
// all goroutines. The tenants' channels must be closed before.
func (w *links) close() {
	w.mu.Lock()
	w.closing = true
	var ends, all []chan struct{}
	for host := range w.shared {
		for _, k := range append([]*link{w.shared[host]}, w.lanes[host]...) {
			if k.done == nil {
				continue
			}
			all = append(all, k.done)
			if k.down == nil && k.runs {
				ends = append(ends, k.done)
			}
			k.poke()
		}
	}
	w.mu.Unlock()
	late := time.After(goodbye)
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
