package signature

import (
	"crypto/ed25519"
	"crypto/sha256"
	"errors"
	"fmt"
	"slices"
	"strings"

	"aead.dev/minisign"
	"golang.org/x/crypto/blake2b"
)

// MaxSize is the size of the largest signature, in bytes of text. The comments of
// minisign have at most 9 KiB.
const MaxSize = 12 << 10

// Suffix is added to the name of a file by its signature's name.
const Suffix = ".minisig"

const (
	untrustedPrefix = "untrusted comment: "
	trustedPrefix   = "trusted comment: "
)

// Signed describes who signed a guest.
type Signed struct {
	KeyID   string // of the trusted key that verified the signature
	Comment string // the trusted comment, which is signed too
}

// ErrMissing is the error for a guest without a signature.
var ErrMissing = errors.New("expected a signature, found none; sign the guest, for example with `tenantedge guest sign`")

// parse parses a signature. It accepts one spelling only, apart from the ends of
// lines.
func parse(text []byte) (*minisign.Signature, error) {
	fail := func(found string) (*minisign.Signature, error) {
		return nil, fmt.Errorf("expected a minisign signature of four lines, found %s; sign the guest again", found)
	}
	if len(text) > MaxSize {
		return fail(fmt.Sprintf("more than %d bytes", MaxSize))
	}
	lines := splitLines(string(text))
	switch found := describe(string(text)); {
	case !strings.HasPrefix(lines[0], untrustedPrefix) || found != "a signature" && found != "other text":
		return fail(found)
	case len(lines) < 4:
		return fail(fmt.Sprintf("the first %d of them", len(lines)))
	case len(lines) > 4:
		return fail(fmt.Sprintf("%d lines", len(lines)))
	}
	var s minisign.Signature
	canonical := strings.Join(lines, "\n") + "\n"
	if err := s.UnmarshalText([]byte(canonical)); err != nil {
		return fail("some with missing or other characters (" + strings.TrimPrefix(err.Error(), "minisign: ") + ")")
	}
	if s.String() != canonical {
		return fail("another spelling of one")
	}
	return &s, nil
}

// KeyID returns the ID of the key that a signature names. Nothing is verified.
func KeyID(text []byte) (string, error) {
	s, err := parse(text)
	if err != nil {
		return "", err
	}
	return formatID(s.KeyID), nil
}

// Check returns the error that Verify would return for any guest: for text that is
// not a signature, or that of a key that is not trusted.
func (keys Keys) Check(text []byte) error {
	_, _, err := keys.read(text)
	return err
}

func (keys Keys) read(text []byte) (*minisign.Signature, *PublicKey, error) {
	if len(text) == 0 {
		return nil, nil, ErrMissing
	}
	s, err := parse(text)
	if err != nil {
		return nil, nil, err
	}
	k := keys.find(s.KeyID)
	if k == nil {
		return nil, nil, fmt.Errorf("expected a signature by a trusted key (%s), found one by the key %s; sign the guest with a trusted key, or add that key to guest.trusted_keys",
			strings.Join(keys.IDs(), ", "), formatID(s.KeyID))
	}
	return s, k, nil
}

// Verify returns who signed a guest. text is the content of the signature's file.
func (keys Keys) Verify(guest, text []byte) (Signed, error) {
	s, k, err := keys.read(text)
	if err != nil {
		return Signed{}, err
	}
	message := guest
	if s.Algorithm == minisign.HashEdDSA {
		hash := blake2b.Sum512(guest)
		message = hash[:]
	}
	signsGuest := ed25519.Verify(k.bytes, message, s.Signature[:])
	signsComment := ed25519.Verify(k.bytes, slices.Concat(s.Signature[:], []byte(s.TrustedComment)), s.CommentSignature[:])
	switch {
	case signsGuest && signsComment:
		return Signed{k.ID(), s.TrustedComment}, nil
	case signsComment:
		return Signed{}, fmt.Errorf("expected the guest that the key %s signed, found one with SHA-256 %x, which was changed since, or is another one; sign it again", k.ID(), sha256.Sum256(guest))
	case signsGuest:
		return Signed{}, fmt.Errorf("expected the trusted comment that the key %s signed, found one that was changed since; sign the guest again", k.ID())
	default:
		return Signed{}, fmt.Errorf("expected a signature made with the key %s, found one that names this key but was made with another one or changed since; sign the guest again", k.ID())
	}
}
