package measure

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// openLanguages measures the guests minimal and chatroom of guest/examples in each
// language. The engine's own benchmark runs them: a call of a guest without a server
// around it is not public.
func openLanguages(ctx context.Context, o *Options, out *opened) error {
	if o.Short && !slices.Contains(o.Only, "languages") {
		out.notes = append(out.notes, "missing-languages: building all guests takes too long; a run without -short does")
		return nil
	}
	work, err := os.MkdirTemp("", "tenantedge-bench-languages-")
	if err != nil {
		return err
	}
	out.close = append(out.close, func() error { return os.RemoveAll(work) })
	root, err := output(ctx, ".", "go", "list", "-m", "-f", "{{.Dir}}", "github.com/tenantedge/tenantedge")
	if err != nil {
		return err
	}
	folder, program := filepath.Join(root, "edge", "internal", "instance"), filepath.Join(work, "instance.test")
	if _, err := output(ctx, folder, "go", "test", "-c", "-o", program, "."); err != nil {
		return err
	}
	for _, example := range []string{"minimal", "chatroom"} {
		for _, language := range []string{"go", "rust", "assemblyscript", "c"} {
			run := func(ctx context.Context, time string) (string, error) {
				name := "^BenchmarkLanguages$/^example=" + example + "$/^language=" + language + "$"
				return output(ctx, folder, program, "-test.run", "^$", "-test.v", "-test.bench", name, "-test.benchtime", time)
			}
			if first, err := run(ctx, "1x"); err != nil {
				return err
			} else if _, err := benchmarkLine(first); err != nil { // skipped
				out.notes = append(out.notes, fmt.Sprintf("missing-%s: its toolchain is not installed", language))
				continue
			}
			out.cases = append(out.cases, benchCase{name: "Languages/example=" + example + "/language=" + language, own: func(ctx context.Context) (string, error) {
				log, err := run(ctx, o.Time.String())
				if err != nil {
					return "", err
				}
				return benchmarkLine(log)
			}})
		}
	}
	return nil
}

// benchmarkLine returns the values of the only benchmark in the output of a test.
func benchmarkLine(log string) (string, error) {
	for line := range strings.Lines(log) {
		if name, values, ok := strings.Cut(strings.TrimSpace(line), "\t"); ok && strings.HasPrefix(name, "Benchmark") {
			return strings.TrimSpace(values), nil
		}
	}
	return "", fmt.Errorf("measure: expected a line of a benchmark, found %.500q", log)
}
