package smoke_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"testing"

	"github.com/tenantedge/tenantedge/edge"
	"github.com/tenantedge/tenantedge/edge/smoke"
)

func TestMain(m *testing.M) {
	smoke.Main(func(ctx context.Context, t smoke.Trial) error {
		if string(t.Config) == askPolicies {
			return errors.New(policies())
		}
		return edge.Try(ctx, t)
	})
	os.Exit(m.Run())
}

// A child process of this program tries a guest before Swap accepts it. Main is
// the first call in the program's main function, since the child starts there.
func Example() {
	smoke.Main(edge.Try)

	ctx := context.Background()
	host, err := edge.New(ctx, edge.Config{SmokeRun: smoke.Run})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer host.Close()
	_, err = host.Swap(ctx, []byte("no guest at all"))
	fmt.Println(err)
	// Output:
	// edge: smoke run: expected the guest to load and to answer in a child process, found guest b8bbbbff6c0d: is not a valid WebAssembly module: meter: wasm: malformed module: expected a Wasm module of version 1, found text that begins with "no guest at all"; pass the module that the build writes
}
