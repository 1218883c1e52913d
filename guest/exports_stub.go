//go:build !wasip1

package guest

import (
	"fmt"

	"github.com/tenantedge/tenantedge/guest/abi"
	"github.com/tenantedge/tenantedge/guest/internal/native"
)

func init() {
	native.Exports.Call = call
	native.Exports.SelfTest = func() int32 { return served.selfTest() }
}

// call calls an export that takes a message, as the host does in a Wasm guest: it
// copies msg into the buffer first. The next call overwrites the reply.
func call(export string, msg []byte) ([]byte, error) {
	for i, name := range callNames {
		if name != export {
			continue
		}
		which := kind(i)
		copy(memory.buffer(len(msg)), msg)
		length := uint32(len(msg))
		var reply []byte
		if which == routeCall {
			reply = served.fast.answer(length)
		}
		if reply == nil {
			reply = served.handle(which, length)
		}
		if len(reply) == 0 {
			return nil, native.ErrNoAnswer
		}
		return reply, nil
	}
	return nil, fmt.Errorf("guest: expected the name of an export that takes a message, such as %s, found %q", abi.ExportRoute, export)
}

var callNames = [...]string{
	configureCall:  abi.ExportConfigure,
	routeCall:      abi.ExportRoute,
	cacheKeyCall:   abi.ExportCacheKey,
	reverseKeyCall: abi.ExportReverseKey,
	pathnameCall:   abi.ExportPathname,
	openCall:       abi.ExportOpen,
	messageCall:    abi.ExportMessage,
	closeCall:      abi.ExportClose,
	groupCall:      abi.ExportGroup,
	timerCall:      abi.ExportTimer,
	authorizeCall:  abi.ExportAuthorize,
}
