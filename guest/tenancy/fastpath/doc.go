// Package fastpath answers plain requests without tenancy.Router.Route, with the
// same result. Package guest answers nearly all requests with it: in a Wasm
// guest of Go's toolchain, calls, jumps and copies are what costs time.
//
// A request is plain if [Host] accepts its host without the port that [CutPort]
// removes, if [Target] accepts its target, if [Decode] accepts the path should it be
// [Path.Odd], if it is not a websocket handshake, if the host does not ask for the
// reason of the decision, and if only host and path can name a tenant. The first of
// these that exists serves it:
//
//  1. the static tenant that has the host among its domains,
//  2. the row that the directory has for the host and the first segment,
//  3. the static tenant that has the host among its fallback domains,
//  4. the same three for the host without a leading "www.".
//
// Rows that redirect are left to Route.
package fastpath

// NoTenant is the reason of a decision that finds no tenant.
const NoTenant = "no router finds a tenant"
