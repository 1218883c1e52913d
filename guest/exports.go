//go:build wasip1

package guest

import (
	"unsafe"

	"github.com/tenantedge/tenantedge/guest/abi"
)

// The exports of package abi. Most take the length of the message in the buffer,
// and return the packed address and length of the reply, or 0 for none.

//go:wasmexport te_abi_version
func exportVersion() uint32 { return abi.Version }

//go:wasmexport te_buffer
func exportBuffer(size uint32) uint32 {
	if size > maxBuffer {
		return 0
	}
	return address(memory.buffer(int(size)))
}

// maxBuffer is the maximum size of a message: enough for a configuration with
// very many static tenants.
const maxBuffer = 64 << 20

//go:wasmexport te_configure
func exportConfigure(length uint32) uint64 { return packed(served.handle(configureCall, length)) }

//go:wasmexport te_route
func exportRoute(length uint32) uint64 {
	reply := served.fast.answer(length)
	if reply == nil {
		reply = served.handle(routeCall, length)
	}
	return packed(reply)
}

//go:wasmexport te_cache_key
func exportCacheKey(length uint32) uint64 { return packed(served.handle(cacheKeyCall, length)) }

//go:wasmexport te_reverse_key
func exportReverseKey(length uint32) uint64 { return packed(served.handle(reverseKeyCall, length)) }

//go:wasmexport te_pathname
func exportPathname(length uint32) uint64 { return packed(served.handle(pathnameCall, length)) }

//go:wasmexport te_ws_open
func exportOpen(length uint32) uint64 { return packed(served.Consumer.event(openCall, length)) }

//go:wasmexport te_ws_message
func exportMessage(length uint32) uint64 { return packed(served.Consumer.event(messageCall, length)) }

//go:wasmexport te_ws_close
func exportClose(length uint32) uint64 { return packed(served.Consumer.event(closeCall, length)) }

//go:wasmexport te_ws_group
func exportGroup(length uint32) uint64 { return packed(served.Consumer.event(groupCall, length)) }

//go:wasmexport te_ws_timer
func exportTimer(length uint32) uint64 { return packed(served.Consumer.event(timerCall, length)) }

//go:wasmexport te_authorize
func exportAuthorize(length uint32) uint64 { return packed(served.handle(authorizeCall, length)) }

//go:wasmexport te_self_test
func exportSelfTest() int32 { return served.selfTest() }

func address(b []byte) uint32 { return uint32(uintptr(unsafe.Pointer(unsafe.SliceData(b)))) }

func packed(reply []byte) uint64 {
	if len(reply) == 0 {
		return 0
	}
	return abi.PackReply(address(reply), uint32(len(reply)))
}
