// Package assets holds what is built into the program: the default guest.
package assets

import _ "embed"

// Router is the default guest, built from guest/router by `make guest`.
//
//go:embed router.wasm
var Router []byte
