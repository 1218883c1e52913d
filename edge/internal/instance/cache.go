package instance

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"time"

	"github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/experimental"

	"github.com/tenantedge/tenantedge/edge/internal/pristine"
)

// Cached is the result of the compile cache for a program.
type Cached string

// Results of the compile cache.
const (
	CacheOff    Cached = "off"
	CacheHit    Cached = "hit"    // the code was in the cache
	CacheStored Cached = "stored" // the guest was compiled, and its code stored
	CacheFailed Cached = "failed" // the guest was compiled, and its code could not be stored
)

// compile compiles the guest, or loads its code from the cache. If the cache
// fails, it compiles without it.
func (p *Program) compile(ctx context.Context) error {
	p.cached = CacheOff
	if p.options.CompileCache == "" {
		return p.compileIn(ctx, "")
	}
	e := entryOf(p.options.CompileCache, p.metered.Wasm)
	found := e.verify()
	if found == nil {
		if found = p.compileIn(ctx, e.folder); found == nil {
			p.cached = CacheHit
			e.used()
			return nil
		}
	}
	if !errors.Is(found, fs.ErrNotExist) {
		p.options.Logger.Warn("compiled code in the cache is damaged; the guest is compiled again",
			"guest", p.short(), "cache", e.folder, "error", found)
	}
	kept := p.compileAndStore(ctx, e)
	if kept == nil {
		p.cached = CacheStored
		return nil
	}
	if p.compiled == nil {
		if err := p.compileIn(ctx, ""); err != nil {
			return err // the guest is invalid
		}
	}
	p.cached = CacheFailed
	p.options.Logger.Warn("storing the guest's compiled code for the next start failed", "guest", p.short(), "cache", p.options.CompileCache, "error", kept)
	return nil
}

// compileAndStore compiles into a temporary folder, and renames it to the entry
// when it is complete.
func (p *Program) compileAndStore(ctx context.Context, e entry) error {
	if err := os.MkdirAll(filepath.Dir(e.folder), 0o700); err != nil {
		return err
	}
	staged, err := os.MkdirTemp(filepath.Dir(e.folder), stagedPrefix)
	if err != nil {
		return err
	}
	if err = p.compileIn(ctx, staged); err == nil {
		err = entry{staged}.seal()
	}
	if err == nil && e.verify() != nil {
		err = errors.Join(os.RemoveAll(e.folder), os.Rename(staged, e.folder))
	}
	if e.verify() == nil { // stored by this process, or by another one before
		return errors.Join(os.RemoveAll(staged), prune(filepath.Dir(e.folder), maxKept))
	}
	return errors.Join(err, os.RemoveAll(staged))
}

// compileIn compiles with wazero's file cache in folder; empty: without. After
// a failure it has released everything.
func (p *Program) compileIn(ctx context.Context, folder string) (err error) {
	config := wazero.NewRuntimeConfig()
	if folder != "" {
		// One cache for each program: a shared one keeps compiled code until
		// all of its programs are closed.
		if p.cache, err = wazero.NewCompilationCacheWithDir(folder); err != nil {
			p.cache = nil
			return fmt.Errorf("compile cache: %w", err)
		}
		config = config.WithCompilationCache(p.cache)
	}
	p.runtime = wazero.NewRuntimeWithConfig(ctx, config)
	workers := experimental.WithCompilationWorkers(ctx, runtime.GOMAXPROCS(0))
	if p.compiled, err = p.runtime.CompileModule(workers, p.metered.Wasm); err != nil {
		p.compiled = nil
		if ctx.Err() != nil {
			return errors.Join(fmt.Errorf("was not compiled in time: %w", ctx.Err()), p.releaseCode())
		}
		return errors.Join(fmt.Errorf("is not a valid WebAssembly module: %w", err), p.releaseCode())
	}
	if p.marker, err = p.runtime.CompileModule(ctx, pristine.Marker); err != nil {
		p.compiled = nil
		return errors.Join(fmt.Errorf("compiling the marker: %w", err), p.releaseCode())
	}
	return nil
}

// releaseCode closes what compileIn opened.
func (p *Program) releaseCode() error {
	ctx := context.Background()
	var errs []error
	if p.runtime != nil {
		errs = append(errs, p.runtime.Close(ctx))
	}
	if p.cache != nil {
		errs = append(errs, p.cache.Close(ctx))
	}
	p.runtime, p.cache = nil, nil
	return errors.Join(errs...)
}

// entry is the cache entry of one guest: a folder with wazero's file cache and
// the checksums of its files. wazero checks the machine code, but neither the
// table of function offsets nor the lengths for allocations: a flipped bit
// there crashes the process or runs other code. So complete files are checked
// before wazero reads them. The checksums detect accidents only: whoever can
// write to the folder can run any code.
type entry struct{ folder string }

