package main

import (
	"crypto/ed25519"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"strings"

	"github.com/tenantedge/tenantedge/guest/jsonread"
)

// Bounds in bytes. The header of a token is read before its signature is verified.
const (
	maxToken  = 4096
	maxHeader = 512
)

// claims is what the guest uses of a verified token.
type claims struct{ tenant, subject string }

// verify returns the claims of a token in compact serialization (RFC 7515, section
// 7.1) that is valid now, in seconds since 1970. Errors contain nothing of it.
func (s *settings) verify(token string, now int64) (c claims, err error) {
	if len(token) > maxToken {
		return c, errors.New("it is longer than 4096 bytes")
	}
	header, rest, _ := strings.Cut(token, ".")
	payload, signature, ok := strings.Cut(rest, ".")
	if !ok || strings.Contains(signature, ".") || len(header) > maxHeader {
		return c, errors.New("it does not have three parts, or its header is too long")
	}
	k, err := s.keyOf(header)
	if err != nil {
		return c, err
	}
	given, err := decode(signature)
	if err != nil {
		return c, err
	}
	if !k.signed(token[:len(header)+1+len(payload)], given) {
		return c, errors.New("its signature is wrong")
	}
	document, err := decode(payload)
	if err != nil {
		return c, err
	}
	return s.read(document, now)
}

// keyOf returns the key that the header of a token names.
func (s *settings) keyOf(header string) (k key, err error) {
	document, err := decode(header)
	if err != nil {
		return k, err
	}
	var alg, kid, typ string
	critical := false
	err = jsonread.Object(document, func(r *jsonread.Reader, name string) {
		switch name {
		case "alg":
			r.Text(&alg)
		case "kid":
			r.Text(&kid)
		case "typ":
			r.Text(&typ)
		case "crit":
			r.Value()
			critical = true
		default:
			r.Value()
		}
	})
	if err != nil || critical || typ != "" && !strings.EqualFold(typ, "JWT") {
		return k, errors.New("its header is malformed, has crit, or a typ other than JWT")
	}
	k, ok := s.keys[kid]
	if !ok {
		return k, errors.New("no key has its kid")
	}
	if alg != k.alg {
		return k, errors.New("its alg is not that of the key")
	}
	return k, nil
}

// signed reports whether signature is that of the key for text.
func (k *key) signed(text string, signature []byte) bool {
	if k.alg == "EdDSA" {
		return ed25519.Verify(k.bytes, []byte(text), signature)
	}
	mac := hmac.New(sha256.New, k.bytes)
	mac.Write([]byte(text))
	return hmac.Equal(mac.Sum(nil), signature) // in constant time
}

// read reads and checks the claims of a verified token.
func (s *settings) read(document []byte, now int64) (c claims, err error) {
	var issuer string
	var expires, notBefore int
	ours := false
	err = jsonread.Object(document, func(r *jsonread.Reader, name string) {
		switch name {
		case s.claim:
			r.Text(&c.tenant)
		case "iss":
			r.Text(&issuer)
		case "sub":
			r.Text(&c.subject)
		case "exp":
			r.Integer(&expires)
		case "nbf":
			r.Integer(&notBefore)
		case "aud":
			ours = s.isOurs(r)
		default:
			r.Value()
		}
	})
	leeway := int64(s.leeway)
	switch {
	case err != nil:
		err = errors.New("its claims are malformed, or one is there twice")
	case int64(expires) <= now-leeway: // also without exp
		err = errors.New("it has expired")
	case int64(notBefore) > now+leeway:
		err = errors.New("it is not valid yet")
	case issuer != s.issuer || !ours:
		err = errors.New("it is from another issuer or for another audience")
	case c.tenant == "":
		err = errors.New("it names no tenant")
	case !isHeaderValue(c.subject):
		err = errors.New("its subject has control characters or is too long")
	}
	return c, err
}

// isOurs reads the claim aud, a string or an array of strings.
func (s *settings) isOurs(r *jsonread.Reader) (ours bool) {
	one := func() {
		var audience string
		r.Text(&audience)
		ours = ours || audience == s.audience
	}
	if r.IsText() {
		one()
	} else {
		r.Array(one)
	}
	return ours
}

func isHeaderValue(s string) bool {
	for i := range len(s) {
		if s[i] <= ' ' || s[i] >= 0x7f {
			return false
		}
	}
	return len(s) <= 256
}

// decode decodes base64url without padding, of which it accepts one spelling only.
// (Package base64 skips line breaks.)
func decode(s string) ([]byte, error) {
	b, err := base64.RawURLEncoding.Strict().DecodeString(s)
	if err != nil || strings.ContainsAny(s, "\r\n") {
		return nil, errors.New("a part is not in base64url without padding")
	}
	return b, nil
}
