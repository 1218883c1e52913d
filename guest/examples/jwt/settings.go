package main

import (
	"crypto/ed25519"
	"encoding/base64"
	"errors"

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
		// Verifying for the first time builds tables, which costs more fuel than a request
		// has. The guest then has them for each request, because the host keeps what is
		// in memory after the configuration.
		ed25519.Verify(k.bytes, nil, make([]byte, ed25519.SignatureSize))
	default:
		r.Fail("alg to be HS256 or EdDSA")
	}
	return k
}
