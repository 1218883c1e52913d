package config

import (
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "write the reported errors to testdata")

// Each file of testdata/errors and testdata/serve holds a configuration and its
// errors:
//
//	-- tenantedge.yaml --
//	…
//	-- error --
//	…
func TestErrorsNameThePositionAndTheCorrection(t *testing.T) {
	golden(t, "testdata/errors/*.txt", func(name, text string) error {
		_, err := Parse(name, []byte(text))
		return err
	})
}

func TestServingNeedsMoreThanEvaluating(t *testing.T) {
	golden(t, "testdata/serve/*.txt", func(name, text string) error {
		f, err := Parse(name, []byte(text))
		if err != nil {
			t.Fatal(err)
		}
		return f.CheckServe()
	})
}

func golden(t *testing.T, pattern string, report func(name, text string) error) {
	files, err := filepath.Glob(pattern)
	if err != nil || len(files) == 0 {
		t.Fatalf("no files %s: %v", pattern, err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txt"), func(t *testing.T) {
			data, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			head, rest, _ := strings.Cut(string(data), " --\n")
			text, want, ok := strings.Cut(rest, "-- error --\n")
			if !ok {
				t.Fatal("expected the line \"-- error --\"")
			}
			got := ""
			if err := report(strings.TrimPrefix(head, "-- "), text); err != nil {
				got = err.Error() + "\n"
			}
			if strings.Contains(got, "hunter2") {
				t.Errorf("the report contains a secret:\n%s", got)
			}
			if got == want {
				return
			}
			if *update {
				if err := os.WriteFile(file, []byte(head+" --\n"+text+"-- error --\n"+got), 0o666); err != nil {
					t.Fatal(err)
				}
				return
			}
			t.Errorf("reported\n%s\nwant\n%s", got, want)
		})
	}
}
