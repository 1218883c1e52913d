// Package native connects package guest to package guesttest where a guest runs
// natively, without WebAssembly: package guest answers calls of its exports, and
// a test answers the host functions. Package guesttest documents both.
package native

import (
	"errors"

	"github.com/tenantedge/tenantedge/guest/abi"
)

// ErrNoAnswer is the error of an export that returned 0.
var ErrNoAnswer = errors.New("guest: no answer")

// Exports are the exports of the guest in this program. Package guest sets them
// when it is initialised.
var Exports struct {
	Call     func(export string, msg []byte) ([]byte, error)
	SelfTest func() int32
}

// Host answers the host functions.
type Host interface {
	TenantByDomain(domain, folder string, out []byte) int64
	TenantByReference(ref string, out []byte) int64
	PrimaryDomain(id string, out []byte) int64
	Query(schema, name, args string, out []byte) int64
	Log(level int32, text string)
	Clock() int64
	Random(out []byte) uint32
}

// AttrLogger is a Host that receives log lines with attributes, as the message of
// abi.ImportLogAttrs.
type AttrLogger interface {
	LogAttrs(level int32, text string, attrs []byte)
}

// Files answers the host functions for files.
type Files interface {
	FileOpen(name string, mode uint32) int64
	FileRead(handle uint32, out []byte) int64
	FileWrite(handle uint32, content []byte) int64
	FileClose(handle uint32, out []byte) int64
	FileStat(name string, out []byte) int64
	FileList(name string, out []byte) int64
	FileDelete(name string) int64
	FileURL(name string, out []byte) int64
}

// The current answers, which Replace sets.
var (
	CurrentHost  Host  = Unavailable{}
	CurrentFiles Files = noFiles{}
)

// Replace makes h answer the host functions, those for files too if it has
// them, until restore is called.
func Replace(h Host) (restore func()) {
	host, files := CurrentHost, CurrentFiles
	CurrentHost, CurrentFiles = h, noFiles{}
	if f, ok := h.(Files); ok {
		CurrentFiles = f
	}
	return func() { CurrentHost, CurrentFiles = host, files }
}

const unavailable = -int64(abi.Unavailable)

// Unavailable is a Host without data.
type Unavailable struct{}

// TenantByDomain implements Host.
func (Unavailable) TenantByDomain(_, _ string, _ []byte) int64 { return unavailable }

// TenantByReference implements Host.
func (Unavailable) TenantByReference(_ string, _ []byte) int64 { return unavailable }

// PrimaryDomain implements Host.
func (Unavailable) PrimaryDomain(_ string, _ []byte) int64 { return unavailable }

// Query implements Host.
func (Unavailable) Query(_, _, _ string, _ []byte) int64 { return unavailable }

// Log implements Host.
func (Unavailable) Log(int32, string) {}

// Clock implements Host.
func (Unavailable) Clock() int64 { return 0 }

// Random implements Host.
func (Unavailable) Random([]byte) uint32 { return uint32(abi.Unavailable) }

// noFiles answers for a host without files.
type noFiles struct{}

func (noFiles) FileOpen(string, uint32) int64  { return unavailable }
func (noFiles) FileRead(uint32, []byte) int64  { return -int64(abi.Invalid) }
func (noFiles) FileWrite(uint32, []byte) int64 { return -int64(abi.Invalid) }
func (noFiles) FileClose(uint32, []byte) int64 { return -int64(abi.Invalid) }
func (noFiles) FileStat(string, []byte) int64  { return unavailable }
func (noFiles) FileList(string, []byte) int64  { return unavailable }
func (noFiles) FileDelete(string) int64        { return unavailable }
func (noFiles) FileURL(string, []byte) int64   { return unavailable }
