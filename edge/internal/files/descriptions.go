package files

import (
	"io/fs"
	"net/http"
	"strconv"
	"sync/atomic"
)

// Descriptions remembers what headers say of files that were sent lately. All
// of it follows from size, time and inode, which are asked for anew each time,
// so that it is never out of date. The zero value is ready, and nil remembers
// nothing. It is safe for concurrent use.
type Descriptions struct {
	slots [512]atomic.Pointer[description]
}

// description is the values of headers, as net/http takes them. Nobody changes
// them.
type description struct {
	size, changed int64
	inode         uint64

	tag, modified, length []string // modified: nil if that is not known
}

func (d *Descriptions) of(info fs.FileInfo) *description {
	number := inode(info)
	if d == nil || number == 0 { // what is not on a disk is told apart by more
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
