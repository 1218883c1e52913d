package measure

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"github.com/tenantedge/tenantedge/bench/rivals"
)

// openBase adds a case to the route suite: the benchmark of an older commit routes
// in each round too, with the same settings and in a process of its own.
func openBase(ctx context.Context, o *Options, out *opened) error {
	tree, err := checkOut(ctx, o, out)
	if err != nil {
		return err
	}
	work, folder := filepath.Dir(tree), filepath.Join(tree, "bench")
	program := filepath.Join(work, "bench")
	if _, err := output(ctx, folder, "go", "build", "-o", program, "."); err != nil {
		return err
	}
	out.cases = append(out.cases, benchCase{name: "Base/rival=" + rivals.Native, own: func(ctx context.Context) (string, error) {
		results := filepath.Join(work, "results")
		if _, err := output(ctx, folder, program, "run", "-only", "route", "-rounds", "1", "-time", o.Time.String(), "-domains", fmt.Sprint(o.Domains), "-results", results); err != nil {
			return "", err
		}
		log, err := os.ReadFile(filepath.Join(results, "route.txt"))
		if err != nil {
			return "", err
		}
		return baseLines(string(log))
	}})
	return nil
}

// checkOut checks Options.Base out into a folder in a temporary folder.
func checkOut(ctx context.Context, o *Options, out *opened) (tree string, err error) {
	work, err := os.MkdirTemp("", "tenantedge-bench-base-")
	if err != nil {
		return "", err
	}
	out.close = append(out.close, func() error { return os.RemoveAll(work) })
	commit, err := output(ctx, ".", "git", "rev-parse", "--short", o.Base+"^{commit}")
	if err != nil {
		return "", fmt.Errorf("measure: expected a commit of this repository: %w", err)
	}
	tree = filepath.Join(work, "tree")
	if _, err := output(ctx, ".", "git", "worktree", "add", "--detach", tree, commit); err != nil {
		return "", err
	}
	out.close = append(out.close, func() error {
		_, err := output(context.WithoutCancel(ctx), ".", "git", "worktree", "remove", "--force", tree)
		return err
	})
	out.notes = append(out.notes, "base: "+commit)
	return tree, nil
}

// baseLines returns the lines of a route log for the log of another run: the
// values of the native logic, then the benchmarks of the engine with their names.
func baseLines(log string) (string, error) {
	values := map[string]string{}
	for line := range strings.Lines(log) {
		if name, v, ok := strings.Cut(strings.TrimSuffix(line, "\n"), "\t"); ok {
			values[strings.TrimPrefix(name, "BenchmarkRoute/rival=")] = v
		}
	}
	native, edge, unreset := values[rivals.Native], values[rivals.Edge], values[rivals.Unreset]
	if native == "" || edge == "" || unreset == "" {
		return "", fmt.Errorf("measure: expected the rivals %s, %s and %s in the log of the older commit, found %q", rivals.Native, rivals.Edge, rivals.Unreset, log)
	}
	return native + "\nBenchmarkBase/rival=" + rivals.Edge + "\t" + edge + "\nBenchmarkBase/rival=" + rivals.Unreset + "\t" + unreset, nil
}

// output runs a command in a folder and returns what it writes, trimmed.
func output(ctx context.Context, folder, name string, args ...string) (string, error) {
	c := exec.CommandContext(ctx, name, args...)
	c.Dir = folder
	out, err := c.Output()
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		err = fmt.Errorf("%w: %.300s", err, exit.Stderr)
	}
	if err != nil {
		return "", fmt.Errorf("measure: %s %s: %w", name, strings.Join(args, " "), err)
	}
	return strings.TrimSpace(string(out)), nil
}
