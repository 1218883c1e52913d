// Package tck is the conformance kit of guests: it configures a guest, calls
// its exports, and compares what it answers with golden cases. It knows no
// WebAssembly runtime; whoever has one starts the guest:
//
//	func TestMyGuest(t *testing.T) {
//		suites, err := tck.Golden()
//		if err != nil {
//			t.Fatal(err)
//		}
//		tck.Run(t, suites, func(t *testing.T, w *tck.World) tck.Guest {
//			return startInMyRuntime(t, wasm, w) // w answers the host functions
//		})
//	}
//
// A guest in Go runs natively as well, without any runtime:
//
//	guesttest.Replace(t, w)
//	return tck.Func(guesttest.Call)
//
// The golden cases hold for guests that keep to the rules of package tenancy,
// such as the default one. A guest with rules of its own brings its own suites,
// in the same form (see golden.json).
package tck

import (
	"encoding/json"
	"testing"

	"github.com/tenantedge/tenantedge/guest/abi"
)

// Guest is a guest that has been started and not yet configured.
type Guest interface {
	// Call puts msg into the guest's buffer, calls an export that takes a
	// message, and returns the reply, which may be overwritten by the next
	// Call. It fails if the guest traps or answers 0.
	Call(export string, msg []byte) ([]byte, error)
}

// Func is a Guest that is a function: guesttest.Call, for one that runs natively.
type Func func(export string, msg []byte) ([]byte, error)

// Call implements Guest.
func (f Func) Call(export string, msg []byte) ([]byte, error) { return f(export, msg) }

var _ Guest = Func(nil)

// Suite is a world, a configuration, and what a guest answers in them.
type Suite struct {
	Name   string     `json:"name"`
	Config abi.Config `json:"config"`
	World
	Refused string `json:"refused"` // the guest refuses the configuration, and the error has this in it

	Routes     []RouteCase    `json:"routes"`
	CacheKeys  []KeyCase      `json:"cache_keys"`
	Reversed   []ReverseCase  `json:"reversed"`
	Pathnames  []PathnameCase `json:"pathnames"`
	Sockets    []SocketCase   `json:"sockets"`
	configured abi.Configured
}

// Run runs each suite against a guest of its own.
func Run(t *testing.T, suites []Suite, start func(t *testing.T, w *World) Guest) {
	t.Helper()
	for i := range suites {
		s := &suites[i]
		t.Run(s.Name, func(t *testing.T) { s.run(t, start(t, &s.World)) })
	}
}

func (s *Suite) run(t *testing.T, g Guest) {
	if !s.configure(t, g) {
		return
	}
	for i := range s.Routes {
		t.Run(s.Routes[i].Name, func(t *testing.T) { s.Routes[i].check(t, g, s.configured.Headers) })
	}
	for i := range s.CacheKeys {
		t.Run("cache key "+s.CacheKeys[i].Want, func(t *testing.T) { s.CacheKeys[i].check(t, g) })
	}
	for i := range s.Reversed {
		t.Run("reversed "+s.Reversed[i].CacheKey, func(t *testing.T) { s.Reversed[i].check(t, g) })
	}
	for i := range s.Pathnames {
		t.Run("pathname "+s.Pathnames[i].Name, func(t *testing.T) { s.Pathnames[i].check(t, g) })
	}
	for i := range s.Sockets {
		t.Run("websocket "+s.Sockets[i].Name, func(t *testing.T) { s.Sockets[i].check(t, g, s.configured.ConsumerHeaders) })
	}
}

// configure reports whether the guest took the configuration.
func (s *Suite) configure(t *testing.T, g Guest) bool {
	t.Helper()
	s.Config.ABI = abi.Version
	config, err := json.Marshal(s.Config)
	if err != nil {
		t.Fatal(err)
	}
	reply, err := g.Call(abi.ExportConfigure, config)
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(reply, &s.configured); err != nil {
		t.Fatalf("the reply to %s is %.200q: %v", abi.ExportConfigure, reply, err)
	}
	if s.Refused != "" {
		contains(t, "error", s.configured.Error, s.Refused)
		return false
	}
	if s.configured.Error != "" {
		t.Fatalf("the guest refuses the configuration: %s", s.configured.Error)
	}
	return true
}
