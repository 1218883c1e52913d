package instance

import (
	"flag"
	"os"
	"testing"

	"github.com/tenantedge/tenantedge/edge/internal/wasm/wasmtest"
)

// compileCache is shared by all tests, since many load the same guests.
var compileCache string

// cacheVariable passes compileCache to processes that tests start.
const cacheVariable = "TENANTEDGE_TEST_CACHE"

var update = flag.Bool("update", false, "write the measured fuel into testdata")

func TestMain(m *testing.M) {
	if compileCache = os.Getenv(cacheVariable); compileCache != "" { // a process that a test started
		os.Exit(m.Run())
	}
	var err error
	if compileCache, err = wasmtest.CompileCache("edge/internal/instance"); err != nil {
		panic(err)
	}
	os.Exit(m.Run())
}
