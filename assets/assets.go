// Package assets holds what is built into the program: the default guest, and the pages
// of the console.
package assets

import "embed"

// Router is the default guest, built from guest/router by `make guest`.
//
//go:embed router.wasm
var Router []byte

// Console is the folder console: the templates, the stylesheet and the script of the
// operators' console.
//
//go:embed console
var Console embed.FS
