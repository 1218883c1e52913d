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
)

// Cached says what the compile cache did for a program.
type Cached string

// What the cache did.
const (
	CacheOff    Cached = "off"
	CacheHit    Cached = "hit"    // the code was there
	CacheStored Cached = "stored" // the guest was compiled, and its code is there now
	CacheFailed Cached = "failed" // the guest was compiled, and its code could not be kept
)

// compile makes machine code, or takes it from the cache. The cache is a help
// and no more: whatever is wrong with it, the guest is compiled without.
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
		p.options.Logger.Warn("compiled code in the cache is not what was put there; the guest is compiled anew",
			"guest", p.short(), "cache", e.folder, "error", found)
	}
	kept := p.compileAndKeep(ctx, e)
	if kept == nil {
		p.cached = CacheStored
		return nil
	}
	if p.compiled == nil {
		if err := p.compileIn(ctx, ""); err != nil {
			return err // the guest's fault, and not the cache's
		}
	}
	p.cached = CacheFailed
	p.options.Logger.Warn("the guest's compiled code cannot be kept for the next start", "guest", p.short(), "cache", p.options.CompileCache, "error", kept)
	return nil
}

// compileAndKeep compiles in a folder of this process alone, and puts that in
// the place of the entry when it is whole.
func (p *Program) compileAndKeep(ctx context.Context, e entry) error {
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
	if e.verify() == nil { // by this process, or by another that was first
		return errors.Join(os.RemoveAll(staged), prune(filepath.Dir(e.folder), mostKept))
	}
	return errors.Join(err, os.RemoveAll(staged))
}

// compileIn compiles with wazero's file cache in folder; empty: without. On
// failure it leaves nothing behind.
func (p *Program) compileIn(ctx context.Context, folder string) (err error) {
	config := wazero.NewRuntimeConfig()
	if folder != "" {
		// A cache of the program's own: one that is shared keeps compiled code
		// alive until all of its programs are gone.
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
		return errors.Join(fmt.Errorf("is no valid WebAssembly module: %w", err), p.releaseCode())
	}
	return nil
}

// releaseCode gives back what compileIn made.
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

// entry is what the cache holds of one guest: a folder with wazero's file
// cache and the sums of its files. wazero checks the machine code, and not the
// table of where functions begin in it, nor the lengths that it allocates by:
// a bit that fell over there ends the process, or runs something else. So all
// of a file is summed, and looked at before wazero sees it. The sum is against
// accidents: whoever may write there may run what he likes.
type entry struct{ folder string }

const (
	stagedPrefix = "new-"
	sumsFile     = "sums"
	stagedFor    = time.Hour

	mostKept = 512 << 20 // bytes: the code of some thirty guests in Go
	leastOf  = 64 << 10  // what an entry counts at least: its folders and files take room too
)

func entryOf(cache string, module []byte) entry {
	sum := sha256.Sum256(module)
	return entry{filepath.Join(cache, hex.EncodeToString(sum[:]))}
}

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// files are the names of wazero's files in the entry, in order.
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

// sums describes every file of the entry, a line each.
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

// sumOf reads a file in parts: the code of a Go guest has 17 MB.
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

// verify reports whether the entry is as seal left it; fs.ErrNotExist: there is none.
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

// seal notes what the entry's files are.
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

// used notes that the entry is of use, and what wazero has added: another
// version of it, or another processor, has a file of its own. Where nothing can
// be noted, on a disk that is read-only say, the code was there all the same.
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

// prune removes the entries that were used longest ago until the rest has most
// bytes, and what a process that was killed had not finished.
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

// size is how many bytes the entry counts.
func (e entry) size() int64 {
	names, _ := e.files()
	var size int64
	for _, name := range names {
		if info, err := os.Stat(filepath.Join(e.folder, name)); err == nil {
			size += info.Size()
		}
	}
	return max(size, leastOf)
}
