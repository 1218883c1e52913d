package http1

import (
	"net"
	"testing"
	"time"
)

// probed is a connection that calls closing when it is closed.
type probed struct {
	net.Conn
	closing func()
}

func (p *probed) Close() error {
	p.closing()
	return nil
}

// Closing may block, and requests of all tenants wait for the pool's lock.
func TestConnectionsAreClosedWithoutTheLockOfThePool(t *testing.T) {
	for name, c := range map[string]struct {
		put    int
		act    func(*pool)
		closed int
	}{
		"the sweep":                {3, (*pool).sweep, 3},
		"all are closed":           {3, (*pool).closeIdle, 3},
		"surplus bytes":            {3, (*pool).foundSurplus, 3},
		"more than can be watched": {1 + maxWatched + 2, func(*pool) {}, 2},
	} {
		t.Run(name, func(t *testing.T) {
			p, closed := &pool{}, 0
			p.init(1, nil)
			p.clean, p.sweeping = probation, true // none is watched, and only the test sweeps
			for range c.put {
				raw := &probed{closing: func() {
					if closed++; p.mu.TryLock() {
						p.mu.Unlock()
						return
					}
					t.Error("a connection is closed under the lock")
				}}
				p.put(newConn(raw, nil, Owner{}), true)
			}
			c.act(p)
			if closed != c.closed || p.order.Len() != c.put-c.closed || len(p.idle[Owner{}]) != c.put-c.closed {
				t.Errorf("%d are closed, want %d; %d stay", closed, c.closed, p.order.Len())
			}
		})
	}
}

func TestASweepLeavesAConnectionThatARequestHasTaken(t *testing.T) {
	p := &pool{}
	p.init(1, nil)
	p.clean, p.sweeping = probation, true
	cn := newConn(&probed{closing: func() { t.Error("the connection is closed") }}, nil, Owner{})
	p.put(cn, true)
	before := p.elements()
	p.mu.Lock()
	p.removeLocked(cn) // as take does
	p.mu.Unlock()
	if got, _ := p.expired(before[0], time.Now()); got != nil {
		t.Error("the connection expires while a request uses it")
	}
	p.put(cn, true) // after the request
	if got, _ := p.expired(before[0], time.Now()); got != nil {
		t.Error("the connection expires by its former list element")
	}
}
