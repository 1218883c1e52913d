package s3test

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
)

// cacheDir is the user's cache folder. It is determined before a test changes the
// environment, which would build the server again.
var cacheDir, cacheErr = os.UserCacheDir()

// Program returns the path of the server's program. It builds the program if this
// version is not in the cache.
func Program() (string, error) {
	cache := cacheDir
	if cacheErr != nil {
		cache = filepath.Join(os.TempDir(), fmt.Sprintf("tenantedge-%d", os.Getuid()))
	}
	program := filepath.Join(cache, "tenantedge", "s3test", "versitygw-"+version)
	if _, err := os.Stat(program); !errors.Is(err, fs.ErrNotExist) {
		return program, err
	}
	if err := os.MkdirAll(filepath.Dir(program), 0o755); err != nil {
		return "", fmt.Errorf("s3test: %w", err)
	}
	// Several packages may build it at once. The rename is atomic.
	dir, err := os.MkdirTemp(filepath.Dir(program), "build-")
	if err != nil {
		return "", fmt.Errorf("s3test: %w", err)
	}
	defer os.RemoveAll(dir)
	c := exec.Command("go", "install", "-trimpath", "-ldflags=-s -w", module+"/cmd/versitygw@"+version)
	c.Env = append(os.Environ(), "GOBIN="+dir, "GOFLAGS=", "GOWORK=off", "CGO_ENABLED=0")
	if out, err := c.CombinedOutput(); err != nil {
		return "", fmt.Errorf("s3test: building %s@%s: %w\n%s", module, version, err, out)
	}
	if err := os.Rename(filepath.Join(dir, "versitygw"), program); err != nil {
		return "", fmt.Errorf("s3test: %w", err)
	}
	return program, nil
}
