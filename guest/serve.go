package guest

import (
	"fmt"

	"github.com/tenantedge/tenantedge/guest/abi"
	"github.com/tenantedge/tenantedge/guest/tenancy"
)

// What handlers work with is what the default guest works with, so that a
// guest can ask a [tenancy.Router] first and change what it decided.
type (
	Request   = tenancy.Request
	Header    = tenancy.Header
	Decision  = tenancy.Decision
	Record    = tenancy.Record
	PathQuery = tenancy.PathQuery
	Pathname  = tenancy.Pathname
)

// Handlers are a guest's logic. Those that are nil do what the default guest
// does, under the rules (hardened or strict) that the configuration chooses.
type Handlers struct {
	// Configure gets the configuration once, before any request. It answers the
	// headers that it wants to see, in the order in which Request.Headers will
	// have them, and those of handshakes likewise. An error refuses the configuration: say which key is wrong.
	Configure func(c *abi.Config) (abi.Configured, error)
	// Route decides about one request. The decision is empty when it comes, and
	// left so means that there is no tenant.
	Route func(r *Request, d *Decision)
	// CacheKey and ReverseKey make a key for a cache that tenants share, and
	// take it apart again.
	CacheKey   func(schema, prefix, version, key string) (string, error)
	ReverseKey func(cacheKey string) (string, error)
	// Pathname says where a tenant's file is, on disk and on the web.
	Pathname func(q *PathQuery) Pathname
	// Authorize decides whether a request may have a file that the host's
	// configuration calls private. nil: nobody may.
	Authorize func(a *Access) Verdict
	// Consumer handles websockets; nil: the guest handles none, and the host
	// refuses those of routes that a consumer is to handle.
	Consumer Consumer
	// SelfTest is run before a guest is taken into service.
	SelfTest func() error
}

// served is the guest that this program is: a Wasm module has one, and one
// thread.
var served guest

type guest struct {
	Handlers
	strict  bool
	router  *tenancy.Router // behind a nil Route
	message fields
	request Request
	headers [maxHeaders]Header
	answer  Decision
	asked   []string // headers of Authorize
	routes  []routed // of Consumer, if it is a short ByRoute
	fast    fastRouter
}

// maxHeaders is how many headers a guest may ask for.
const maxHeaders = 16

// Serve says what this guest does. Call it once, in an init function.
func Serve(h Handlers) { served = guest{Handlers: h} }

// configure takes the JSON of an abi.Config and answers that of an
// abi.Configured.
func (g *guest) configure(config []byte) []byte {
	configured, err := g.read(config)
	if err != nil {
		configured = abi.Configured{Error: err.Error()}
	}
	return writeConfigured(&configured)
}

func (g *guest) read(config []byte) (abi.Configured, error) {
	c, err := readConfig(config)
	if err != nil {
		return abi.Configured{}, fmt.Errorf("configuration: %w", err)
	}
	g.strict = c.Compat == "strict"
	configured := abi.Configured{}
	if g.Route == nil {
		router, err := tenancy.New(&c)
		if err != nil {
			return configured, err
		}
		g.router, configured.Headers = router, router.Headers()
		g.fast.prepare(router, len(configured.Headers))
		configured.LookAhead = g.fast.enabled
	}
	if g.Configure != nil {
		own, err := g.Configure(&c)
		if err != nil {
			return own, err
		}
		if g.router != nil {
			own.Headers, own.LookAhead = configured.Headers, configured.LookAhead
		}
		configured = own
	}
	configured.Consumer = g.Consumer != nil
	for _, asked := range [][]string{configured.Headers, configured.AuthorizeHeaders, configured.ConsumerHeaders} {
		if len(asked) > maxHeaders {
			return configured, fmt.Errorf("guest asks for %d headers: at most %d are allowed", len(asked), maxHeaders)
		}
	}
	g.asked = configured.AuthorizeHeaders
	g.listRoutes()
	return configured, nil
}

// selfTest is 0 if the guest finds itself well.
func (g *guest) selfTest() int32 {
	if g.SelfTest == nil {
		return 0
	}
	if err := g.SelfTest(); err != nil {
		Log(LevelError, "self-test: "+err.Error())
		return 1
	}
	return 0
}
