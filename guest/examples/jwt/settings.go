package main

import (
	"crypto/ed25519"
	"encoding/base64"
	"errors"
	"strings"

	"github.com/tenantedge/tenantedge/guest"
	"github.com/tenantedge/tenantedge/guest/abi"
	"github.com/tenantedge/tenantedge/guest/jsonread"
)

type settings struct {
	issuer, audience, claim string
	leeway                  int // seconds
	keys                    map[string]key
}

// key verifies the signatures of one algorithm.
type key struct {
	alg   string // HS256 or EdDSA
	bytes []byte // the secret, or the public key
}

// minSecret is the minimum length of a secret in bytes: RFC 7518, section 3.2.
const minSecret = 32

// maxLeeway is the maximum difference of clocks in seconds.
const maxLeeway = 300

func readSettings(c *abi.Config) (settings, error) {
	s := settings{keys: map[string]key{}}
	err := guest.Settings(c, jsonread.Members{
		"issuer": &s.issuer, "audience": &s.audience, "claim": &s.claim, "leeway": &s.leeway,
		"keys": func(r *jsonread.Reader) { r.Object(func(kid string) { s.keys[kid] = readKey(r) }) },
	})
	switch {
	case err != nil:
	case s.issuer == "" || s.audience == "" || s.claim == "" || len(s.keys) == 0:
		err = errors.New("settings: expected issuer, audience, claim and keys")
	case s.leeway < 0 || s.leeway > maxLeeway:
		err = errors.New("settings: leeway: expected 0 to 300 seconds")
	}
	return s, err
}

// readKey reads a key. Errors do not contain it.
func readKey(r *jsonread.Reader) (k key) {
	var encoded string
	r.Object(func(name string) {
		switch name {
		case "alg":
			r.Text(&k.alg)
		case "key":
			r.Text(&encoded)
		default:
			r.Fail("alg or key")
		}
	})
	var err error
	if k.bytes, err = base64.RawURLEncoding.Strict().DecodeString(encoded); err != nil {
		r.Fail("a key in base64url without padding")
	}
	switch k.alg {
	case "HS256":
		if len(k.bytes) < minSecret {
			r.Fail("an HS256 secret of at least 32 bytes")
		}
	case "EdDSA":
		if len(k.bytes) != ed25519.PublicKeySize {
			r.Fail("an Ed25519 public key of 32 bytes")
			return k
		}
		if isWeak(k.bytes) {
			r.Fail("an Ed25519 public key, not one for which everybody can sign")
			return k
		}
		// Verifying for the first time builds tables, which costs more fuel than a request
		// has. The guest then has them for each request, because the host keeps what is
		// in memory after the configuration.
		ed25519.Verify(k.bytes, nil, make([]byte, ed25519.SignatureSize))
	default:
		r.Fail("alg to be HS256 or EdDSA")
	}
	return k
}

// isWeak reports whether an Ed25519 public key has an order of at most 8, such as 32
// zero bytes: a signature for one message is then one for every eighth other, or
// more.
func isWeak(key []byte) bool {
	y := [ed25519.PublicKeySize]byte(key)
	y[31] &= 0x7f // without the sign of x
	for _, weak := range weakKeys {
		if string(y[:]) == weak {
			return true
		}
	}
	return false
}

// weakKeys are the points of small order, by y in all of its encodings: 0, 1, -1, the
// two of order 8, and p and p+1 for 0 and 1.
var weakKeys = [...]string{
	strings.Repeat("\x00", 32),
	"\x01" + strings.Repeat("\x00", 31),
	"\xec" + strings.Repeat("\xff", 30) + "\x7f",
	"\x26\xe8\x95\x8f\xc2\xb2\x27\xb0\x45\xc3\xf4\x89\xf2\xef\x98\xf0\xd5\xdf\xac\x05\xd3\xc6\x33\x39\xb1\x38\x02\x88\x6d\x53\xfc\x05",
	"\xc7\x17\x6a\x70\x3d\x4d\xd8\x4f\xba\x3c\x0b\x76\x0d\x10\x67\x0f\x2a\x20\x53\xfa\x2c\x39\xcc\xc6\x4e\xc7\xfd\x77\x92\xac\x03\x7a",
	"\xed" + strings.Repeat("\xff", 30) + "\x7f",
	"\xee" + strings.Repeat("\xff", 30) + "\x7f",
}
