package files

import (
	"io/fs"
	"net/http"
	"strconv"
	"sync/atomic"
)

// Descriptions caches the header values of recently sent files. They are functions
// of size, time and inode, which every request reads from the file system, so they
// are never stale. The zero value is ready to use; nil caches nothing. It is safe
// for concurrent use.
type Descriptions struct {
	slots [512]atomic.Pointer[description]
}

// description holds header values as net/http takes them. It is immutable.
type description struct {
	size, changed int64
	inode         uint64

	tag, modified, length []string // modified is nil if unknown
}

func (d *Descriptions) of(info fs.FileInfo) *description {
	number := inode(info)
	if d == nil || number == 0 { // a file without an inode depends on more than these
		return describeFile(info, number)
	}
	slot := &d.slots[number%uint64(len(d.slots))]
	if found := slot.Load(); found != nil && found.inode == number && found.size == info.Size() && found.changed == info.ModTime().UnixNano() {
		return found
	}
	fresh := describeFile(info, number)
	slot.Store(fresh)
	return fresh
}

func describeFile(info fs.FileInfo, number uint64) *description {
	at := info.ModTime()
	d := &description{
		size: info.Size(), changed: at.UnixNano(), inode: number,
		tag: []string{Tag(info)}, length: []string{strconv.FormatInt(info.Size(), 10)},
	}
	if at.Unix() > 0 {
		d.modified = []string{at.UTC().Format(http.TimeFormat)}
	}
	return d
}
