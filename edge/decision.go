package edge

import (
	"github.com/tenantedge/tenantedge/edge/tenant"
	"github.com/tenantedge/tenantedge/guest/abi"
)

// Outcome says what the guest decided about a request.
type Outcome = abi.Outcome

// Outcomes of a Decision.
const (
	OutcomeTenant     = abi.Tenant
	OutcomeRedirect   = abi.Redirect
	OutcomeNotFound   = abi.Missing
	OutcomeNone       = abi.None
	OutcomeBadRequest = abi.BadRequest
	OutcomeConflict   = abi.Conflict
)

// Decision is what the guest decided about one request.
type Decision struct {
	Outcome  Outcome
	Status   int           // HTTP status for every outcome but tenant and none
	Location string        // OutcomeRedirect: where to
	Reason   string        // why, for people; never shown to clients; see Request.Explain
	Tenant   tenant.Tenant // OutcomeTenant, and OutcomeRedirect as far as it is known
	// WSRoute is the websocket route that matched; empty name: none did.
	WSRoute WSMatch
	// Headers are what the guest wants set for the upstream: name, value, …
	Headers []string
}

// WSMatch is a websocket route that matched, with its values.
type WSMatch struct {
	Name   string
	Kwargs string // one JSON object
	Found  bool
}
