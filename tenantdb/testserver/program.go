package testserver

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path"
	"path/filepath"
)

// cacheDir is the user's cache folder. It is determined before a test changes the
// environment, which would build the programs again.
var cacheDir, cacheErr = os.UserCacheDir()

// Built returns the path of a server's program that is written in Go: a package and
// the version of its module. It builds the program if this version is not in the
// user's cache folder. name is that of the folder there.
func Built(name, pkg, version string) (string, error) {
	cache := cacheDir
	if cacheErr != nil {
		cache = filepath.Join(os.TempDir(), fmt.Sprintf("tenantedge-%d", os.Getuid()))
	}
	program := filepath.Join(cache, "tenantedge", name, path.Base(pkg)+"-"+version)
	if _, err := os.Stat(program); !errors.Is(err, fs.ErrNotExist) {
		return program, err
	}
	if err := os.MkdirAll(filepath.Dir(program), 0o755); err != nil {
		return "", fmt.Errorf("%s: %w", name, err)
	}
	// Several packages may build it at once. The rename is atomic.
	dir, err := os.MkdirTemp(filepath.Dir(program), "build-")
	if err != nil {
		return "", fmt.Errorf("%s: %w", name, err)
	}
	defer os.RemoveAll(dir)
	c := exec.Command("go", "install", "-trimpath", "-ldflags=-s -w", pkg+"@"+version)
	c.Env = append(os.Environ(), "GOBIN="+dir, "GOFLAGS=", "GOWORK=off", "CGO_ENABLED=0")
	if out, err := c.CombinedOutput(); err != nil {
		return "", fmt.Errorf("%s: building %s@%s: %w\n%s", name, pkg, version, err, out)
	}
	if err := os.Rename(filepath.Join(dir, path.Base(pkg)), program); err != nil {
		return "", fmt.Errorf("%s: %w", name, err)
	}
	return program, nil
}

// Readable returns a path at which the server's user can read a program: if root runs
// the tests, that of a copy in the server's folder, since others cannot read root's
// cache folder.
func (s *Server) Readable(program string) (string, error) {
	if os.Getuid() != 0 {
		return program, nil
	}
	to := filepath.Join(s.dir, filepath.Base(program))
	content, err := os.ReadFile(program)
	if err == nil {
		err = os.WriteFile(to, content, 0o755)
	}
	if err != nil {
		return "", fmt.Errorf("%s: %w", s.config.Name, err)
	}
	return to, nil
}
