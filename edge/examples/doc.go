// Package examples shows how to use an edge with other routers and servers than
// those of net/http. It is a module of its own, so that users of the edge do not
// download these dependencies.
//
// Routers for net/http are wrapped as a whole: host.Middleware(router). Middleware
// that is added to a router would run after the router has matched the path, which
// may still contain the tenant's folder.
//
// Other servers fill in an edge.Incoming, call Host.RequestFrom and Host.Route, act
// on the decision, and pass on only the headers of Host.ApplicationHeader.
package examples
