package abi

import "encoding/binary"

// Names of the host functions for files. They work on the files of the call's
// tenant, which the guest cannot choose: in te_route the tenant of the last lookup
// that found one, in calls about a routed request the tenant of the request. In
// te_cache_key, te_reverse_key and te_pathname, and in te_route before a lookup,
// all of them answer [Denied]. On a host without files they answer [Unavailable].
//
// A name is a UTF-8 path below the tenant's root folder: segments separated by
// single slashes, none of them empty, "." or "..". The name "." is the root folder.
// For any other name the errno is [Invalid], as for a link that leads out of the
// root and for names that the host reserves. It is [Limit] for a name of more than
// [MaxFileName] bytes.
//
// A call has a budget of bytes for reading, writing and listing, and a number of
// files that may be open. The errno is [Limit] if either is used up, or if the
// tenant's quota or the disk is. The host closes all handles when the call ends.
const (
	// file_open(name, len, mode i32) -> i64: a handle, which is 1 or more, for
	// mode [FileRead] or [FileWrite].
	ImportFileOpen = "file_open"
	// file_read(handle, out, cap i32) -> i64: reads the next bytes, at most cap;
	// answers their number, which may be less than cap, and 0 at the end of the file.
	ImportFileRead = "file_read"
	// file_write(handle, ptr, len i32) -> i64: appends len bytes and answers len, or
	// appends nothing. The file does not exist before file_close.
	ImportFileWrite = "file_write"
	// file_close(handle, out, cap i32) -> i64: closes a handle. For [FileRead] it
	// answers 0. For [FileWrite] it saves the file under the name of file_open, or
	// under a free name if that one exists, and answers the name. If the name is
	// longer than cap, it is not written, and the handle stays open for another
	// file_close. After an error the handle is closed and nothing is saved.
	//
	// If the call fails later (the guest traps, say), the host deletes the files
	// that it has saved. It does not restore deleted files.
	ImportFileClose = "file_close"
	// file_stat(name, len, out, cap i32) -> i64: answers [FileStatSize] bytes.
	ImportFileStat = "file_stat"
	// file_list(name, len, out, cap i32) -> i64: answers a message whose word is
	// the number of folders, and whose fields are the names of the folders and
	// then those of the files, each in the order of their bytes.
	ImportFileList = "file_list"
	// file_delete(name, len i32) -> i64: deletes a file or an empty folder; answers
	// 0, also if it does not exist.
	ImportFileDelete = "file_delete"
	// file_url(name, len, out, cap i32) -> i64: the URL of a file, which
	// need not exist; [Unavailable] if the files have no URLs.
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
//	8       8     time of the last write: nanoseconds since 1970-01-01 UTC, signed
//	16      4     flags: [FileIsFolder]
//	20      4     0
//
// A file of 5 bytes, written one second after the start of 1970, has the answer
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

// ParseFileStat parses the answer of file_stat, and ignores bytes after
// FileStatSize. The error is ErrMalformed if b is shorter.
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
