//go:build !wasip1

package guest

import (
	"errors"
	"fmt"

	"github.com/tenantedge/tenantedge/guest/abi"
)

// ErrNoAnswer is what Call returns where a Wasm guest would answer 0.
var ErrNoAnswer = errors.New("guest: no answer")

// Call does natively what the host does to a Wasm guest: it puts msg into the
// buffer and calls an export, one of abi.ExportConfigure and those that take a
// message. The reply holds until the next Call.
func Call(export string, msg []byte) ([]byte, error) {
	for which, name := range callNames {
		if name != export {
			continue
		}
		copy(memory.buffer(len(msg)), msg)
		length := uint32(len(msg))
		var reply []byte
		if which == routeCall {
			reply = served.short.answer(length)
		}
		if reply == nil {
			reply = served.handle(which, length)
		}
		if len(reply) == 0 {
			return nil, ErrNoAnswer
		}
		return reply, nil
	}
	return nil, fmt.Errorf("guest: %q is no export that takes a message", export)
}

// SelfTest does natively what the host does before it takes a guest into
// service; it answers 0 if the guest finds itself well.
func SelfTest() int32 { return served.selfTest() }

var callNames = map[kind]string{
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
