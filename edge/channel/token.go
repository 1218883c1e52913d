package channel

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
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
