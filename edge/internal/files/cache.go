package files

import (
	"errors"
	"io"
	"io/fs"
	"sync/atomic"
	"time"

	"github.com/maypok86/otter/v2"
)

// Cache keeps small files of local folders in memory, so that a request for one
// takes a single system call: a stat of its name, by the same rules as opening it.
// The bytes in memory are sent if the stat shows the same file, unchanged. nil
// keeps nothing. It is safe for concurrent use, starts no goroutine that outlives
// its work, and need not be closed.
type Cache struct {
	files        *otter.Cache[fileKey, *keptFile]
	Now          func() time.Time // replaced in tests
	hits, misses atomic.Uint64
}

const (
	// LargestKept is the maximum size of a file in memory, in bytes. sendfile takes
	// nearly as little time for larger ones.
	LargestKept = 32 << 10
	// settled is how long a file must have been unchanged when it is read, to be
	// kept. A change within one tick of the file system's clock, and one by a write
	// that is still in progress, cannot be seen by a stat. Ticks last up to a second;
	// a write of so few bytes is over long before.
	settled = 5 * time.Second
	// keptFor is how long a file is kept before it is read again. It bounds how long
	// content is sent that changed in a way that no stat shows: through a memory
	// mapping, or in an image that was mounted in place of another.
	keptFor = 5 * time.Second
	// keptOverhead is roughly the memory that a kept file takes besides its content.
	keptOverhead = 512
)

// fileKey identifies a file below a folder. Folders are part of it, although an
// inode is the same file in all of them: no mistake about inodes can then send one
// tenant another's file.
type fileKey struct {
	location      string
	device, inode uint64
}

// facts are what a stat shows of a file. Every change of its content or its
// permissions changes them, since no program can set the time of the last change.
type facts struct {
	device, inode           uint64
	size, modified, changed int64 // times in nanoseconds
}

// keptFile is a file in memory. It is immutable.
type keptFile struct {
	facts
	*description
	content []byte
	read    time.Time
}

// NewCache returns a cache that keeps about so many bytes; nil if there are none.
func NewCache(bytes int64) *Cache {
	if bytes <= 0 {
		return nil
	}
	return &Cache{Now: time.Now, files: otter.Must(&otter.Options[fileKey, *keptFile]{
		MaximumWeight: uint64(bytes),
		Weigher:       func(_ fileKey, f *keptFile) uint32 { return uint32(len(f.content) + keptOverhead) },
	})}
}

// CacheStats describes a Cache.
type CacheStats struct {
	Hits, Misses uint64 // requests for small files on local file systems
	Bytes        uint64 // in memory, including an estimate of the overhead
}

// Stats returns how the cache is used.
func (c *Cache) Stats() CacheStats {
	if c == nil {
		return CacheStats{}
	}
	c.files.CleanUp() // counts files that are still to be counted
	return CacheStats{c.hits.Load(), c.misses.Load(), c.files.WeightedSize()}
}

// located is a folder on this machine.
type located interface {
	fs.StatFS
	// Location returns the path of the folder.
	Location() string
}

// open opens a regular file of fsys, or finds it in memory.
func (c *Cache) open(fsys fs.FS, name string) (File, error) {
	folder, ok := fsys.(located)
	if c == nil || !ok {
		return open(fsys, name)
	}
	info, err := folder.Stat(name)
	if err != nil {
		return File{}, err
	}
	if kept := c.find(folder.Location(), info); kept != nil {
		return File{info: info, kept: kept}, nil
	}
	f, err := open(fsys, name)
	if err == nil {
		c.keep(folder.Location(), &f)
	}
	return f, err
}

// find returns a file from memory if it is the one that info describes.
func (c *Cache) find(location string, info fs.FileInfo) *keptFile {
	if !info.Mode().IsRegular() || info.Size() > LargestKept {
		return nil
	}
	seen, ok := factsOf(info)
	if !ok {
		return nil
	}
	kept, ok := c.files.GetIfPresent(fileKey{location, seen.device, seen.inode})
	if !ok || kept.facts != seen || c.Now().Sub(kept.read) >= keptFor {
		c.misses.Add(1)
		return nil
	}
	c.hits.Add(1)
	return kept
}

// keep reads an open file into memory, unless it is large, has changed recently, or
// is on a file system whose stat may be out of date.
func (c *Cache) keep(location string, f *File) {
	seen, ok := factsOf(f.info)
	if !ok || seen.size > LargestKept {
		return
	}
	now := c.Now()
	file, ok := f.file.(io.ReaderAt)
	if !ok || now.Sub(time.Unix(0, seen.changed)) < settled || !isLocal(f.file) {
		return
	}
	content := make([]byte, seen.size)
	if n, err := file.ReadAt(content, 0); int64(n) < seen.size || err != nil && !errors.Is(err, io.EOF) {
		return // the open file is sent
	}
	kept := &keptFile{seen, describeFile(f.info, seen.inode), content, now}
	c.files.Set(fileKey{location, seen.device, seen.inode}, kept)
	f.Close()
	f.file, f.kept = nil, kept
}
