package storage

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Key is a secret that signs URLs.
type Key struct {
	ID     string // in the signed URL
	Secret []byte // 16 bytes or more
}

// Grant is what a signed URL allows.
type Grant struct {
	Tenant  string    // schema name
	Method  string    // HEAD is allowed where GET is
	Path    string    // decoded path of the URL
	Expires time.Time // to the second
}

// Signer signs URLs and verifies them. It is safe for concurrent use.
type Signer struct {
	first Key
	keys  map[string][]byte
}

// The query parameters of a signature.
const (
	expiresParameter   = "te-expires"
	keyParameter       = "te-key"
	signatureParameter = "te-signature"
)

var signatureParameters = [3]string{expiresParameter, keyParameter, signatureParameter}

const minSecret = 16 // bytes

// NewSigner returns a Signer that signs with the first key and verifies with all.
// To rotate keys, put the new one first, and drop the old one when its URLs have
// expired.
func NewSigner(keys ...Key) (*Signer, error) {
	if len(keys) == 0 {
		return nil, errors.New("storage: signer: expected a key, found none")
	}
	s := &Signer{first: keys[0], keys: make(map[string][]byte, len(keys))}
	for _, k := range keys {
		if k.ID == "" {
			return nil, errors.New("storage: signer: expected each key to have an id, found an empty one")
		}
		if s.keys[k.ID] != nil {
			return nil, fmt.Errorf("storage: signer: expected each key to have a different id, found %q twice", k.ID)
		}
		if len(k.Secret) < minSecret {
			return nil, fmt.Errorf("storage: signer: key %q: expected a secret of %d bytes or more, found %d", k.ID, minSecret, len(k.Secret))
		}
		s.keys[k.ID] = append([]byte(nil), k.Secret...)
	}
	return s, nil
}

// Sign returns the query parameters to add to a URL.
func (s *Signer) Sign(g Grant) url.Values {
	return url.Values{
		expiresParameter:   {strconv.FormatInt(g.Expires.Unix(), 10)},
		keyParameter:       {s.first.ID},
		signatureParameter: {base64.RawURLEncoding.EncodeToString(g.mac(s.first.ID, s.keys[s.first.ID]))},
	}
}

// Verify returns nil if the raw query of a URL has a signature for the use that g
// describes which has not expired at now. It ignores g.Expires. Otherwise the
// error is ErrSignature, with a reason that is for logs, not for clients.
//
// The parameters of the signature must be encoded as url.Values.Encode encodes
// them. Other parameters may be anywhere between them.
func (s *Signer) Verify(g Grant, rawQuery string, now time.Time) error {
	given, err := signatureOf(rawQuery)
	if err != nil {
		return err
	}
	expires, err := strconv.ParseInt(given[0], 10, 64)
	if err != nil || strconv.FormatInt(expires, 10) != given[0] {
		return fmt.Errorf("%w: %s is not a time", ErrSignature, expiresParameter)
	}
	secret := s.keys[given[1]]
	if secret == nil {
		return fmt.Errorf("%w: unknown key", ErrSignature)
	}
	g.Expires = time.Unix(expires, 0)
	// The encoded text is compared: decoders accept other encodings of the same
	// bytes, with line breaks for example.
	if !hmac.Equal([]byte(given[2]), []byte(base64.RawURLEncoding.EncodeToString(g.mac(given[1], secret)))) {
		return fmt.Errorf("%w: it does not match the request", ErrSignature)
	}
	if !now.Before(g.Expires) {
		return fmt.Errorf("%w: it has expired", ErrSignature)
	}
	return nil
}

// signatureOf parses the three parameters of a signature. A parameter that some
// parsers take for one of them, because they decode names or split at semicolons,
// must be that one in its canonical encoding.
func signatureOf(rawQuery string) (given [3]string, err error) {
	var seen [3]int
	for parameter := range strings.SplitSeq(rawQuery, "&") {
		for part := range strings.SplitSeq(parameter, ";") {
			name, value, _ := strings.Cut(part, "=")
			if name, err = url.QueryUnescape(name); err != nil {
				continue
			}
			i := slices.Index(signatureParameters[:], name)
			if i < 0 {
				continue
			}
			seen[i]++
			given[i], err = url.QueryUnescape(value)
			if err != nil || parameter != name+"="+url.QueryEscape(given[i]) {
				return given, fmt.Errorf("%w: expected %s as it was encoded when signed", ErrSignature, name)
			}
		}
	}
	for i, n := range seen {
		if n != 1 {
			return given, fmt.Errorf("%w: expected one %s, found %d", ErrSignature, signatureParameters[i], n)
		}
	}
	return given, nil
}

// mac signs each part preceded by its length, so that no two grants have the same
// text.
func (g *Grant) mac(key string, secret []byte) []byte {
	method := g.Method
	if method == http.MethodHead {
		method = http.MethodGet
	}
	h := hmac.New(sha256.New, secret)
	var text []byte
	for _, part := range []string{"tenantedge file 1", key, g.Tenant, method, g.Path, strconv.FormatInt(g.Expires.Unix(), 10)} {
		text = binary.BigEndian.AppendUint64(text, uint64(len(part)))
		text = append(text, part...)
	}
	h.Write(text) // never fails
	return h.Sum(nil)
}
