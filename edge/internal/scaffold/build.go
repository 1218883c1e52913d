package scaffold

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// Project is a folder with a guest's sources.
type Project struct {
	Dir string
	toolchain
}

// Open finds out how the project in dir is built.
func Open(dir string) (*Project, error) {
	if info, err := os.Stat(dir); err != nil {
		return nil, fmt.Errorf("expected the folder of a guest: %w", err)
	} else if !info.IsDir() {
		return nil, fmt.Errorf("expected the folder of a guest, found the file %s", dir)
	}
	rule := []byte("\n" + Output + ":")
	if makefile, err := os.ReadFile(filepath.Join(dir, "Makefile")); err == nil && bytes.Contains(append([]byte("\n"), makefile...), rule) {
		return &Project{dir, makeToolchain}, nil
	}
	// The most specific marks come last.
	for _, l := range slices.Backward(Languages) {
		if _, err := os.Stat(filepath.Join(dir, l.mark)); err == nil {
			return &Project{dir, l.toolchain}, nil
		}
	}
	marks := make([]string, len(Languages))
	for i, l := range Languages {
		marks[i] = fmt.Sprintf("%s (%s)", l.mark, l.Title)
	}
	return nil, fmt.Errorf("expected %s to have one of %s, or a Makefile with a rule for %s; found none of them. Create a project with 'guest new'",
		dir, strings.Join(marks, ", "), Output)
}

// ErrBuild is the error of a build that a compiler has rejected. It has written
// the reason.
var ErrBuild = errors.New("the build failed")

// Build builds the project, and returns the module, which is also in the file
// Output. Commands and what they print go to out.
func (p *Project) Build(ctx context.Context, out io.Writer) ([]byte, error) {
	if missing := p.Missing(); len(missing) > 0 {
		return nil, fmt.Errorf("expected to find %s, found none on this machine; install it:\n%s", strings.Join(missing, " and "), p.Install())
	}
	var commands []Command
	if p.prepare != nil {
		commands = p.prepare(p.Dir)
	}
	build := p.build
	if p.find != nil {
		build = p.find(build)
	}
	for _, c := range append(commands, build) {
		fmt.Fprintf(out, "$ %s\n", c)
		if err := p.run(ctx, c, out); err != nil {
			return nil, err
		}
	}
	return p.module()
}

// endDelay is the time that the programs of a build have to end when it is canceled.
const endDelay = 2 * time.Second

func (p *Project) run(ctx context.Context, c Command, out io.Writer) error {
	cmd := exec.CommandContext(ctx, c.Args[0], c.Args[1:]...)
	cmd.Dir, cmd.Env, cmd.Stdout, cmd.Stderr = p.Dir, append(os.Environ(), c.Env...), out, out
	killRest := group(cmd)
	cmd.WaitDelay = endDelay // a program that cmd started may ignore the signal, and hold the pipes open
	err := cmd.Run()
	var exit *exec.ExitError
	switch {
	case ctx.Err() != nil:
		killRest()
		return ctx.Err()
	case errors.As(err, &exit):
		return fmt.Errorf("%w: %s ended with %w", ErrBuild, c.Args[0], exit)
	}
	return err
}

// module reads the module that was built.
func (p *Project) module() ([]byte, error) {
	file := filepath.Join(p.Dir, Output)
	if p.output == "" {
		return os.ReadFile(file)
	}
	built, err := newest(filepath.Join(p.Dir, p.output))
	if err != nil {
		return nil, err
	}
	wasm, err := os.ReadFile(built)
	if err != nil {
		return nil, err
	}
	return wasm, os.WriteFile(file, wasm, 0o666)
}

// newest returns the file that matches pattern and was written last.
func newest(pattern string) (string, error) {
	files, err := filepath.Glob(pattern)
	if err != nil {
		return "", err
	}
	var last os.FileInfo
	found := ""
	for _, f := range files {
		if info, err := os.Stat(f); err == nil && (last == nil || info.ModTime().After(last.ModTime())) {
			last, found = info, f
		}
	}
	if last == nil {
		return "", fmt.Errorf("expected the build to write %s, found no such file; make the project a library of the type cdylib", pattern)
	}
	return found, nil
}
