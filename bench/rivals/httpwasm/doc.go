// Command httpwasm is a guest for http-wasm-host-go that routes as the default
// guest of tenantedge does, with package tenancy. The ABI of http-wasm has no
// directory, so this guest imports tenantedge's host function for lookups. It
// passes on only the schema and the path, which is less than the full decision
// of the default guest.
package main

func main() {}
