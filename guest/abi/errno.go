package abi

import "strconv"

// Errno is the reason why a host function has no answer. Functions that return a
// length return it negated.
type Errno uint32

// The values are part of the contract and never change.
const (
	OK          Errno = 0 // success
	NotFound    Errno = 1 // no such tenant, domain or statement
	Fault       Errno = 2 // an address range is outside of the guest's memory
	Invalid     Errno = 3 // an argument has the wrong form
	Denied      Errno = 4 // not allowed, by the configuration or in this call
	Limit       Errno = 5 // over a limit of rows, bytes or open files
	Timeout     Errno = 6 // timed out
	Unavailable Errno = 7 // what the function needs (a database, say) is not available
	Internal    Errno = 8 // the host failed; its log has the reason
)

var errnoText = [...]string{
	OK: "ok", NotFound: "not found", Fault: "address outside of memory", Invalid: "invalid argument",
	Denied: "not allowed", Limit: "over a limit", Timeout: "timed out", Unavailable: "unavailable", Internal: "host failed",
}

// Error implements error.
func (e Errno) Error() string {
	if int(e) < len(errnoText) {
		return "tenantedge: " + errnoText[e]
	}
	return "tenantedge: errno " + strconv.Itoa(int(e))
}
