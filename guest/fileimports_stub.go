//go:build !wasip1

package guest

import "github.com/tenantedge/tenantedge/guest/internal/native"

func fileOpen(name string, mode uint32) int64  { return native.CurrentFiles.FileOpen(name, mode) }
func fileRead(handle uint32, out []byte) int64 { return native.CurrentFiles.FileRead(handle, out) }

func fileWrite(handle uint32, content []byte) int64 {
	return native.CurrentFiles.FileWrite(handle, content)
}

func fileClose(handle uint32, out []byte) int64 { return native.CurrentFiles.FileClose(handle, out) }
func fileStat(name string, out []byte) int64    { return native.CurrentFiles.FileStat(name, out) }
func fileList(name string, out []byte) int64    { return native.CurrentFiles.FileList(name, out) }
func fileDelete(name string) int64              { return native.CurrentFiles.FileDelete(name) }
func fileURL(name string, out []byte) int64     { return native.CurrentFiles.FileURL(name, out) }
