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

// userCache is determined before a test changes the environment.
var userCache, userCacheErr = os.UserCacheDir()

// CompileCache returns a folder for the compiled guests of tests. It persists,
// because compiling takes minutes under the race detector, which does not change
// the result.
func CompileCache(pkg string) (string, error) {
	cache := userCache
	if userCacheErr != nil {
		cache = filepath.Join(os.TempDir(), fmt.Sprintf("tenantedge-%d", os.Getuid()))
	}
	folder := filepath.Join(cache, "tenantedge", "tests", filepath.FromSlash(pkg))
	return folder, os.MkdirAll(folder, 0o700)
}

// keptFor is the age at which CompilationCache removes compiled code.
const keptFor = 7 * 24 * time.Hour

// CompilationCache returns a cache for tests that use wazero directly.
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
	if err != nil && !errors.Is(err, fs.ErrNotExist) { // another process may have removed it
		return nil, err
	}
	return wazero.NewCompilationCacheWithDir(folder)
}
