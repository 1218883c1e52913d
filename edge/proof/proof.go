// Package proof lets a service whose address is not a trusted peer's prove, with a
// key, that it set a tenant header.
//
//	r.Header.Set("tenant", "acme")
//	r.Header.Set(proof.Header, proof.Sign(key, r.Method, r.Host, r.URL.RequestURI(), "acme", time.Now()))
//
// The edge verifies the proof with edge.Config.ProofKeys.
package proof

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"
)

// Header is the name of the header that carries the proof.
const Header = "Tenantedge-Proof"

// window bounds how far the time of a proof may be in the past or the future.
const window = time.Minute

// minSecret is the minimum length of a secret in bytes: the length of the hash.
const minSecret = sha256.Size

// Key is a key for proofs. Several can be valid at once, so that keys can be
// replaced without a gap.
type Key struct {
	ID     string
	Secret []byte // at least 32 bytes
}

// String hides the secret.
func (k Key) String() string { return "proof.Key(" + k.ID + ")" }

// GoString hides the secret from %#v.
func (k Key) GoString() string { return k.String() }

// Check returns an error for a key that cannot be used. It does not contain the
// secret.
func (k Key) Check() error {
	if k.ID == "" || strings.ContainsAny(k.ID, " ;=\t\r\n") {
		return fmt.Errorf("proof key %q: expected an id without blanks, %q or %q", k.ID, ";", "=")
	}
	if len(k.Secret) < minSecret {
		return fmt.Errorf("proof key %s: the secret has %d bytes: expected at least %d", k.ID, len(k.Secret), minSecret)
	}
	return nil
}

// Sign returns the value of Header for a request with this method, host, target
// (path and query as sent) and tenant header. It is
//
//	v1;<key id>;<unix seconds>;<hex of HMAC-SHA-256>
//
// where the MAC is over "tenantedge-proof-v1", key id, method, host in lower
// case, target, tenant and seconds, each followed by a line feed. The proof is
// valid for one minute before and after at. In this time, an identical request can
// be replayed.
func Sign(k Key, method, host, target, tenant string, at time.Time) string {
	seconds := strconv.FormatInt(at.Unix(), 10)
	return "v1;" + k.ID + ";" + seconds + ";" + hex.EncodeToString(mac(k, method, host, target, tenant, seconds))
}

func mac(k Key, method, host, target, tenant, seconds string) []byte {
	h := hmac.New(sha256.New, k.Secret)
	for _, s := range []string{"tenantedge-proof-v1", k.ID, method, strings.ToLower(host), target, tenant, seconds} {
		h.Write([]byte(s))
		h.Write([]byte{'\n'})
	}
	return h.Sum(nil)
}

var errInvalid = errors.New("proof: the proof is invalid")

// Verify returns why a proof is invalid for a request at the time now, or nil.
func Verify(keys []Key, proof, method, host, target, tenant string, now time.Time) error {
	parts := strings.Split(proof, ";")
	if len(parts) != 4 || parts[0] != "v1" {
		return fmt.Errorf("%w: expected v1;key;seconds;mac", errInvalid)
	}
	seconds, err := strconv.ParseInt(parts[2], 10, 64)
	if err != nil {
		return fmt.Errorf("%w: expected unix seconds", errInvalid)
	}
	if d := now.Sub(time.Unix(seconds, 0)); d > window || d < -window {
		return fmt.Errorf("%w: its time is %v off", errInvalid, d)
	}
	if strings.Contains(method+host+target+tenant, "\n") {
		return fmt.Errorf("%w: expected no line feed in the request", errInvalid)
	}
	given, err := hex.DecodeString(parts[3])
	if err != nil {
		return fmt.Errorf("%w: expected hexadecimal", errInvalid)
	}
	for _, k := range keys {
		if k.ID == parts[1] && hmac.Equal(given, mac(k, method, host, target, tenant, parts[2])) {
			return nil
		}
	}
	return fmt.Errorf("%w: expected a known key and the MAC of the request", errInvalid)
}
