package stats

// Trap is the way in which a guest failed in a call.
type Trap string

// The traps.
const (
	TrapFuel      Trap = "fuel"      // it used all of its fuel, for example in an endless loop
	TrapDeadline  Trap = "deadline"  // its deadline or that of the request passed
	TrapCancelled Trap = "cancelled" // the caller no longer waited for the result
	TrapDepth     Trap = "depth"     // its stack overflowed
	TrapMemory    Trap = "memory"    // it failed while it used more than half of its maximum memory
	TrapCrash     Trap = "trap"      // it crashed: a panic, or an address outside its memory
	TrapExit      Trap = "exit"      // it called exit
	TrapReply     Trap = "reply"     // its reply violated the contract
)

// Retirement is the reason for which an instance was closed early.
type Retirement string

// The retirements.
const (
	RetiredWritten   Retirement = "written"   // a call wrote so much memory that another instance costs less than restoring it
	RetiredGrowth    Retirement = "growth"    // its memory grew and could not be made smaller
	RetiredReset     Retirement = "reset"     // the system failed to restore its memory
	RetiredAudit     Retirement = "audit"     // a call's data survived the reset, which is a bug
	RetiredAbandoned Retirement = "abandoned" // the host panicked during a call
)

// Result is the way in which Middleware handled a request.
type Result string

// The results. A Host answers all but ResultTenant and ResultNone itself.
const (
	ResultTenant    Result = "tenant" // routed to a tenant
	ResultNone      Result = "none"   // passed on without a tenant
	ResultRedirect  Result = "redirect"
	ResultNotFound  Result = "not_found" // there is no such tenant
	ResultBad       Result = "bad_request"
	ResultConflict  Result = "conflict"    // the request names different tenants, or hosts
	ResultTooLarge  Result = "too_large"   // the request does not fit the guest's buffer
	ResultBusy      Result = "busy"        // the request timed out waiting for an instance
	ResultSession   Result = "session"     // the session could not be read
	ResultGuest     Result = "guest_error" // the guest failed
	ResultCancelled Result = "cancelled"   // the client disconnected, or the deadline passed
	ResultError     Result = "error"       // the host failed
)
