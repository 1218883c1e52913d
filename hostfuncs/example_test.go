package hostfuncs_test

import (
	"context"
	"fmt"
	"log"
	"log/slog"

	"github.com/tetratelabs/wazero"

	"github.com/tenantedge/tenantedge/guest/abi"
	"github.com/tenantedge/tenantedge/hostfuncs"
)

// services has no tenants, no database and no files.
type services struct{}

func (services) ByDomain(domain, folder string, out []byte) (int, bool) { return 0, false }
func (services) ByReference(ref string, out []byte) (int, bool)         { return 0, false }
func (services) Primary(id string, out []byte) (int, bool)              { return 0, false }

func (services) Query(ctx context.Context, schema, name string, args []byte) ([]byte, error) {
	return nil, abi.NotFound
}

func (services) Files(ctx context.Context, last hostfuncs.Files) (hostfuncs.Files, error) {
	return nil, abi.Denied
}

func (services) FileLimits() hostfuncs.FileLimits { return hostfuncs.FileLimits{} }

func (services) Log(ctx context.Context, level slog.Level, text string, attrs ...slog.Attr) {
	fmt.Println(level, text)
}

// program is a guest whose function "run" logs the text "hello":
//
//	(module
//	  (import "tenantedge" "log" (func $log (param i32 i32 i32)))
//	  (memory (export "memory") 1)
//	  (func (export "run") (call $log (i32.const 0) (i32.const 0) (i32.const 5)))
//	  (data (i32.const 0) "hello"))
var program = []byte("\x00asm\x01\x00\x00\x00" +
	"\x01\x0a\x02\x60\x03\x7f\x7f\x7f\x00\x60\x00\x00" + // types
	"\x02\x12\x01\x0atenantedge\x03log\x00\x00" + // imports
	"\x03\x02\x01\x01" + // functions
	"\x05\x03\x01\x00\x01" + // memory
	"\x07\x10\x02\x06memory\x02\x00\x03run\x00\x01" + // exports
	"\x0a\x0c\x01\x0a\x00\x41\x00\x41\x00\x41\x05\x10\x00\x0b" + // code
	"\x0b\x0b\x01\x00\x41\x00\x0b\x05hello") // data

// Run a guest with the host functions.
func Example() {
	ctx := context.Background()
	runtime := wazero.NewRuntime(ctx)
	defer runtime.Close(ctx)
	compiled, err := runtime.CompileModule(ctx, program)
	if err != nil {
		log.Fatal(err)
	}
	if err := hostfuncs.Check(compiled); err != nil {
		log.Fatal(err)
	}
	if err := hostfuncs.Instantiate(ctx, runtime, compiled); err != nil {
		log.Fatal(err)
	}
	call := &hostfuncs.Call{Services: services{}}
	instance, err := runtime.InstantiateModule(call, compiled, wazero.NewModuleConfig())
	if err != nil {
		log.Fatal(err)
	}
	call.Begin(ctx)
	if _, err := instance.ExportedFunction("run").Call(call); err != nil {
		call.Fail()
		log.Print(err)
	}
	call.End()
	// Output: INFO hello
}
