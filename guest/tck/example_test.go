//go:build !wasip1

package tck_test

import (
	"testing"

	_ "github.com/tenantedge/tenantedge/guest" // serves the default handlers
	"github.com/tenantedge/tenantedge/guest/guesttest"
	"github.com/tenantedge/tenantedge/guest/tck"
)

// A test runs the golden suites on the guest of its package, natively.
func ExampleRun() {
	var t *testing.T // the test's
	suites, err := tck.Golden()
	if err != nil {
		t.Fatal(err)
	}
	tck.Run(t, suites, func(t *testing.T, w *tck.World) tck.Guest {
		guesttest.Replace(t, w)
		return tck.Func(guesttest.Call)
	})
}
