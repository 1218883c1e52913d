package scaffold

import (
	"context"
	"crypto/sha256"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/tenantedge/tenantedge/tenantdb/file"
)

// interval is how often the sources are compared. Changes have settled when there is
// none for an interval: editors write in several steps.
const interval = 100 * time.Millisecond

// stamp is the state of a file.
type stamp struct {
	size     int64
	modified time.Time
	sum      [sha256.Size]byte // of the content; zero for a file over maxSummed
}

// maxSummed is the size up to which a file that was written again with the same
// content counts as unchanged. A build may write files that are sources: without
// this, each build of guest dev would be the reason for the next one.
const maxSummed = 1 << 20

// same reports whether a and b are the same content, as far as they tell.
func (a stamp) same(b stamp) bool {
	return a.size == b.size && a.sum == b.sum && (a.size <= maxSummed || a.modified.Equal(b.modified))
}

// Watch sends the time of the first of several changes of the project's sources,
// when they have settled, until ctx ends. A change while nothing receives is sent
// later.
func (p *Project) Watch(ctx context.Context) <-chan time.Time {
	changes := make(chan time.Time, 1)
	seen := sources(p.Dir, nil) // before the caller's first build
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
			before := seen
			seen = sources(p.Dir, before)
			switch {
			case !maps.EqualFunc(seen, before, stamp.same):
				if first.IsZero() {
					first = time.Now()
				}
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

// sources returns the files of the project in dir. Only those whose size or time is
// not that of before are read. Symbolic links are followed to files, and from dir.
func sources(dir string, before map[string]stamp) map[string]stamp {
	all := map[string]stamp{}
	if real, err := filepath.EvalSymlinks(dir); err == nil {
		dir = real // WalkDir would not enter a link
	}
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
			if info, err := os.Stat(path); err == nil && info.Mode().IsRegular() {
				all[path] = stampOf(path, info, before[path])
			}
		}
		return nil
	})
	return all
}

// stampOf returns the stamp of a file, whose last one is before.
func stampOf(path string, info fs.FileInfo, before stamp) stamp {
	now := stamp{size: info.Size(), modified: info.ModTime()}
	if now.size == before.size && now.modified.Equal(before.modified) {
		return before
	}
	if now.size <= maxSummed {
		// A file that cannot be read has the sum of an empty one.
		content, _, _ := file.ReadRegular(path, maxSummed)
		now.sum = sha256.Sum256(content)
	}
	return now
}

// ignored reports whether a file or folder with that name is none of the sources:
// it is written by builds or by editors.
func ignored(name string) bool {
	return strings.HasPrefix(name, ".") || strings.HasPrefix(name, "#") || strings.HasSuffix(name, "~") ||
		slices.Contains([]string{".swp", ".tmp", ".o", ".wasm"}, filepath.Ext(name)) ||
		slices.Contains([]string{"target", "node_modules", "build", "bin", "zig-out", "Cargo.lock", "package-lock.json", "4913"}, name)
}
