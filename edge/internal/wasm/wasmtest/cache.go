package wasmtest

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/tetratelabs/wazero"
)

// userCache is looked up before a test sets up an environment of its own.
var userCache, userCacheErr = os.UserCacheDir()

// CompileCache is a folder for the machine code of the guests that a package's
// tests run. It lasts: compiling takes minutes under the race detector, and
// gives the same code without it.
func CompileCache(pkg string) (string, error) {
	cache := userCache
	if userCacheErr != nil {
		cache = filepath.Join(os.TempDir(), fmt.Sprintf("tenantedge-%d", os.Getuid()))
	}
	folder := filepath.Join(cache, "tenantedge", "tests", filepath.FromSlash(pkg))
	return folder, os.MkdirAll(folder, 0o700)
}

// keptFor is how long code stays in a CompilationCache.
const keptFor = 7 * 24 * time.Hour

// CompilationCache is the like for tests that use wazero themselves.
func CompilationCache(pkg string) (wazero.CompilationCache, error) {
	folder, err := CompileCache(pkg)
	if err != nil {
		return nil, err
	}
	err = filepath.WalkDir(folder, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		if info, err := d.Info(); err != nil || time.Since(info.ModTime()) < keptFor {
			return err
		}
		return os.Remove(path)
	})
	if err != nil && !errors.Is(err, fs.ErrNotExist) { // another process may tidy up too
		return nil, err
	}
	return wazero.NewCompilationCacheWithDir(folder)
}
