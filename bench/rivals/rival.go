// Package rivals implements the ways to route a request that the benchmark
// compares. All decide the same requests with the same table.
//
//	r, err := rivals.All()[0].Start(ctx, table)
//	w, err := r.Worker()
//	answer, err := w.Route(ctx, &request)
package rivals

import (
	"context"

	"github.com/tenantedge/tenantedge/bench/table"
	"github.com/tenantedge/tenantedge/edge"
	"github.com/tenantedge/tenantedge/guest/abi"
)

// Answer is the part of a decision that all rivals must agree on. The default
// guest also returns urlconf, cache prefix and identifier, which takes time.
type Answer struct {
	Outcome abi.Outcome
	Schema  string // of the tenant; empty if there is none
	Path    string // without the tenant's folder; empty if there is no tenant
}

// Worker routes requests. It is not safe for concurrent use.
type Worker interface {
	Route(ctx context.Context, q *edge.Request) (Answer, error)
}

// Rival creates workers, which may be used concurrently.
type Rival interface {
	Worker() (Worker, error)
	Close() error
}

// Metered is a Rival that meters its guest.
type Metered interface {
	Fuel(ctx context.Context, q *edge.Request) (uint64, error)
}

// Entry is a rival that can be started.
type Entry struct {
	Name   string // in the logs
	Title  string // in the report
	Module string // Go module whose version the log names; empty for our own
	Scales bool   // also measured with several goroutines
	Engine bool   // our engine or a variant of it
	Start  func(ctx context.Context, t *table.Table) (Rival, error)
	// Missing is the reason why the rival cannot run on this machine; empty if
	// it can.
	Missing string
}

// Names of rivals that other packages refer to.
const (
	Native  = "native"
	Pooled  = "wazero-pooled"
	Unreset = "edge-unreset" // our engine without pristine reset
	Edge    = "edge"
)

// All returns the rivals: the baseline, ours, then the others.
func All() []Entry {
	entries := []Entry{{Name: Native, Title: "the same logic, native", Scales: true, Start: startNative}}
	entries = append(entries, edgeEntries()...)
	entries = append(entries,
		Entry{Name: Pooled, Title: "plain wazero, pooled instances", Scales: true, Module: wazeroModule, Start: startPooled},
		Entry{Name: "wazero-closing", Title: "wazero, WithCloseOnContextDone", Module: wazeroModule, Start: startClosing},
		Entry{Name: "wazero-fresh", Title: "wazero, a new instance per request", Module: wazeroModule, Start: startFresh},
		Entry{Name: "http-wasm", Title: "http-wasm-host-go", Scales: true, Module: "github.com/http-wasm/http-wasm-host-go", Start: startHTTPWasm},
	)
	return append(entries, wasmtimeEntries()...)
}

const wazeroModule = "github.com/tetratelabs/wazero"

// text returns b as a string. It returns known, without allocating, if they are
// equal.
func text(b []byte, known string) string {
	if string(b) == known {
		return known
	}
	return string(b)
}
