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

// Key is a secret to sign URLs with. The ID, which is in the URL, names it.
type Key struct {
	ID     string
	Secret []byte
}

// Grant is what a signed URL allows.
type Grant struct {
	Tenant  string    // schema name
	Method  string    // HEAD is allowed where GET is
	Path    string    // of the URL, decoded
	Expires time.Time // to the second
}

// Signer signs URLs and verifies them. It is safe for concurrent use.
type Signer struct {
	first Key
	keys  map[string][]byte
}

// Names of the query parameters that a signed URL has, and of no others'.
const (
	expiresParameter   = "te-expires"
	keyParameter       = "te-key"
	signatureParameter = "te-signature"
)

var signatureParameters = [3]string{expiresParameter, keyParameter, signatureParameter}

const leastSecret = 16 // bytes

// NewSigner returns one that signs with the first key and verifies with all:
// a new key is put in front, and an old one dropped when its URLs have expired.
func NewSigner(keys ...Key) (*Signer, error) {
	if len(keys) == 0 {
		return nil, errors.New("storage: signer: expected a key, found none")
	}
	s := &Signer{first: keys[0], keys: make(map[string][]byte, len(keys))}
	for _, k := range keys {
		if k.ID == "" || s.keys[k.ID] != nil {
			return nil, fmt.Errorf("storage: signer: expected each key to have an id of its own, found %q", k.ID)
		}
		if len(k.Secret) < leastSecret {
			return nil, fmt.Errorf("storage: signer: key %q: expected a secret of %d bytes or more, found %d", k.ID, leastSecret, len(k.Secret))
		}
		s.keys[k.ID] = append([]byte(nil), k.Secret...)
	}
	return s, nil
}

// Sign returns the parameters to add to the query of a URL.
func (s *Signer) Sign(g Grant) url.Values {
	return url.Values{
		expiresParameter:   {strconv.FormatInt(g.Expires.Unix(), 10)},
		keyParameter:       {s.first.ID},
		signatureParameter: {base64.RawURLEncoding.EncodeToString(g.mac(s.first.ID, s.keys[s.first.ID]))},
	}
}

// Verify reports whether the query of a URL, as it was sent, was signed for the
// use that g describes, and holds now; g.Expires is not looked at. If not, the
// error is ErrSignature, with a reason that is for logs, not for clients.
//
// Each parameter of a signature has one spelling, which is that of
// url.Values.Encode; other parameters may be anywhere in between.
func (s *Signer) Verify(g Grant, rawQuery string, now time.Time) error {
	given, err := signatureOf(rawQuery)
	if err != nil {
		return err
	}
	expires, err := strconv.ParseInt(given[0], 10, 64)
	if err != nil || strconv.FormatInt(expires, 10) != given[0] {
		return fmt.Errorf("%w: %s is no time", ErrSignature, expiresParameter)
	}
	secret := s.keys[given[1]]
	if secret == nil {
		return fmt.Errorf("%w: no such key", ErrSignature)
	}
	g.Expires = time.Unix(expires, 0)
	// The text is compared, and not what it decodes to: decoders take other
	// spellings of the same bytes, with line breaks in them for one.
	if !hmac.Equal([]byte(given[2]), []byte(base64.RawURLEncoding.EncodeToString(g.mac(given[1], secret)))) {
		return fmt.Errorf("%w: it is of something else", ErrSignature)
	}
	if !now.Before(g.Expires) {
		return fmt.Errorf("%w: it has expired", ErrSignature)
	}
	return nil
}

// signatureOf reads the three parameters of a signature. A parameter that some
// reader takes for one of them, by decoding its name or by taking a semicolon
// for an end, must be that one, in its only spelling.
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
				return given, fmt.Errorf("%w: expected %s in the spelling that it was signed in", ErrSignature, name)
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

// mac is over each part behind its length, so that no two grants have the same
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
