// Package record keeps a sample of requests in log files, with all that the guest's
// decisions on them depended on, and reads such files. FORMAT.md describes the files.
//
//	log, err := record.Open(record.Options{Folder: "record", Rate: 0.01})
//	set, err := guests.New(ctx, guests.Config{Recorder: log, …}, wasm, true)
//	…
//	err = log.Close()
//
//	r := record.NewReader(file)
//	for section, err := r.Next(); err == nil; section, err = r.Next() { … }
package record

import (
	"encoding/json"

	"github.com/tenantedge/tenantedge/edge/internal/guests"
	"github.com/tenantedge/tenantedge/guest/abi"
	"github.com/tenantedge/tenantedge/tenantdb"
)

// Version is the version of the format.
const Version = 1

// Header is the first line of a section: which guest decided the requests, and what its
// decisions depend on besides each request.
type Header struct {
	Version      int             `json:"v"`
	Guest        string          `json:"guest"` // SHA-256 of its Wasm, in hexadecimal
	Name         string          `json:"name,omitempty"`
	GuestVersion string          `json:"guest_version,omitempty"`
	FuelVersion  int             `json:"fuel_version"`
	ConfigDigest string          `json:"config_digest"` // SHA-256 of Config, with its settings
	Config       json.RawMessage `json:"config"`        // abi.Config
	NoSettings   bool            `json:"no_settings,omitempty"`
	Headers      []string        `json:"headers"` // canonical names of those that the guest gets
	Limits       Limits          `json:"limits"`
	Rules        Rules           `json:"rules"`
}

// Limits are what the guest may use. The recorded outcomes depend on them.
type Limits struct {
	Fuel      uint64 `json:"fuel"`
	Memory    int64  `json:"memory"`
	Stack     int    `json:"stack"`
	FileBytes int64  `json:"file_bytes"`
	OpenFiles int    `json:"open_files"`
}

// Rules say which headers a guest may set in requests to applications.
type Rules struct {
	Upstream []string `json:"upstream"`
	Guard    []string `json:"guard"`
	Allow    []string `json:"allow"`
}

// Ask is a question of the guest, or of the host about its decision, and the answer.
type Ask struct {
	Kind   string
	Of     []string
	Row    *tenantdb.Match // kinds of lookups; nil: not found
	Answer string
	Errno  abi.Errno
}

// Kinds of questions. FORMAT.md describes Of and Answer of each.
const (
	AskDomain    = "domain"
	AskReference = "reference"
	AskSchema    = "schema"
	AskPrimary   = "primary"
	AskQuery     = "query"
	AskClock     = "clock"
	AskMonotonic = "monotonic"
	AskRandom    = "random"
	AskSleep     = "sleep"
	AskFiles     = "files"
	AskOpen      = "open"
	AskSave      = "save"
	AskStat      = "stat"
	AskList      = "list"
	AskDelete    = "delete"
	AskURL       = "url"
)

var kinds = []string{
	AskDomain, AskReference, AskSchema, AskPrimary, AskQuery, AskClock, AskMonotonic, AskRandom,
	AskSleep, AskFiles, AskOpen, AskSave, AskStat, AskList, AskDelete, AskURL,
}

// Request is a recorded request.
type Request struct {
	Time    int64 // nanoseconds since 1970
	Request guests.Request
	// Redacted names what is not in the record as the client sent it.
	Redacted []string
	Asks     []*Ask
	Fuel     uint64
	// Decision is the decision as it is in the log; nil: the guest failed.
	Decision []byte
	Failed   string // how the guest failed, a stats.Trap
	Error    string // of the failure, for people
}
