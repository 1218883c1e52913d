//go:build wasip1

package guest

import "unsafe"

// The host functions of package abi for files.

//go:wasmimport tenantedge file_open
//go:noescape
func importFileOpen(name string, mode uint32) int64

//go:wasmimport tenantedge file_read
//go:noescape
func importFileRead(handle uint32, out unsafe.Pointer, size uint32) int64

//go:wasmimport tenantedge file_write
//go:noescape
func importFileWrite(handle uint32, content unsafe.Pointer, size uint32) int64

//go:wasmimport tenantedge file_close
//go:noescape
func importFileClose(handle uint32, out unsafe.Pointer, size uint32) int64

//go:wasmimport tenantedge file_stat
//go:noescape
func importFileStat(name string, out unsafe.Pointer, size uint32) int64

//go:wasmimport tenantedge file_list
//go:noescape
func importFileList(name string, out unsafe.Pointer, size uint32) int64

//go:wasmimport tenantedge file_delete
//go:noescape
func importFileDelete(name string) int64

//go:wasmimport tenantedge file_url
//go:noescape
func importFileURL(name string, out unsafe.Pointer, size uint32) int64

func pointer(b []byte) (unsafe.Pointer, uint32) {
	return unsafe.Pointer(unsafe.SliceData(b)), uint32(len(b))
}

func fileOpen(name string, mode uint32) int64 { return importFileOpen(name, mode) }

func fileRead(handle uint32, out []byte) int64 {
	at, size := pointer(out)
	return importFileRead(handle, at, size)
}

func fileWrite(handle uint32, content []byte) int64 {
	at, size := pointer(content)
	return importFileWrite(handle, at, size)
}

func fileClose(handle uint32, out []byte) int64 {
	at, size := pointer(out)
	return importFileClose(handle, at, size)
}

func fileStat(name string, out []byte) int64 {
	at, size := pointer(out)
	return importFileStat(name, at, size)
}

func fileList(name string, out []byte) int64 {
	at, size := pointer(out)
	return importFileList(name, at, size)
}

func fileDelete(name string) int64 { return importFileDelete(name) }

func fileURL(name string, out []byte) int64 {
	at, size := pointer(out)
	return importFileURL(name, at, size)
}
