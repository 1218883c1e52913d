package sockets

import (
	"github.com/gobwas/httphead"
	"github.com/gobwas/ws/wsflate"
)

// Compression chooses what a hub negotiates of permessage-deflate.
type Compression byte

const (
	// CompressionOff declines compression; the default.
	CompressionOff Compression = iota
	// CompressionPerMessage compresses each message on its own: a connection
	// keeps nothing, and one compressed frame serves a whole group.
	CompressionPerMessage
	// CompressionWithContext lets both sides refer to earlier messages, unless
	// the client asks otherwise. It costs a connection that uses it up to 32 KiB
	// for each direction.
	CompressionWithContext
)

// negotiation answers the offers of one handshake: the first that can be met is
// taken (RFC 7692, section 5). What is no offer at all is declined rather than
// refused, as the RFC wants it.
type negotiation struct {
	mode     Compression
	accepted *parameters
}

func (n *negotiation) answer(offer httphead.Option) (httphead.Option, error) {
	var none httphead.Option
	if n.mode == CompressionOff || n.accepted != nil || string(offer.Name) != wsflate.ExtensionName {
		return none, nil
	}
	var asked wsflate.Parameters
	if asked.Parse(offer) != nil {
		return none, nil
	}
	takeover := n.mode == CompressionWithContext
	p := parameters{
		writeBits:     maxWindowBits,
		readBits:      maxWindowBits,
		writeTakeover: takeover && !asked.ServerNoContextTakeover,
		readTakeover:  takeover && !asked.ClientNoContextTakeover,
	}
	reply := wsflate.Parameters{
		ServerNoContextTakeover: !p.writeTakeover,
		ClientNoContextTakeover: !p.readTakeover,
	}
	if bits := asked.ServerMaxWindowBits; bits.Defined() {
		p.writeBits, reply.ServerMaxWindowBits = uint8(bits), bits
	}
	if bits := asked.ClientMaxWindowBits; bits > 1 { // 1 stands for the parameter without a value
		p.readBits, reply.ClientMaxWindowBits = uint8(bits), bits
	}
	n.accepted = &p
	return reply.Option(), nil
}
