package channel

import "github.com/tenantedge/tenantedge/edge/channel/internal/wire"

// layer is a layer for one process, or, with newLine, for those that share a
// wire.
type layer struct {
	config  Config
	process wire.Process                  // zero: each scope makes a name
	newLine func(t wire.Tenant) wire.Line // nil: one process
	scopes  scopes
}

// Over returns a layer over a wire to other processes, on which this one has the
// given name. newLine connects a tenant, once for each scope. Only packages below
// this one can call it; users call redis.NewCore or redis.NewPubSub.
func Over(config Config, process wire.Process, newLine func(t wire.Tenant) wire.Line) (Layer, error) {
	config, err := config.complete()
	if err != nil {
		return nil, err
	}
	return &layer{config: config, process: process, newLine: newLine}, nil
}

// For implements [Layer].
func (l *layer) For(schema string) (Scope, error) {
	s, err := l.scopes.find(schema, l.newScope)
	if err != nil {
		return nil, err
	}
	return s, nil
}

func (l *layer) newScope(schema string) (*scope, error) {
	s, err := newScope(schema, l.process, l.config)
	if err == nil && l.newLine != nil {
		s.line = l.newLine(s)
	}
	return s, err
}

// Stats implements [Layer].
func (l *layer) Stats() Stats { return l.scopes.stats() }

// Close implements [Layer].
func (l *layer) Close() error {
	for _, s := range l.scopes.close() {
		s.close()
	}
	return nil
}

var _ Layer = (*layer)(nil)
