package abi

// Router is a way to find a request's tenant: the elements of [Config.Routers]
// are routers, and each tenant that was found was found by one.
type Router string

// The routers.
const (
	ByDomain  Router = "domain"  // the host, with the first segment of the path
	ByHeader  Router = "header"  // the header [Config.TenantHeader], of a trusted peer
	BySession Router = "session" // the value under [Config.TenantSessionKey] in the session
)
