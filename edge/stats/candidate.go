package stats

import "time"

// Candidate describes the trial of a guest beside the current one, and what it has
// shown.
type Candidate struct {
	Guest   Guest     `json:"guest"`
	Shadow  float64   `json:"shadow,omitempty"`  // share of the requests that it decides too, without effect
	Canary  float64   `json:"canary,omitempty"`  // share of the tenants that it serves
	Tenants []string  `json:"tenants,omitempty"` // schemas that it serves besides
	Header  string    `json:"header,omitempty"`  // name of the header that makes it serve a request
	Began   time.Time `json:"began"`

	Judged    uint64 `json:"judged"`    // requests that both guests have decided
	Failures  uint64 `json:"failures"`  // calls in which it failed
	Differing uint64 `json:"differing"` // requests on which the decisions differ
	Costly    uint64 `json:"costly"`    // requests that cost more fuel than the limit
	Dropped   uint64 `json:"dropped"`   // requests that a shadow had no time for

	// Fuel, in units, and Seconds are those of the judged requests.
	Fuel           uint64  `json:"fuel"`
	CurrentFuel    uint64  `json:"current_fuel"`
	Seconds        float64 `json:"seconds"`
	CurrentSeconds float64 `json:"current_seconds"`

	Program Program `json:"program"` // figures of all its calls

	Differences map[Difference]uint64 `json:"differences"` // by kind; a request may have several
	Samples     []DifferenceSample    `json:"samples"`     // the last ones

	Ended string `json:"ended,omitempty"` // why the trial ended; empty: it goes on
}

// Difference is a part in which two decisions differ.
type Difference string

// The differences.
const (
	DiffersOutcome  Difference = "outcome"  // such as tenant and redirect
	DiffersTenant   Difference = "tenant"   // other tenants
	DiffersURLConf  Difference = "urlconf"  // other urlconfs, for pages or websockets
	DiffersPath     Difference = "path"     // other paths within the tenant, or another folder
	DiffersLocation Difference = "location" // other redirects
	DiffersNames    Difference = "names"    // other identifiers or cache prefixes
	DiffersHeaders  Difference = "headers"  // other headers for the application
	DiffersRoute    Difference = "route"    // other websocket routes, or values of them
)

// DifferenceSample is a request on which the decisions differ.
type DifferenceSample struct {
	At        time.Time    `json:"at"`
	Method    string       `json:"method"`
	Host      string       `json:"host"`
	Path      string       `json:"path"` // still encoded, without the query
	Kinds     []Difference `json:"kinds"`
	Current   string       `json:"current"`
	Candidate string       `json:"candidate"`
}
