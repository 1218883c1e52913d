package sockets

import (
	"fmt"
	"unicode/utf8"

	"github.com/gobwas/ws"
)

// Code is the status of a close frame (RFC 6455, section 7.4).
type Code uint16

// The codes that the edge itself sends or reports.
const (
	CodeNormal      Code = 1000
	CodeGoingAway   Code = 1001 // the edge is shutting down
	CodeProtocol    Code = 1002
	CodeUnsupported Code = 1003 // a kind of message that the handler does not accept
	CodeNoStatus    Code = 1005 // reported only: the close frame had no code
	CodeAbnormal    Code = 1006 // reported only: there was no close frame
	CodeInvalidData Code = 1007 // text that is not UTF-8, or invalid compressed data
	CodePolicy      Code = 1008
	CodeTooBig      Code = 1009
	CodeInternal    Code = 1011 // the handler failed
	CodeRestart     Code = 1012
	CodeTryLater    Code = 1013 // the peer reads too slowly, or exceeds its rate
	CodeBadGateway  Code = 1014 // the upstream failed
)

// maxReason bounds the length of a close frame's reason.
const maxReason = ws.MaxControlFramePayloadSize - 2

// Sendable reports whether a close frame may carry the code: those of RFC 6455,
// 1012 to 1014 from IANA's registry, and 3000 to 4999.
func (c Code) Sendable() bool {
	switch {
	case c >= 1000 && c <= 1003, c >= 1007 && c <= 1014, c >= 3000 && c <= 4999:
		return true
	}
	return false
}

// failure is the reason for failing a connection, and the close code that the
// peer gets.
type failure struct {
	code   Code
	reason string
}

func (f *failure) Error() string { return fmt.Sprintf("sockets: %d: %s", f.code, f.reason) }

// Failures. They are package variables, so that a hostile peer causes no
// allocation.
var (
	errUTF8          = &failure{CodeInvalidData, "text is not valid UTF-8"}
	errInflate       = &failure{CodeInvalidData, "compressed data is invalid"}
	errFrameTooBig   = &failure{CodeTooBig, "frame is too big"}
	errMessageTooBig = &failure{CodeTooBig, "message is too big"}
	errReservedBits  = &failure{CodeProtocol, "reserved bits without an extension that defines them"}
	errLength        = &failure{CodeProtocol, "expected a length in its shortest form"}
	errClosePayload  = &failure{CodeProtocol, "expected a close frame with no payload or a code"}
	errCloseCode     = &failure{CodeProtocol, "expected a close code that may be sent"}
	errCloseReason   = &failure{CodeInvalidData, "close reason is not valid UTF-8"}
	errInflating     = &failure{CodeTryLater, "too many large messages are being inflated"}
	errRate          = &failure{CodeTryLater, "message rate exceeded"}
	errSlowReader    = &failure{CodeTryLater, "reads too slowly"}
	errPanicked      = &failure{CodeInternal, "internal error"}
	errIdle          = &failure{CodeGoingAway, "idle"}
)

// parseClose reads the payload of a close frame.
func parseClose(p []byte) (Code, string, *failure) {
	switch {
	case len(p) == 0:
		return CodeNoStatus, "", nil
	case len(p) == 1:
		return 0, "", errClosePayload
	}
	status, reason := ws.ParseCloseFrameData(p)
	switch {
	case !Code(status).Sendable():
		return 0, "", errCloseCode
	case !utf8.ValidString(reason):
		return 0, "", errCloseReason
	}
	return Code(status), reason, nil
}

// truncateReason truncates a reason to maxReason bytes, between two characters.
func truncateReason(reason string) string {
	if len(reason) <= maxReason {
		return reason
	}
	n := maxReason
	for n > 0 && !utf8.RuneStart(reason[n]) {
		n--
	}
	return reason[:n]
}