const (
	stagedPrefix = "new-"
	sumsFile     = "sums"
	stagedFor    = time.Hour

	maxKept  = 512 << 20 // bytes: the code of about thirty Go guests
	minEntry = 64 << 10  // least size of an entry, for its folders and files
)

func entryOf(cache string, module []byte) entry {
	sum := sha256.Sum256(module)
	return entry{filepath.Join(cache, hex.EncodeToString(sum[:]))}
}

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// files returns the names of wazero's files in the entry, sorted.
func (e entry) files() (names []string, err error) {
	err = filepath.WalkDir(e.folder, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || strings.HasPrefix(d.Name(), sumsFile) {
			return err
		}
		name, err := filepath.Rel(e.folder, path)
		names = append(names, name)
		return err
	})
	return names, err
}

// sums returns a line with the checksum of each file of the entry.
func (e entry) sums() (string, error) {
	names, err := e.files()
	var lines strings.Builder
	for _, name := range names {
		sum, size, err := sumOf(filepath.Join(e.folder, name))
		if err != nil {
			return "", err
		}
		fmt.Fprintf(&lines, "%08x %d %s\n", sum, size, filepath.ToSlash(name))
	}
	return lines.String(), err
}

// sumOf returns the checksum and size of a file. It reads in parts, since the
// code of a Go guest has 17 MB.
func sumOf(path string) (sum uint32, size int64, err error) {
	f, err := os.Open(path)
	if err != nil {
		return 0, 0, err
	}
	defer f.Close()
	h := crc32.New(castagnoli)
	size, err = io.CopyBuffer(h, struct{ io.Reader }{f}, make([]byte, 256<<10))
	return h.Sum32(), size, err
}

// verify fails unless the entry is as seal left it. Without an entry the error
// is fs.ErrNotExist.
func (e entry) verify() error {
	if _, err := os.Stat(e.folder); err != nil {
		return err
	}
	sealed, err := os.ReadFile(filepath.Join(e.folder, sumsFile))
	if err != nil {
		return fmt.Errorf("expected a file %s: %v", sumsFile, err) // not wrapped: the entry exists
	}
	found, err := e.sums()
	if err != nil {
		return err
	}
	if found != string(sealed) {
		return fmt.Errorf("expected files with the sums %q, found %q", sealed, found)
	}
	return nil
}

// seal stores the checksums of the entry's files.
func (e entry) seal() error {
	sums, err := e.sums()
	if err != nil {
		return err
	}
	f, err := os.CreateTemp(e.folder, sumsFile)
	if err != nil {
		return err
	}
	_, err = f.WriteString(sums)
	if err = errors.Join(err, f.Close()); err == nil {
		err = os.Rename(f.Name(), filepath.Join(e.folder, sumsFile))
	}
	if err != nil {
		return errors.Join(err, os.Remove(f.Name()))
	}
	return nil
}

// used updates the time of last use, and the checksums if wazero has added a
// file, which another version of it and another processor do. It ignores errors,
// for example on a read-only disk.
func (e entry) used() {
	path := filepath.Join(e.folder, sumsFile)
	sealed, _ := os.ReadFile(path)
	if names, err := e.files(); err == nil && len(names) != strings.Count(string(sealed), "\n") {
		_ = e.seal()
		return
	}
	now := time.Now()
	_ = os.Chtimes(path, now, now)
}

// prune removes the least recently used entries until the rest has at most most
// bytes, and old temporary folders of killed processes.
func prune(cache string, most int64) error {
	all, err := os.ReadDir(cache)
	if err != nil {
		return err
	}
	type old struct {
		entry
		used time.Time
	}
	var entries []old
	var errs []error
	for _, d := range all {
		e := entry{filepath.Join(cache, d.Name())}
		if info, err := d.Info(); strings.HasPrefix(d.Name(), stagedPrefix) && err == nil && time.Since(info.ModTime()) > stagedFor {
			errs = append(errs, os.RemoveAll(e.folder))
		}
		if info, err := os.Stat(filepath.Join(e.folder, sumsFile)); len(d.Name()) == 2*sha256.Size && err == nil {
			entries = append(entries, old{e, info.ModTime()})
		}
	}
	slices.SortFunc(entries, func(a, b old) int { return b.used.Compare(a.used) })
	var kept int64
	for n, o := range entries {
		if kept += o.size(); kept > most && n > 0 {
			errs = append(errs, os.RemoveAll(o.folder))
		}
	}
	return errors.Join(errs...)
}

// size returns the size of the entry in bytes.
func (e entry) size() int64 {
	names, _ := e.files()
	var size int64
	for _, name := range names {
		if info, err := os.Stat(filepath.Join(e.folder, name)); err == nil {
			size += info.Size()
		}
	}
	return max(size, minEntry)
}
