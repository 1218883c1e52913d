package scaffold

import (
	"context"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// interval is how often the sources are compared. Changes have settled when there is
// none for an interval: editors write in several steps.
const interval = 100 * time.Millisecond

// stamp changes when a file does.
type stamp struct {
	size     int64
	modified time.Time
}

// Watch sends the time of the first of several changes of the project's sources,
// when they have settled, until ctx ends. A change while nothing receives is sent
// later.
func (p *Project) Watch(ctx context.Context) <-chan time.Time {
	changes := make(chan time.Time, 1)
	seen := sources(p.Dir) // before the caller's first build
	go func() {
		ticks := time.NewTicker(interval)
		defer ticks.Stop()
		var first time.Time
		for {
			select {
			case <-ctx.Done():
				return
			case <-ticks.C:
			}
			now := sources(p.Dir)
			switch {
			case !maps.Equal(now, seen):
				if first.IsZero() {
					first = time.Now()
				}
				seen = now
			case !first.IsZero():
				select {
				case changes <- first:
				default: // one is waiting already
				}
				first = time.Time{}
			}
		}
	}()
	return changes
}

// sources returns the files of the project in dir.
func sources(dir string) map[string]stamp {
	all := map[string]stamp{}
	// Files that disappear meanwhile are no error.
	_ = filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return nil
		case path != dir && ignored(d.Name()):
			if d.IsDir() {
				return filepath.SkipDir
			}
		case !d.IsDir():
			if info, err := os.Stat(path); err == nil {
				all[path] = stamp{info.Size(), info.ModTime()}
			}
		}
		return nil
	})
	return all
}

// ignored reports whether a file or folder with that name is none of the sources:
// it is written by builds or by editors.
func ignored(name string) bool {
	return strings.HasPrefix(name, ".") || strings.HasPrefix(name, "#") || strings.HasSuffix(name, "~") ||
		slices.Contains([]string{".swp", ".tmp", ".o", ".wasm"}, filepath.Ext(name)) ||
		slices.Contains([]string{"target", "node_modules", "build", "bin", "zig-out", "Cargo.lock", "package-lock.json", "4913"}, name)
}
