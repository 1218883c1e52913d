package channel

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"strings"
)

// token is the part of a name that nobody chooses: 96 bits, which is 16 letters,
// so that schemas of 63 letters leave room for a process and a channel within
// MaxName. That of a channel is random but for its first 32 bits.
type token [12]byte

var lettering = base64.RawURLEncoding.Strict()

func newToken() (t token) {
	rand.Read(t[:]) // never fails, see its documentation
	return t
}

// Process names a process among those that share a wire. All channels of the
// process have it in their names, after the schema, so that others can tell
// which of them end with it. The zero value is none.
type Process struct{ token }

// NewProcess returns a name that no other process has.
func NewProcess() Process { return Process{newToken()} }

// ProcessOf returns the process in the name on the wire of a channel, if a
// [Local] gave it that name: <schema>.<process>.!<channel>. Names that Django
// gives to its channels have none.
func ProcessOf(wire string) (p Process, ok bool) {
	_, rest, _ := strings.Cut(wire, ".")
	name, local, ok := strings.Cut(rest, processEnd)
	if !ok || len(local) != lettering.EncodedLen(len(p.token)) {
		return p, false
	}
	p.token, ok = parseToken(name)
	return p, ok
}

// processEnd separates the process from what it named by itself. The dot, which
// no token has, tells names that stand for a process that shows that it lives
// from those of others.
const processEnd = ".!"

// relayToken names the channel by which a process takes part in a group: known
// to the process alone, and the same whenever the group has members again.
func relayToken(process token, group string) (t token) {
	mac := hmac.New(sha256.New, process[:])
	mac.Write([]byte(group))
	copy(t[:], mac.Sum(nil))
	return t
}

func (t token) String() string { return lettering.EncodeToString(t[:]) }

func parseToken(s string) (t token, ok bool) {
	if len(s) != lettering.EncodedLen(len(t)) {
		return t, false
	}
	n, err := lettering.Decode(t[:], []byte(s))
	return t, err == nil && n == len(t)
}
