//go:build !wasip1

package guest

import "embed"

// Sources has the source code of this package and of the packages below it that
// guests and their tests import. `tenantedge guest new` copies it into projects.
//
//go:embed *.go abi/*.go guesttest/*.go internal/*/*.go jsonread/*.go query/*.go tck/*.go tck/golden.json tenancy/*.go tenancy/fastpath/*.go
//go:embed rust/Cargo.toml rust/src/*.rs
//go:embed assemblyscript/package.json assemblyscript/asconfig.json assemblyscript/assembly/*.ts
//go:embed c/tenantedge.h
var Sources embed.FS
