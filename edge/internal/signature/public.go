package signature

import (
	"crypto/ed25519"
	"encoding/base64"
	"fmt"
	"slices"
	"strings"

	"aead.dev/minisign"
)

// PublicKey verifies signatures.
type PublicKey struct {
	id    uint64
	bytes ed25519.PublicKey
}

// ID returns the key's ID as minisign prints it. IDs are random, and whoever makes
// a key may choose that of another one: they only say which key to try.
func (k PublicKey) ID() string { return formatID(k.id) }

func formatID(id uint64) string { return fmt.Sprintf("%X", id) }

// ParsePublicKey parses a public key: a line such as "RWQ…", or the content of a
// file of minisign, which has a comment in front of that line.
func ParsePublicKey(text string) (PublicKey, error) {
	fail := func(found string) (PublicKey, error) {
		return PublicKey{}, fmt.Errorf("expected a minisign public key, such as the line that begins with RW in minisign.pub, found %s", found)
	}
	lines := splitLines(text)
	if len(lines) == 2 && strings.HasPrefix(lines[0], untrustedPrefix) {
		lines = lines[1:]
	}
	if len(lines) != 1 {
		return fail(fmt.Sprintf("%d lines", len(lines)))
	}
	var key minisign.PublicKey
	if err := key.UnmarshalText([]byte(lines[0])); err != nil {
		return fail(describe(text))
	}
	canonical := key.String()
	if canonical != lines[0] {
		return fail("another spelling of one")
	}
	raw, err := base64.StdEncoding.DecodeString(canonical)
	if err != nil {
		return PublicKey{}, err // unreachable, as it was encoded just now
	}
	k := PublicKey{id: key.ID(), bytes: raw[len(raw)-ed25519.PublicKeySize:]}
	if k.isWeak() {
		return fail("one for which anyone can sign")
	}
	return k, nil
}

// isWeak reports whether the key is one of the few of small order, such as 32 zero
// bytes. The signature of the neutral element and 0, which anyone can make, is
// valid for at least every eighth message, on average.
func (k PublicKey) isWeak() bool {
	anyones := append([]byte{1}, make([]byte, ed25519.SignatureSize-1)...)
	for message := range byte(64) {
		if ed25519.Verify(k.bytes, []byte{message}, anyones) {
			return true
		}
	}
	return false
}

// Keys are trusted public keys with different IDs.
type Keys []PublicKey

// ParseKeys parses public keys. It fails if two of them have the same ID, since a
// signature only names the ID.
func ParseKeys(texts []string) (Keys, error) {
	var keys Keys
	for _, text := range texts {
		k, err := ParsePublicKey(text)
		if err != nil {
			return nil, err
		}
		if keys.find(k.id) != nil {
			return nil, fmt.Errorf("expected keys with different IDs, found %s twice; remove one of the keys", k.ID())
		}
		keys = append(keys, k)
	}
	return keys, nil
}

// IDs returns the IDs of the keys.
func (keys Keys) IDs() []string {
	ids := make([]string, len(keys))
	for i, k := range keys {
		ids[i] = k.ID()
	}
	return ids
}

func (keys Keys) find(id uint64) *PublicKey {
	i := slices.IndexFunc(keys, func(k PublicKey) bool { return k.id == id })
	if i < 0 {
		return nil
	}
	return &keys[i]
}

// splitLines returns the lines of a text, whose lines may end as on Windows, and
// whose last one may lack its end.
func splitLines(text string) []string {
	text = strings.ReplaceAll(text, "\r\n", "\n")
	return strings.Split(strings.TrimSuffix(text, "\n"), "\n")
}

// describe names what a text is that was expected to be another one.
func describe(text string) string {
	lines := splitLines(text)
	commented := len(lines) == 2 && strings.HasPrefix(lines[0], untrustedPrefix)
	switch { // the comments are those that minisign writes
	case strings.TrimSpace(text) == "":
		return "nothing"
	case strings.HasPrefix(text, "\x00asm"):
		return "a Wasm module"
	case strings.HasPrefix(text, "-----BEGIN "):
		return "a PEM file"
	case commented && strings.Contains(lines[0], "secret key"):
		return "a secret key"
	case commented && strings.Contains(lines[0], "public key"):
		return "a public key"
	case len(lines) > 2 && strings.HasPrefix(lines[2], trustedPrefix):
		return "a signature"
	default:
		return "other text"
	}
}
