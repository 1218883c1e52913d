package guests

import (
	"errors"
	"fmt"

	"github.com/tenantedge/tenantedge/edge/internal/instance"
	"github.com/tenantedge/tenantedge/edge/stats"
)

// Rejected is the error of [New] and [Set.Swap] for a guest that cannot be loaded.
type Rejected struct{ Err error }

func (r *Rejected) Error() string { return r.Err.Error() }

// Unwrap returns the cause.
func (r *Rejected) Unwrap() error { return r.Err }

// ErrNoPrevious is the error of [Set.Rollback] before the first swap.
var ErrNoPrevious = errors.New("there is no previous guest")

// Failure is the error of a call in which the guest failed.
type Failure struct {
	Guest  string // digest of the guest
	Export string // name of the export, as in guest/abi
	Trap   stats.Trap
	Fuel   uint64 // used until the failure
	// Printed is what the guest logged and printed in the call.
	Printed string
	Err     error
}

func (f *Failure) Error() string {
	return fmt.Sprintf("guest %.12s, after %d units of fuel: %v", f.Guest, f.Fuel, f.Err)
}

// Unwrap returns the cause.
func (f *Failure) Unwrap() error { return f.Err }

// failed returns a *Failure for an error that the guest caused, and any other
// error as it is.
func (g *Generation) failed(err error) error {
	if err == nil {
		return nil // here, since t is allocated
	}
	var t *instance.Trap
	if !errors.As(err, &t) {
		return err
	}
	return &Failure{Guest: g.program.Digest(), Export: t.Export, Trap: t.Reason, Fuel: t.Fuel, Printed: t.Printed, Err: err}
}
