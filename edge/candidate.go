package edge

import (
	"context"

	"github.com/tenantedge/tenantedge/edge/internal/guests"
)

// Candidate is a guest that is tried on requests beside the one that runs: as a
// shadow, which decides without effect, or as a canary, which serves some of the
// tenants. Set Shadow, or one or more of Canary, Tenants and Header.
type Candidate struct {
	Guest []byte // its Wasm

	// Shadow is the share of requests that the candidate decides too, from 0 to 1,
	// after the current guest and off the request path. Decisions are compared; what
	// the candidate would write to files is refused. If it is too slow, requests are
	// left out and counted.
	Shadow float64

	// Canary is the share of tenants whose requests the candidate decides, from 0 to
	// 1. A tenant is always in the share or never, on every edge; a larger share has
	// the tenants of a smaller one and others. Requests without a tenant are divided
	// by their Host.
	Canary float64
	// Tenants are the schemas of further tenants whose requests it decides.
	Tenants []string
	// Header, as "Name: value", makes it decide requests with this field, whoever
	// sends it. Choose a value that clients cannot guess.
	Header string

	// Limits end the trial. The request on which one is exceeded still gets the
	// decision of the current guest.
	Limits CandidateLimits
}

// CandidateLimits end the trial of a candidate. The first three are shares of the
// requests that both guests have decided, or of 1,000 until there are as many: 0
// tolerates none, 1 any number.
type CandidateLimits struct {
	Failures    float64 // calls in which the candidate fails and the current guest does not
	Differences float64 // decisions that differ
	Costly      float64 // decisions that cost more than Fuel times the fuel of the current guest
	Fuel        float64 // 0: fuel has no limit
	Time        float64 // all decisions together may take this many times the time of the current guest; 0: no limit
}

// DefaultCandidateLimits returns limits for a candidate that is meant to decide
// differently. A guest made of the default guest costs up to seven times its fuel.
func DefaultCandidateLimits() CandidateLimits {
	return CandidateLimits{Failures: 0.001, Differences: 1, Costly: 0.001, Fuel: 8}
}

// StartCandidate tries a guest beside the one that runs. It is loaded as by Swap. Of a
// request that a canary serves, the current guest decides first: it finds the
// tenant, and its decision is used if the canary fails. Cache keys and paths of
// files stay those of the current guest. Websocket events and the authorization of
// files follow their tenant. Stats describes the trial, which ends with Promote,
// AbortCandidate, Swap, Rollback, another candidate, or a limit. The error is
// ErrGuestRefused or ErrClosed.
func (h *Host) StartCandidate(ctx context.Context, c Candidate) error {
	internal := guests.Candidate{
		Guest: c.Guest, Shadow: c.Shadow, Canary: c.Canary, Tenants: c.Tenants, Header: c.Header,
		Limits: guests.CandidateLimits(c.Limits),
	}
	return public(h.guests.StartCandidate(ctx, &internal))
}

// Promote makes the candidate the guest that runs, as Swap does. The error is
// ErrNoCandidate or ErrClosed.
func (h *Host) Promote(ctx context.Context) (Report, error) {
	r, err := h.guests.Promote(ctx)
	return Report(r), public(err)
}

// AbortCandidate ends the trial of the candidate, for a reason that Stats reports.
// The error is ErrNoCandidate.
func (h *Host) AbortCandidate(reason string) error {
	return public(h.guests.Abort(reason))
}
