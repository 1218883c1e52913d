package wire

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"strings"
)

// Token is the generated part of a name: 96 bits, which are 16 characters, so
// that schemas of 63 characters leave room for a process and a channel in a
// name. A channel's token is random except for its first 32 bits.
type Token [12]byte

var encoding = base64.RawURLEncoding.Strict()

// NewToken returns a random token.
func NewToken() (t Token) {
	rand.Read(t[:]) // never fails, see its documentation
	return t
}

// ParseToken decodes a token.
func ParseToken(s string) (t Token, ok bool) {
	if len(s) != encoding.EncodedLen(len(t)) {
		return t, false
	}
	n, err := encoding.Decode(t[:], []byte(s))
	return t, err == nil && n == len(t)
}

func (t Token) String() string { return encoding.EncodeToString(t[:]) }

// AppendTo appends String.
func (t Token) AppendTo(b []byte) []byte { return encoding.AppendEncode(b, t[:]) }

// Process names a process among those that share a wire. The names of all its
// channels contain it, after the schema, so that other processes can find the
// channels of a process that has ended. The zero value names none.
type Process struct{ Token }

// NewProcess returns a name that no other process has.
func NewProcess() Process { return Process{NewToken()} }

// ProcessOf returns the process in a channel's name on the wire, which has the
// form <schema>.<process>.!<channel>. It reports false for other names, such as
// those that Django gives to its channels.
func ProcessOf(name string) (p Process, ok bool) {
	_, rest, _ := strings.Cut(name, ".")
	process, local, ok := strings.Cut(rest, ProcessEnd)
	if !ok || len(local) != encoding.EncodedLen(len(p.Token)) {
		return p, false
	}
	p.Token, ok = ParseToken(process)
	return p, ok
}

// ProcessEnd separates the process from the channel in a name. Tokens have no
// dot, so the dot distinguishes these names from those of processes that set no
// key to show that they are alive.
const ProcessEnd = ".!"

// RelayToken returns the token of the channel by which a process is a member of a
// group. It is an HMAC under the process's token, so it is the same whenever the
// group has members again, without a table.
func (p Process) RelayToken(group string) (t Token) {
	mac := hmac.New(sha256.New, p.Token[:])
	mac.Write([]byte(group))
	copy(t[:], mac.Sum(nil))
	return t
}
