package instructions

import (
	"context"
	"fmt"
	"math"
	"os"
	"runtime"
	"strings"
	"testing"

	"github.com/tenantedge/tenantedge/bench/rivals"
)

// TestMain runs the test binary as the counted program if its arguments ask for it.
func TestMain(m *testing.M) {
	if len(os.Args) > 1 && os.Args[1] == RunCommand {
		if err := Run(context.Background(), os.Args[2:], os.Stdout); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}

func TestCountsAreReproducible(t *testing.T) {
	if runtime.GOARCH != "amd64" {
		t.Skip("the test binary is the counted program, for amd64")
	}
	c, _, err := Prepare(t.Context(), t.TempDir())
	if err != nil {
		t.Skip(err)
	}
	program, err := os.Executable()
	if err == nil {
		err = os.Symlink(program, c.program("amd64"))
	}
	if err != nil {
		t.Fatal(err)
	}
	var counts [2]float64
	for i := range counts {
		if counts[i], err = c.PerRequest(t.Context(), "amd64", rivals.Native, 500); err != nil {
			t.Fatal(err)
		}
	}
	if counts[0] < 100 || math.Abs(counts[0]/counts[1]-1) > 0.02 {
		t.Errorf("the native logic executes %v instructions per request: expected twice the same number", counts)
	}
}

func TestOneRequestIsADifference(t *testing.T) {
	if n, err := perRequest("1000 instructions\n\n1300 instructions\n\n1850 instructions\n\n", 10); err != nil || n != 25 {
		t.Errorf("found %v, %v: expected 25", n, err)
	}
	if _, err := perRequest("1000 instructions\n", 10); err == nil || !strings.Contains(err.Error(), "three counts") {
		t.Errorf("error is %v: expected one about the counts", err)
	}
}
