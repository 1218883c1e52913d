package abi

import "encoding/binary"

// Names of the host functions for files. A guest names no tenant: the files
// are those of the tenant that the call is for. In te_route that is the one
// that the guest's last lookup found, so that there is none before a lookup;
// in calls about a request that was routed already it is the tenant that the
// host was given. In te_cache_key, te_reverse_key and te_pathname there are no
// files. Where there are none, all of these answer [Denied], and [Unavailable]
// where the host keeps no files at all.
//
// A name is a path below the tenant's files: UTF-8, segments between single
// slashes, none of them empty, "." or ".." ("." alone is the folder above all).
// Any other name is [Invalid] ([Limit] if it has more than [MaxFileName]
// bytes), as is one that leads out by a link, or one that
// the host uses itself.
//
// What is read, written and listed counts against a budget of bytes for each
// call, and so do open files against a number: [Limit] tells that either is
// used up, or that the tenant's quota or disk is. Handles end with the call.
const (
	// file_open(name, len, mode i32) -> i64: a handle, which is 1 or more, for
	// mode [FileRead] or [FileWrite].
	ImportFileOpen = "file_open"
	// file_read(handle, out, cap i32) -> i64: reads on, up to cap bytes; answers
	// how many, which may be fewer, and 0 at the end of the file.
	ImportFileRead = "file_read"
	// file_write(handle, ptr, len i32) -> i64: takes all bytes and answers len,
	// or takes none. They are nowhere to be seen before the handle is closed.
	ImportFileWrite = "file_write"
	// file_close(handle, out, cap i32) -> i64: ends a handle. One for writing
	// becomes a file now, under the name that it was opened with, or, if that is
	// taken, under one that is free; the answer is that name. If it is longer
	// than cap, it is not written, and the handle is there until it was asked for
	// again. After an error the handle is gone and nothing is saved. One for
	// reading answers 0.
	//
	// A call that fails later (the guest traps, say) takes back the files that it
	// saved. What it deleted stays deleted.
	ImportFileClose = "file_close"
	// file_stat(name, len, out, cap i32) -> i64: answers [FileStatSize] bytes.
	ImportFileStat = "file_stat"
	// file_list(name, len, out, cap i32) -> i64: answers a message whose word is
	// the number of folders, and whose fields are the names of the folders and
	// then those of the files, each in the order of their bytes.
	ImportFileList = "file_list"
	// file_delete(name, len i32) -> i64: removes a file, or a folder that is
	// empty; answers 0, also where there was none.
	ImportFileDelete = "file_delete"
	// file_url(name, len, out, cap i32) -> i64: the URL of a file, whether there
	// is one or not; [Unavailable] if the files have none.
	ImportFileURL = "file_url"
)

// Modes of file_open.
const (
	FileRead  = 0
	FileWrite = 1 // a new file
)

// FileStatSize is the size of the answer of file_stat. Integers are
// little-endian:
//
//	offset  size  what
//	0       8     size in bytes, 0 for a folder
//	8       8     when it was written: nanoseconds since 1970-01-01 UTC, signed
//	16      4     flags: [FileIsFolder]
//	20      4     0
//
// A file of 5 bytes that was written one second after that midnight is
//
//	00: 05 00 00 00 00 00 00 00
//	08: 00 ca 9a 3b 00 00 00 00
//	10: 00 00 00 00 00 00 00 00
const FileStatSize = 24

// FileIsFolder is a flag in the answer of file_stat.
const FileIsFolder = 1 << 0

// FileStat is the answer of file_stat.
type FileStat struct {
	Size     int64
	Modified int64 // nanoseconds since 1970-01-01 UTC
	Folder   bool
}

// Append appends the FileStatSize bytes of s.
func (s FileStat) Append(b []byte) []byte {
	var flags uint64
	if s.Folder {
		flags = FileIsFolder
	}
	b = binary.LittleEndian.AppendUint64(b, uint64(s.Size))
	b = binary.LittleEndian.AppendUint64(b, uint64(s.Modified))
	return binary.LittleEndian.AppendUint64(b, flags)
}

// ParseFileStat reads the answer of file_stat. What is behind the bytes that
// it knows it ignores.
func ParseFileStat(b []byte) (FileStat, error) {
	if len(b) < FileStatSize {
		return FileStat{}, ErrMalformed
	}
	return FileStat{
		Size:     int64(binary.LittleEndian.Uint64(b)),
		Modified: int64(binary.LittleEndian.Uint64(b[8:])),
		Folder:   binary.LittleEndian.Uint32(b[16:])&FileIsFolder != 0,
	}, nil
}
