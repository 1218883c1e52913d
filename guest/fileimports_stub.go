//go:build !wasip1

package guest

import "github.com/tenantedge/tenantedge/guest/abi"

// FileHost stands in for the host functions for files where there is no Wasm:
// a [Host] that is one has files. Each method answers as package abi says: a
// handle, what it wrote to out in bytes, or a negative abi.Errno.
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

// noFiles is the FileHost of a host that has no files.
type noFiles struct{}

func (noFiles) FileOpen(string, uint32) int64  { return unavailable }
func (noFiles) FileRead(uint32, []byte) int64  { return -int64(abi.Invalid) }
func (noFiles) FileWrite(uint32, []byte) int64 { return -int64(abi.Invalid) }
func (noFiles) FileClose(uint32, []byte) int64 { return -int64(abi.Invalid) }
func (noFiles) FileStat(string, []byte) int64  { return unavailable }
func (noFiles) FileList(string, []byte) int64  { return unavailable }
func (noFiles) FileDelete(string) int64        { return unavailable }
func (noFiles) FileURL(string, []byte) int64   { return unavailable }

func fileHost() FileHost {
	if h, ok := stub.(FileHost); ok {
		return h
	}
	return noFiles{}
}

func fileOpen(name string, mode uint32) int64       { return fileHost().FileOpen(name, mode) }
func fileRead(handle uint32, out []byte) int64      { return fileHost().FileRead(handle, out) }
func fileWrite(handle uint32, content []byte) int64 { return fileHost().FileWrite(handle, content) }
func fileClose(handle uint32, out []byte) int64     { return fileHost().FileClose(handle, out) }
func fileStat(name string, out []byte) int64        { return fileHost().FileStat(name, out) }
func fileList(name string, out []byte) int64        { return fileHost().FileList(name, out) }
func fileDelete(name string) int64                  { return fileHost().FileDelete(name) }
func fileURL(name string, out []byte) int64         { return fileHost().FileURL(name, out) }
