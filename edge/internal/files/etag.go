package files

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"io/fs"
)

// Tag returns a strong entity tag of a file. It is a hash of size, modification
// time and inode, at least one of which changes with the content: a file that
// replaces another has a new inode. For an object of a bucket the server's ETag
// takes the place of the inode. Hashing hides the inode number from clients.
func Tag(info fs.FileInfo) string {
	var b [24]byte
	binary.LittleEndian.PutUint64(b[0:], uint64(info.Size()))
	binary.LittleEndian.PutUint64(b[8:], uint64(info.ModTime().UnixNano()))
	binary.LittleEndian.PutUint64(b[16:], inode(info))
	sum := sha256.Sum256(b[:])
	if tag, ok := info.Sys().(string); ok {
		sum = sha256.Sum256(append(b[:], tag...))
	}
	tag := make([]byte, 0, 24)
	tag = append(tag, '"')
	tag = base64.RawURLEncoding.AppendEncode(tag, sum[:15])
	return string(append(tag, '"'))
}
