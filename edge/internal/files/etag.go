package files

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"io/fs"
)

// Tag is the entity tag of a file, a strong one: other content has another size,
// time of change or inode, for a file that is replaced by a new one has a new
// inode. An object of a bucket has the tag that its server gave it in place of
// an inode. They are hashed, since the number of an inode is nobody's business.
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
