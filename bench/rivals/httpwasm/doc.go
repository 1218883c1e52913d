// Command httpwasm is a guest for http-wasm-host-go that routes as the default
// guest of tenantedge does: package tenancy behind the ABI of http-wasm. That
// ABI knows no directory, so this guest asks for tenants through the host
// function that our own has; and it hands on the schema and the path alone,
// the least that an upstream needs, where ours answers a whole decision.
package main

func main() {}
