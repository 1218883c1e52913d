package edge

import (
	"github.com/tenantedge/tenantedge/edge/tenant"
	"github.com/tenantedge/tenantedge/guest/abi"
)

// Decision is what the guest decided about a request.
type Decision struct {
	Outcome  abi.Outcome
	Status   int    // HTTP status; 200 for abi.Tenant and abi.None
	Location string // abi.Redirect: the Location header
	// Reason explains the decision in logs. Clients must not see it. It is empty for
	// abi.Tenant, unless Request.Explain is set.
	Reason   string
	Tenant   tenant.Tenant // abi.Tenant; for abi.Redirect, what is known of the tenant
	WSRoute  string        // name of the websocket route that matched
	WSKwargs string        // its values, as one JSON object
	WSFound  bool          // a websocket route matched
	Headers  []string      // names and values of the headers that the guest sets for the upstream
}
