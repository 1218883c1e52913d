// Package stats defines the statistics of an edge.Host, and the values of their
// labels.
package stats

// Guest identifies a guest.
type Guest struct {
	Digest  string `json:"digest"` // SHA-256 of its Wasm, in hexadecimal
	Name    string `json:"name"`   // the name that the guest gives itself
	Version string `json:"version"`
}

// Engine describes how this machine runs a guest. It is determined when the guest is
// loaded.
type Engine struct {
	// FuelVersion is the version of the unit of fuel. Figures of different versions
	// cannot be compared.
	FuelVersion int `json:"fuel_version"`
	Instances   int `json:"instances"` // existing ones
	// ImageBytes is the size of the memory from which every request starts. The
	// instances share it.
	ImageBytes int `json:"image_bytes"`
	// CompileCache is what the compile cache did: "hit", "stored", "failed" or "off".
	CompileCache string `json:"compile_cache"`
	// SetupFuel is what the guest used before its first request.
	SetupFuel SetupFuel `json:"setup_fuel"`
}

// SetupFuel is the fuel of the calls that prepare a guest, in units of
// Engine.FuelVersion.
type SetupFuel struct {
	Initialize uint64 `json:"initialize"` // the start function and _initialize
	Configure  uint64 `json:"configure"`  // te_configure
	SelfTest   uint64 `json:"self_test"`  // te_self_test; 0: the guest has none
}

// Program holds the figures of one loaded guest. Instances, Busy and Waiting are
// gauges; the others are counters.
type Program struct {
	Instances int `json:"instances"`
	Busy      int `json:"busy"`    // instances in a call
	Waiting   int `json:"waiting"` // requests that wait for an instance

	Calls    uint64 `json:"calls"`
	Fuel     uint64 `json:"fuel"`
	Restored uint64 `json:"restored"`  // bytes of memory that were restored after calls
	Audits   uint64 `json:"audits"`    // comparisons of an instance with its image
	Queued   uint64 `json:"queued"`    // requests that waited for an instance
	TimedOut uint64 `json:"timed_out"` // requests that waited and got none
	Shrunk   uint64 `json:"shrunk"`    // instances closed because they were idle
	// CallSeconds are the times of one call in eight, with the reset of the memory, and
	// CallFuel the fuel of each. All guests have the same bounds.
	CallSeconds Histogram `json:"call_seconds"`
	CallFuel    Histogram `json:"call_fuel"`
	// Traps counts failed calls, Retired instances that were closed early. Reasons
	// that have not occurred are missing.
	Traps   map[Trap]uint64       `json:"traps"`
	Retired map[Retirement]uint64 `json:"retired"`
}

// Host holds the figures of an edge.Host.
type Host struct {
	Guest    Guest  `json:"guest"`
	Previous Guest  `json:"previous"`
	Engine   Engine `json:"engine"`
	// Missing lists the optional exports that the guest lacks. Without them the host
	// makes keys and paths as the default guest does, denies private files and
	// rejects websockets of consumers.
	Missing []string `json:"missing"`
	// Current are the figures of the guest that runs, Parked those of the previous
	// one, Total those of all guests that the Host has had.
	Current Program `json:"current"`
	Parked  Program `json:"parked"`
	Total   Program `json:"total"`

	Swaps       uint64 `json:"swaps"`
	Rollbacks   uint64 `json:"rollbacks"`
	FailedSwaps uint64 `json:"failed_swaps"`
	Draining    int    `json:"draining"` // superseded guests whose last calls have not ended

	// Candidate is the guest that is tried beside the current one, or was last. nil:
	// none was.
	Candidate *Candidate `json:"candidate,omitempty"`

	Requests map[Result]uint64 `json:"requests"` // requests that Middleware has seen
	// SessionsIgnored counts requests that were routed without their session, which
	// could not be read.
	SessionsIgnored uint64 `json:"sessions_ignored"`
	// LogWritten counts the log records of guests, LogDropped those that exceeded
	// Config.GuestLogRate.
	LogWritten uint64  `json:"log_written"`
	LogDropped uint64  `json:"log_dropped"`
	Record     *Record `json:"record,omitempty"` // nil: no requests are recorded
}

// Record holds the figures of the log of recorded requests.
type Record struct {
	Written uint64 `json:"written"` // requests
	Dropped uint64 `json:"dropped"` // requests that were lost: the queue was full, one was too large, or writing failed
	Bytes   uint64 `json:"bytes"`   // written to files
	Errors  uint64 `json:"errors"`  // failures to write
}

// Consumers holds the figures of the websockets that the guest handles.
type Consumers struct {
	Open        int    // open websockets, including those in their handshake
	Ready       bool   // events wait for an instance of the guest
	Failures    uint64 // closed with 1011: an event failed
	Restarted   uint64 // closed with 1012: the guest was swapped for one that handles no websockets
	Interrupted uint64 // closed with 1012: the channel layer failed
}
