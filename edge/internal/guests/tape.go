package guests

import (
	"context"

	"github.com/tenantedge/tenantedge/edge/internal/instance"
	"github.com/tenantedge/tenantedge/hostfuncs"
	"github.com/tenantedge/tenantedge/tenantdb"
)

// Rows are the lookups of a directory. Their arguments may share the guest's memory
// and are valid until a method returns.
type Rows interface {
	ByDomain(domain, folder string) (tenantdb.Match, bool)
	ByReference(ref string) (tenantdb.Tenant, bool)
	BySchema(schema string) (tenantdb.Tenant, bool)
	Primary(id string) (tenantdb.Match, bool)
}

var _ Rows = (*tenantdb.Directory)(nil)

// Tape stands between one call that routes and all that its decision depends on
// besides the request: the directory, queries, files, clock and random numbers. It
// records what they answer, or answers from a record without asking them. Arguments are
// valid until a method returns.
type Tape interface {
	Rows // that the guest looks up, and the host when it checks the decision
	hostfuncs.Tape
	// Begin is called when the request is encoded, before the guest runs. Lookups
	// before it are those of the host in advance, for abi.Configured.LookAhead.
	Begin()
	// Query is Query of hostfuncs.Services. ask runs the query.
	Query(schema, name string, args []byte, ask func() ([]byte, error)) ([]byte, error)
	// Files is Files of hostfuncs.Services. schema is that of the tenant whose files the
	// guest may use; empty: none. open opens them; its argument is what it returned last,
	// or nil.
	Files(schema string, last hostfuncs.Files, open func(last hostfuncs.Files) (hostfuncs.Files, error)) (hostfuncs.Files, error)
}

// Recorder records a sample of the requests. It is safe for concurrent use.
type Recorder interface {
	// Samples reports whether to record the next request. It is called for each.
	Samples() bool
	// Tape returns a tape for one call, which looks up rows.
	Tape(rows Rows) RecordingTape
}

// RecordingTape is a Tape of a Recorder.
type RecordingTape interface {
	Tape
	// End records the request, if it was decided by g's guest: with an error if that
	// failed. The tape may keep r and d, but not what r shares with the server.
	End(g *Generation, r *Request, d *Decision, fuel uint64, err error)
}

// record is ask with a tape that records.
func (g *Generation) record(ctx context.Context, i *instance.Instance, t RecordingTape, r *Request, d *Decision) (fuel uint64, err error) {
	fuel, err = g.askOn(ctx, i, t, r, d)
	// Copies, so that r and d do not escape to the heap when nothing is recorded.
	request, decision := *r, *d
	t.End(g, &request, &decision, fuel, err)
	return fuel, err
}

// askOn is ask with a tape.
func (g *Generation) askOn(ctx context.Context, i *instance.Instance, t Tape, r *Request, d *Decision) (fuel uint64, err error) {
	s := i.Services().(*services)
	s.taped = *s.set.config.Tenants
	s.taped.rows = t
	s.tenants, s.tape = &s.taped, t
	i.SetTape(t)
	defer i.SetTape(nil)
	fuel, err = g.ask(ctx, i, s, r, d)
	s.begin()
	s.taped = Tenants{} // the instance refers to the tape no longer
	return fuel, err
}

// Replay makes the current guest decide about a request, where t answers what the
// decision depends on. It returns the fuel that the guest used. After an error d is
// empty.
func (s *Set) Replay(ctx context.Context, t Tape, r *Request, d *Decision) (fuel uint64, err error) {
	g, i, err := s.Borrow(ctx)
	if err != nil {
		return 0, err
	}
	defer g.program.Return(i)
	i.Services().(*services).begin()
	return g.askOn(ctx, i, t, r, d)
}

// Headers returns the canonical names of the request headers that the guest gets.
func (g *Generation) Headers() []string { return g.headers }

// FuelVersion returns the version of the guest's unit of fuel.
func (g *Generation) FuelVersion() int { return g.program.Engine().FuelVersion }
