// Package tck is the conformance test of guests. [Run] configures a guest, calls
// its exports, and compares the replies with the expected ones of its suites.
//
// The package does not depend on a WebAssembly runtime: the test starts the guest
// and lets a [World] answer its host functions. A guest in Go can also run
// natively, as in the example.
//
// Guests that follow the rules of package tenancy pass the suites of [Golden]. For
// other rules, write suites in the format of golden.json.
package tck

import (
	"encoding/json"
	"testing"

	"github.com/tenantedge/tenantedge/guest/abi"
)

// Guest is a guest that is started but not configured.
type Guest interface {
	// Call writes msg to the guest's buffer, calls the export, and returns the
	// reply, which is valid until the next Call. It returns an error if the guest
	// traps or answers 0.
	Call(export string, msg []byte) ([]byte, error)
}

// Func is a function as a Guest, such as guesttest.Call for a native guest.
type Func func(export string, msg []byte) ([]byte, error)

// Call calls f.
func (f Func) Call(export string, msg []byte) ([]byte, error) { return f(export, msg) }

var _ Guest = Func(nil)

// Suite is a configuration, a world, and the replies expected of a guest.
type Suite struct {
	Name   string     `json:"name"`
	Config abi.Config `json:"config"`
	World
	// Error expects the guest to reject the configuration with an error that
	// contains this text.
	Error string `json:"error"`

	Routes     []RouteCase    `json:"routes"`
	CacheKeys  []KeyCase      `json:"cache_keys"`
	Reversed   []ReverseCase  `json:"reversed"`
	Pathnames  []PathnameCase `json:"pathnames"`
	Sockets    []SocketCase   `json:"sockets"`
	configured abi.Configured
}

// Run runs each suite as a subtest, with a guest that start returns. The guest's
// host functions must answer from the world that start is given.
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

// configure configures the guest and reports whether there are cases to run: it
// returns false if the suite expects an error.
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
	if s.Error != "" {
		contains(t, "error", s.configured.Error, s.Error)
		return false
	}
	if s.configured.Error != "" {
		t.Fatalf("the guest rejects the configuration: %s", s.configured.Error)
	}
	return true
}
