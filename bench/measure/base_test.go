package measure

import (
	"strings"
	"testing"
)

func TestLinesOfAnOlderCommitGetAnotherName(t *testing.T) {
	log := "goos: linux\nBenchmarkRoute/rival=native\t10\t200 ns/op\nBenchmarkRoute/rival=edge\t10\t1700 ns/op\nBenchmarkRoute/rival=edge-unreset\t10\t1100 ns/op\nBenchmarkRoute/rival=http-wasm\t10\t1800 ns/op\n"
	got, err := baseLines(log)
	if want := "10\t200 ns/op\nBenchmarkBase/rival=edge\t10\t1700 ns/op\nBenchmarkBase/rival=edge-unreset\t10\t1100 ns/op"; err != nil || got != want {
		t.Errorf("found %q, %v: expected %q", got, err, want)
	}
	if _, err := baseLines("BenchmarkRoute/rival=native\t10\t200 ns/op\n"); err == nil || !strings.Contains(err.Error(), "edge-unreset") {
		t.Errorf("error is %v: expected one that names the missing rivals", err)
	}
}
