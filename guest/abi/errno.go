package abi

import "strconv"

// Errno is why a host function did not answer. Host functions return it
// negated where they return a length.
type Errno uint32

// The values are part of the contract and never change.
const (
	OK          Errno = 0 // it worked
	NotFound    Errno = 1 // no such tenant, domain or statement
	Fault       Errno = 2 // an address or a length leaves the guest's memory
	Invalid     Errno = 3 // an argument has the wrong form
	Denied      Errno = 4 // the configuration does not allow it
	Limit       Errno = 5 // over a limit of rows, bytes or calls
	Timeout     Errno = 6 // the time for it ran out
	Unavailable Errno = 7 // what it needs (a database, say) is not there now
	Internal    Errno = 8 // the host failed; its log says why
)

var errnoText = [...]string{
	OK: "ok", NotFound: "not found", Fault: "address outside of memory", Invalid: "invalid argument",
	Denied: "not allowed", Limit: "over a limit", Timeout: "timed out", Unavailable: "unavailable", Internal: "host failed",
}

// Error makes Errno an error, so that an SDK can hand it on as it is.
func (e Errno) Error() string {
	if int(e) < len(errnoText) {
		return "tenantedge: " + errnoText[e]
	}
	return "tenantedge: errno " + strconv.Itoa(int(e))
}
