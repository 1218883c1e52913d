package instance

import (
	"flag"
	"os"
	"testing"

	"github.com/tenantedge/tenantedge/edge/internal/wasm/wasmtest"
)

// compileCache is shared by all tests, so that each guest is compiled once.
var compileCache string

// cacheVariable passes it to the processes that tests start.
const cacheVariable = "TENANTEDGE_TEST_CACHE"

var update = flag.Bool("update", false, "write the fuel that is used into testdata")

func TestMain(m *testing.M) {
	if compileCache = os.Getenv(cacheVariable); compileCache != "" { // another process of a test
		os.Exit(m.Run())
	}
	var err error
	if compileCache, err = wasmtest.CompileCache("edge/internal/instance"); err != nil {
		panic(err)
	}
	os.Exit(m.Run())
}
