// Package rivals holds what a routed request is compared with: each decides the
// same requests by the same table, behind one small interface.
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

// Answer is what all rivals must agree on. What some of them answer beyond it
// costs them time: our own guest gives urlconfs, cache prefix and identifier.
type Answer struct {
	Outcome abi.Outcome
	Schema  string // of the tenant; empty without one
	Path    string // as the tenant sees it, without folder; empty without tenant
}

// Worker decides requests for one goroutine.
type Worker interface {
	Route(ctx context.Context, q *edge.Request) (Answer, error)
}

// Rival makes workers, which may work at the same time.
type Rival interface {
	Worker() (Worker, error)
	Close() error
}

// Metered is a rival that counts what a request executes.
type Metered interface {
	Fuel(ctx context.Context, q *edge.Request) (uint64, error)
}

// Entry is a rival that can be started.
type Entry struct {
	Name   string // as it stands in the logs
	Title  string // for people
	Module string // the Go module whose version is told; empty: our own
	Scales bool   // looked at with many goroutines too
	Engine bool   // our engine, or a variant of it
	Start  func(ctx context.Context, t *table.Table) (Rival, error)
	// Missing says why it cannot run here; empty: it can.
	Missing string
}

// Names of rivals that others compare with.
const (
	Native  = "native"
	Pooled  = "wazero-pooled"
	Unreset = "edge-unreset" // our engine without pristine reset
	Edge    = "edge"
)

// All lists the rivals: first the baseline, then ours, then the others.
func All() []Entry {
	entries := []Entry{{Name: Native, Title: "the same logic, natively", Scales: true, Start: startNative}}
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

// text is b as a string, known if it is what stands there already.
func text(b []byte, known string) string {
	if string(b) == known {
		return known
	}
	return string(b)
}
