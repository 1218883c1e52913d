//go:build !wasip1

package guesttest

import (
	"testing"

	"github.com/tenantedge/tenantedge/guest/internal/native"
)

// Host answers the host functions. Each method answers as package abi says for
// the import of that name: the number of bytes it has written to out, the number
// it needs if out is too small, or a negated abi.Errno.
//
// A Host that is a [FileHost] too has files, and one that is an [AttrLogger]
// receives log lines with attributes.
type Host interface {
	TenantByDomain(domain, folder string, out []byte) int64
	TenantByReference(ref string, out []byte) int64
	PrimaryDomain(id string, out []byte) int64
	Query(schema, name, args string, out []byte) int64
	Log(level int32, text string)
	Clock() int64
	Random(out []byte) uint32
}

// FileHost answers the host functions for files, as package abi says: with a
// handle, a number of bytes, or a negated abi.Errno.
type FileHost interface {
	FileOpen(name string, mode uint32) int64
	FileRead(handle uint32, out []byte) int64
	FileWrite(handle uint32, content []byte) int64
	FileClose(handle uint32, out []byte) int64
	FileStat(name string, out []byte) int64
	FileList(name string, out []byte) int64
	FileDelete(name string) int64
	FileURL(name string, out []byte) int64
}

// AttrLogger is a Host that receives lines of guest.LogAttrs. attrs is the message of
// abi.ImportLogAttrs. A Host without it drops them.
type AttrLogger interface {
	LogAttrs(level int32, text string, attrs []byte)
}

// Unavailable is a Host whose functions answer abi.Unavailable. A test embeds it
// and implements the methods that it needs.
type Unavailable struct{ native.Unavailable }

// Replace makes h answer the host functions until the test ends.
func Replace(t testing.TB, h Host) { t.Cleanup(native.Replace(h)) }

var _ Host = Unavailable{}
