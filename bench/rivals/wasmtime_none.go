//go:build !cgo || !(linux || darwin) || !(amd64 || arm64)

package rivals

func wasmtimeEntries() []Entry {
	const why = "wasmtime-go needs cgo and a C compiler, on Linux or macOS"
	return []Entry{
		{Name: "wasmtime-pooled", Title: "wasmtime-go, pooled instances", Missing: why},
		{Name: "wasmtime-fresh", Title: "wasmtime-go, a new instance per request", Missing: why},
	}
}
