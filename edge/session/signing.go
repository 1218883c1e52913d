package session

import (
	"crypto/hmac"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"errors"
	"math"
	"strings"
	"time"
)

var (
	errSignature = errors.New("session: no valid signature")
	errExpired   = errors.New("session: expired")
)

// signer verifies signatures of django.core.signing.TimestampSigner:
//
//	<payload>:<time, base 62>:<signature, URL-safe base64>
//
// See Signer and TimestampSigner in django/core/signing.py and salted_hmac in
// django/utils/crypto.py.
type signer struct{ keys [][sha256.Size]byte } // derived from the secrets, which are not kept

func newSigner(salt string, keys []Key) signer {
	var s signer
	for _, k := range keys {
		s.keys = append(s.keys, sha256.Sum256(append([]byte(salt+"signer"), k.secret...)))
	}
	return s
}

// unsign returns the payload and the time of its signature.
func (s signer) unsign(text string) (payload string, signed time.Time, err error) {
	i := strings.LastIndexByte(text, ':')
	if i < 0 {
		return "", time.Time{}, errSignature
	}
	value, signature := text[:i], text[i+1:]
	if !s.verify(value, signature) {
		return "", time.Time{}, errSignature
	}
	i = strings.LastIndexByte(value, ':')
	if i < 0 {
		return "", time.Time{}, errSignature
	}
	seconds, ok := base62(value[i+1:])
	if !ok {
		return "", time.Time{}, errSignature
	}
	return value[:i], time.Unix(seconds, 0), nil
}

// verify compares the signatures as text, because several base64 texts decode to
// the same bytes.
func (s signer) verify(value, signature string) bool {
	ok := 0
	for _, key := range s.keys {
		mac := hmac.New(sha256.New, key[:])
		mac.Write([]byte(value))
		var sum [sha256.Size]byte
		var want [(sha256.Size*8 + 5) / 6]byte
		base64.RawURLEncoding.Encode(want[:], mac.Sum(sum[:0]))
		ok |= subtle.ConstantTimeCompare(want[:], []byte(signature))
	}
	return ok == 1
}

// base62 decodes a number of django.core.signing.b62_encode, whose digits are
// 0-9, A-Z and a-z.
func base62(s string) (int64, bool) {
	var n int64
	for i := range len(s) {
		var digit int64
		switch c := s[i]; {
		case '0' <= c && c <= '9':
			digit = int64(c - '0')
		case 'A' <= c && c <= 'Z':
			digit = int64(c-'A') + 10
		case 'a' <= c && c <= 'z':
			digit = int64(c-'a') + 36
		default:
			return 0, false
		}
		if n > (math.MaxInt64-digit)/62 {
			return 0, false
		}
		n = n*62 + digit
	}
	return n, s != ""
}
