package guest

import (
	"errors"
	"strconv"

	"github.com/tenantedge/tenantedge/guest/abi"
	"github.com/tenantedge/tenantedge/guest/tenancy"
)

// Handlers use the types of package tenancy, so a guest can call a
// [tenancy.Router] and change its decision.
type (
	Request   = tenancy.Request
	Header    = tenancy.Header
	Decision  = tenancy.Decision
	Record    = tenancy.Record
	PathQuery = tenancy.PathQuery
	Pathname  = tenancy.Pathname
)

// Handlers are a guest's logic. A nil handler does what the default guest does,
// under the rules (hardened or strict) of the configuration.
type Handlers struct {
	// Configure receives the configuration once, before any request. Its result
	// names the headers that the guest needs; Request.Headers has their values in
	// that order. An error rejects the configuration and should name the wrong key.
	Configure func(c *abi.Config) (abi.Configured, error)
	// Route decides one request. The decision is empty at first; an empty decision
	// means that there is no tenant.
	Route func(r *Request, d *Decision)
	// CacheKey returns a key for a cache that tenants share, and ReverseKey returns
	// the key that such a cache key was made from.
	CacheKey   func(schema, prefix, version, key string) (string, error)
	ReverseKey func(cacheKey string) (string, error)
	// Pathname returns the path and the URL of a tenant's file.
	Pathname func(q *PathQuery) Pathname
	// Authorize decides whether a request may access a file that is private in the
	// host's configuration. If it is nil, every such request is denied.
	Authorize func(a *Access) Verdict
	// Consumer handles websockets: see [Consume]. If it is nil, the host rejects
	// handshakes for the routes that the configuration directs to the consumer.
	Consumer *Websockets
	// SelfTest runs before the guest serves requests. An error rejects the guest.
	SelfTest func() error
}

// served is the guest of this program. A Wasm module has one, and one thread.
var served guest

type guest struct {
	Handlers
	strict  bool
	router  *tenancy.Router // used if Route is nil
	message fields
	request Request
	headers [maxHeaders]Header
	answer  Decision
	fast    fastRouter

	authorizeHeaders []string // names of the headers for Authorize
}

// maxHeaders is the maximum number of names in each list of headers.
const maxHeaders = abi.MaxAskedHeaders

// Serve sets the handlers of the guest. Call it once, in an init function.
func Serve(h Handlers) { served = guest{Handlers: h} }

// configure takes the JSON of an abi.Config and returns the JSON of an
// abi.Configured.
func (g *guest) configure(config []byte) []byte {
	configured, err := g.applyConfig(config)
	if err != nil {
		configured = abi.Configured{Error: err.Error()}
	}
	return writeConfigured(&configured)
}

func (g *guest) applyConfig(config []byte) (abi.Configured, error) {
	c, err := readConfig(config)
	if err != nil {
		return abi.Configured{}, errors.New("configuration: " + err.Error())
	}
	g.strict = c.Compat == abi.Strict
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
	for _, names := range [][]string{configured.Headers, configured.AuthorizeHeaders, configured.ConsumerHeaders} {
		if len(names) > maxHeaders {
			return configured, errors.New("Handlers.Configure names " + strconv.Itoa(len(names)) + " headers in one list: expected at most " + strconv.Itoa(maxHeaders))
		}
	}
	g.authorizeHeaders = configured.AuthorizeHeaders
	return configured, nil
}

// selfTest returns 0 if the guest's self-test succeeds or it has none.
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
