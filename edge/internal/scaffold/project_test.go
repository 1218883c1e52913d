package scaffold

import (
	"context"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"
)

// The template has the versions and sums that this module has been tested with.
func TestTheGoTemplateRequiresTheVersionsOfThisModule(t *testing.T) {
	for name, of := range map[string]string{"go.mod.tmpl": "go.mod", "sdk/go.mod.tmpl": "go.mod", "go.sum": "go.sum"} {
		want, err := os.ReadFile("../../../" + of)
		if err != nil {
			t.Fatal(err)
		}
		text, err := templates.ReadFile("templates/go/" + name)
		if err != nil {
			t.Fatal(err)
		}
		lines := regexp.MustCompile(`(?m)^(go |\s*golang\.org/)[^/\n]+(/go\.mod)?\S*`).FindAllString(string(text), -1)
		if len(lines) < 3 {
			t.Errorf("%s: found %q", name, lines)
		}
		for _, line := range lines {
			if !strings.Contains(string(want), strings.TrimSpace(line)) {
				t.Errorf("%s: %q is not in %s of this module; copy the line", name, line, of)
			}
		}
	}
}

func TestNewRefusesAFolderWithFiles(t *testing.T) {
	dir := t.TempDir()
	if err := os.Mkdir(filepath.Join(dir, ".git"), 0o700); err != nil {
		t.Fatal(err)
	}
	l := Languages[0]
	files, err := New(dir, l)
	if err != nil || len(files) < 10 {
		t.Fatalf("%q, %v", files, err)
	}
	if _, err := New(dir, l); err == nil || !strings.Contains(err.Error(), "to be empty or missing, found .git") {
		t.Errorf("the second time: %v", err)
	}
	if _, err := New(filepath.Join(dir, "main.go"), l); err == nil || !strings.Contains(err.Error(), "expected a folder") {
		t.Errorf("a file: %v", err)
	}
}

func TestNamesOfProjectsAreValidInEveryLanguage(t *testing.T) {
	for dir, want := range map[string]string{
		"/tmp/My_Guest": "my-guest", "/tmp/a.b": "a-b", "/tmp/9lives": "guest-9lives", "/tmp/日本": "guest", "/": "guest",
		"/tmp/-x-": "x", "/tmp/tenantedge": "guest-tenantedge", "/tmp/test": "guest-test",
		"/tmp/con": "guest-con", "/tmp/LPT1": "guest-lpt1", "/tmp/console": "console", "/tmp/" + strings.Repeat("x", 63) + "_y": strings.Repeat("x", 63),
	} {
		if got, err := projectName(dir); err != nil || got != want {
			t.Errorf("%s: %q, %v; want %q", dir, got, err, want)
		}
	}
}

func TestEachLanguageHasItsFiles(t *testing.T) {
	for _, l := range Languages {
		dir := filepath.Join(t.TempDir(), "mine")
		files, err := New(dir, l)
		if err != nil {
			t.Fatal(err)
		}
		p, err := Open(dir)
		if err != nil || p.build.String() != l.build.String() {
			t.Errorf("%s: the project is built by %v: %v", l.Name, p, err)
		}
		if len(l.install) == 0 {
			t.Errorf("%s: how to install it is missing", l.Name)
		}
		for _, name := range []string{l.Main, "README.md", ".gitignore", "tenantedge.yaml", "cases.yaml"} {
			if content, err := os.ReadFile(filepath.Join(dir, name)); err != nil || len(content) == 0 || strings.Contains(string(content), "{{") {
				t.Errorf("%s: %s is %q, %v; the files are %q", l.Name, name, content, err, files)
			}
		}
	}
}

func TestAFolderWithoutAProjectIsRefused(t *testing.T) {
	dir := t.TempDir()
	if _, err := Open(dir); err == nil || !strings.Contains(err.Error(), "go.mod (Go)") {
		t.Errorf("an empty folder: %v", err)
	}
	write := func(name, text string) {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write("go.mod", "module x\n")
	write("Makefile", "all: x\n")
	if p, err := Open(dir); err != nil || p.build.Args[0] != "go" {
		t.Errorf("a Makefile without the rule: %v, %v", p, err)
	}
	write("Makefile", "guest.wasm: x\n")
	if p, err := Open(dir); err != nil || p.build.Args[0] != "make" {
		t.Errorf("a Makefile with the rule: %v, %v", p, err)
	}
}

func TestWatchSendsChangesOfSourcesOnly(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	dir := t.TempDir()
	changes := (&Project{Dir: dir}).Watch(ctx)
	write := func(name, text string) {
		t.Helper()
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	next := func() {
		t.Helper()
		select {
		case <-changes:
		case <-ctx.Done():
			t.Fatal("no change was sent")
		}
	}
	write("main.go", "1")
	next()
	write("below/a.go", "1")
	next()
	for _, name := range []string{"guest.wasm", ".main.go.swp", "main.go~", "target/x/y.rs", "below/4913"} {
		write(name, "1")
	}
	real, err := filepath.EvalSymlinks(dir)
	if err != nil {
		t.Fatal(err)
	}
	want := []string{filepath.Join(real, "below", "a.go"), filepath.Join(real, "main.go")}
	if got := slices.Sorted(maps.Keys(sources(dir, nil))); !slices.Equal(got, want) {
		t.Errorf("the sources are %q: expected %q", got, want)
	}
}

// A build writes the module, and perhaps sources that it generates: the watcher must
// not see a change in that, or guest dev would build forever.
func TestWhatABuildWritesIsNoChange(t *testing.T) {
	dir := t.TempDir()
	link := filepath.Join(t.TempDir(), "link")
	if err := os.Symlink(dir, link); err != nil {
		t.Skip(err)
	}
	large := strings.Repeat("x", maxSummed+1)
	write := func(name, text string, at int64) {
		t.Helper()
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Chtimes(path, time.Unix(at, 0), time.Unix(at, 0)); err != nil {
			t.Fatal(err)
		}
	}
	write("main.c", "1", 1)
	write("large.h", large, 1)
	for _, watched := range []string{dir, link} {
		seen := sources(watched, nil)
		changed := func() bool {
			before := seen
			seen = sources(watched, before)
			return !maps.EqualFunc(seen, before, stamp.same)
		}
		write("guest.wasm", watched, 2)
		if changed() {
			t.Errorf("%s: a module is a change", watched)
		}
		write("main.c", "1", 2)
		if changed() {
			t.Errorf("%s: a file that was written again is a change", watched)
		}
		write("main.c", "2", 2)
		if changed() {
			t.Errorf("%s: a file with the same size and time counts as changed, although it is not read", watched)
		}
		write("main.c", "2", 3)
		if !changed() {
			t.Errorf("%s: a changed file is no change", watched)
		}
		write("large.h", large, 2)
		if !changed() {
			t.Errorf("%s: a large file that was written again is no change", watched)
		}
		write("main.c", "1", 4)
		write("large.h", large, 1)
		changed()
	}
}

func TestACommandIsPrintedAsAShellReadsIt(t *testing.T) {
	c := Command{Env: []string{"RUSTC=/a b/rustc", "GOOS=wasip1"}, Args: []string{"/a b/cargo", "-o", "it's", "", "$x;`y`\"", "日本"}}
	if got, want := c.String(), `RUSTC='/a b/rustc' GOOS=wasip1 '/a b/cargo' -o 'it'\''s' '' '$x;`+"`y`"+`"' '日本'`; got != want {
		t.Errorf("found %s, expected %s", got, want)
	}
}
