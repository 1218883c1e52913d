package edge

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

// ProofHeader carries the proof that a tenant header comes from somebody who
// holds a ProofKey.
const ProofHeader = "Tenantedge-Proof"

// proofWindow is how far a proof's time may lie from ours, either way.
const proofWindow = time.Minute

// minProofSecret is the least length of a key in bytes: that of the hash.
const minProofSecret = sha256.Size

// ProofKey is a key for proofs. Several can be valid at once, so that keys can
// be replaced without a gap.
type ProofKey struct {
	ID     string
	Secret []byte // at least 32 bytes
}

// String hides the secret.
func (k ProofKey) String() string { return "ProofKey(" + k.ID + ")" }

// GoString hides the secret from %#v.
func (k ProofKey) GoString() string { return k.String() }

func (k ProofKey) check() error {
	if k.ID == "" || strings.ContainsAny(k.ID, " ;=\t\r\n") {
		return fmt.Errorf("proof key %q: expected an id without blanks, %q or %q", k.ID, ";", "=")
	}
	if len(k.Secret) < minProofSecret {
		return fmt.Errorf("proof key %s: the secret has %d bytes: expected at least %d", k.ID, len(k.Secret), minProofSecret)
	}
	return nil
}

// SignTenantHeader returns the value of ProofHeader for a request with that
// method, host, target (path and query as sent) and tenant header. It is
//
//	v1;<key id>;<unix seconds>;<hex of HMAC-SHA-256>
//
// where the MAC is over "tenantedge-proof-v1", key id, method, host in lower
// case, target, tenant and seconds, each followed by a line feed. It is valid
// for one minute, within which it can be replayed for the very same request.
func SignTenantHeader(k ProofKey, method, host, target, tenant string, at time.Time) string {
	seconds := strconv.FormatInt(at.Unix(), 10)
	return "v1;" + k.ID + ";" + seconds + ";" + hex.EncodeToString(proofMAC(k, method, host, target, tenant, seconds))
}

func proofMAC(k ProofKey, method, host, target, tenant, seconds string) []byte {
	mac := hmac.New(sha256.New, k.Secret)
	for _, s := range []string{"tenantedge-proof-v1", k.ID, method, strings.ToLower(host), target, tenant, seconds} {
		mac.Write([]byte(s))
		mac.Write([]byte{'\n'})
	}
	return mac.Sum(nil)
}

var errProof = errors.New("the proof does not hold")

// verifyProof checks a proof against the keys.
func verifyProof(keys []ProofKey, proof, method, host, target, tenant string, now time.Time) error {
	parts := strings.Split(proof, ";")
	if len(parts) != 4 || parts[0] != "v1" {
		return fmt.Errorf("%w: expected v1;key;seconds;mac", errProof)
	}
	seconds, err := strconv.ParseInt(parts[2], 10, 64)
	if err != nil {
		return fmt.Errorf("%w: expected unix seconds", errProof)
	}
	if d := now.Sub(time.Unix(seconds, 0)); d > proofWindow || d < -proofWindow {
		return fmt.Errorf("%w: it is %v off", errProof, d)
	}
	if strings.Contains(method+host+target+tenant, "\n") {
		return fmt.Errorf("%w: line feed", errProof)
	}
	given, err := hex.DecodeString(parts[3])
	if err != nil {
		return fmt.Errorf("%w: expected hexadecimal", errProof)
	}
	for _, k := range keys {
		if k.ID == parts[1] && hmac.Equal(given, proofMAC(k, method, host, target, tenant, parts[2])) {
			return nil
		}
	}
	return fmt.Errorf("%w: key or MAC", errProof)
}
