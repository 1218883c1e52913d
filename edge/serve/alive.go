package serve

import (
	"context"
	"time"
)

// Alive reports whether the Server works, for a supervisor that restarts one that
// hangs. It returns an error if a listener for clients or deciders has not asked for
// a connection for the time longest, or if the state of the directory and of the
// guest, for which the locks of both are needed, cannot be read before ctx ends. A
// busy Server, or one that shuts down, is alive. Call it after Options.Ready.
func (s *Server) Alive(ctx context.Context, longest time.Duration) error {
	if s.draining.Load() {
		return nil
	}
	checked := make(chan error, 1)
	go func() {
		s.Readiness()
		checked <- s.ports.accepting(longest)
	}()
	select {
	case err := <-checked:
		return err
	case <-ctx.Done():
		return errorf("expected to read the state of the directory, the guest and the listeners, found that a lock is held: %w", ctx.Err())
	}
}

// accepting returns an error if a server has not asked for a connection for the time
// longest. That of the admin listener may wait while it has many.
func (p *ports) accepting(longest time.Duration) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, open := range p.list {
		if open.kind == forAdmin || open.server == nil {
			continue
		}
		if at := open.server.listener.away.Load(); at != 0 && time.Since(time.Unix(0, at)) > longest {
			return errorf("%s: listener %s: expected that it accepts connections, found that it stopped %v ago", open.kind, open.socket.Addr(), time.Since(time.Unix(0, at)).Round(time.Second))
		}
	}
	return nil
}
