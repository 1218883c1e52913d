package sockets

import (
	"strconv"
	"strings"
)

// Compression selects what a hub negotiates of permessage-deflate.
type Compression byte

const (
	// CompressionOff declines compression; the default.
	CompressionOff Compression = iota
	// CompressionPerMessage compresses each message separately: a connection
	// keeps no window, and all members of a group share one compressed frame.
	CompressionPerMessage
	// CompressionWithContext negotiates context takeover unless the client
	// declines it. Each direction that uses it costs a connection up to 32 KiB.
	CompressionWithContext
)

const permessageDeflate = "permessage-deflate"

// deflateTerms are the parameters of an offer of permessage-deflate, or of the
// response to one (RFC 7692, 7.1).
type deflateTerms struct {
	serverNoContext, clientNoContext bool
	serverBits, clientBits           uint8 // 0: absent, or without a value
	clientLimits                     bool  // client_max_window_bits is present
}

// deflateTermsOf returns the parameters of permessage-deflate. It reports false
// for another extension, and for unknown or repeated parameters and invalid
// values, which a server must decline and a client must not accept.
func deflateTermsOf(e extension) (t deflateTerms, ok bool) {
	if e.name != permessageDeflate {
		return t, false
	}
	seen := map[string]bool{}
	for _, p := range e.parameters {
		if seen[p.name] {
			return t, false
		}
		seen[p.name] = true
		ok := !p.valued
		switch p.name {
		case "server_no_context_takeover":
			t.serverNoContext = true
		case "client_no_context_takeover":
			t.clientNoContext = true
		case "server_max_window_bits":
			t.serverBits, ok = windowBits(p.value)
		case "client_max_window_bits":
			t.clientLimits = true
			if p.valued {
				t.clientBits, ok = windowBits(p.value)
			}
		default:
			return t, false
		}
		if !ok {
			return t, false
		}
	}
	return t, true
}

// windowBits parses a decimal from 8 to 15 without leading zeros.
func windowBits(value string) (bits uint8, ok bool) {
	n, err := strconv.ParseUint(value, 10, 8)
	if err != nil || value[0] == '0' || n < minWindowBits || n > maxWindowBits {
		return 0, false
	}
	return uint8(n), true
}

// String returns the extension for Sec-WebSocket-Extensions.
func (t deflateTerms) String() string {
	var b strings.Builder
	b.WriteString(permessageDeflate)
	if t.serverNoContext {
		b.WriteString("; server_no_context_takeover")
	}
	if t.clientNoContext {
		b.WriteString("; client_no_context_takeover")
	}
	if t.serverBits != 0 {
		b.WriteString("; server_max_window_bits=" + strconv.Itoa(int(t.serverBits)))
	}
	if t.clientLimits {
		b.WriteString("; client_max_window_bits")
		if t.clientBits != 0 {
			b.WriteString("=" + strconv.Itoa(int(t.clientBits)))
		}
	}
	return b.String()
}

// answers reports whether t is a valid response to an offer.
func (t deflateTerms) answers(offer deflateTerms) bool {
	switch {
	case offer.serverNoContext && !t.serverNoContext,
		offer.serverBits != 0 && (t.serverBits == 0 || t.serverBits > offer.serverBits),
		t.clientLimits && (!offer.clientLimits || t.clientBits == 0):
		return false
	}
	return true
}

// deflateOffers returns the valid offers, in the client's order of preference.
// Others are declined; they do not fail the handshake.
func deflateOffers(extensions []extension) (offers []deflateTerms) {
	for _, e := range extensions {
		if t, ok := deflateTermsOf(e); ok {
			offers = append(offers, t)
		}
	}
	return offers
}

// agree returns the response to an offer, and the parameters (RFC 7692, section 5).
func (c Compression) agree(offer deflateTerms) (answer deflateTerms, p parameters) {
	takeover := c == CompressionWithContext
	p = parameters{
		writeBits:     maxWindowBits,
		readBits:      maxWindowBits,
		writeTakeover: takeover && !offer.serverNoContext,
		readTakeover:  takeover && !offer.clientNoContext,
	}
	answer = deflateTerms{serverNoContext: !p.writeTakeover, clientNoContext: !p.readTakeover}
	if bits := offer.serverBits; bits != 0 {
		p.writeBits, answer.serverBits = bits, bits
	}
	if bits := offer.clientBits; bits != 0 {
		p.readBits, answer.clientBits, answer.clientLimits = bits, bits, true
	}
	return answer, p
}
