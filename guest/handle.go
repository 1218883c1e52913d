package guest

import "github.com/tenantedge/tenantedge/guest/abi"

// kind is the export that the host calls.
type kind uint8

const (
	configureCall kind = iota
	routeCall
	cacheKeyCall
	reverseKeyCall
	pathnameCall
	authorizeCall
	openCall // this and the following are events of websockets
	messageCall
	closeCall
	groupCall
	timerCall
)

// handle returns the reply to the message of length bytes in the buffer, or nil
// if there is none.
func (g *guest) handle(k kind, length uint32) []byte {
	raw, ok := memory.begin(int(length))
	if !ok {
		return nil
	}
	switch k {
	case routeCall:
		return g.route(raw)
	case configureCall:
		return g.configure(raw)
	case openCall, messageCall, closeCall, groupCall, timerCall:
		return g.Consumer.event(k, length)
	}
	m, err := abi.Parse(raw)
	if err != nil {
		return nil
	}
	switch k {
	case cacheKeyCall:
		return g.cacheKey(m)
	case reverseKeyCall:
		return g.reverseKey(m)
	case authorizeCall:
		return g.authorize(m)
	default:
		return g.pathname(m)
	}
}
