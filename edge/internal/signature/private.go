package signature

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"
	"unicode"

	"aead.dev/minisign"
)

// PrivateKey signs guests.
type PrivateKey struct{ key minisign.PrivateKey }

// Generate makes a key pair. It returns the text of both files: of the private key,
// encrypted unless password is empty, and of the public key. Encryption and
// decryption take seconds and 1 GiB of memory, as with minisign, so that guessing
// the password is expensive.
func Generate(password string) (private, public []byte, err error) {
	pub, key, err := minisign.GenerateKey(nil)
	if err != nil {
		return nil, nil, err
	}
	if password == "" {
		private, err = key.MarshalText()
	} else {
		private, err = minisign.EncryptKey(password, key)
	}
	if err != nil {
		return nil, nil, err
	}
	public, err = pub.MarshalText()
	return append(private, '\n'), append(public, '\n'), err
}

// ErrPassword is the error for a wrong password.
var ErrPassword = errors.New("expected the password of the key, found another one")

// ParsePrivateKey parses the content of a file with a private key. It calls
// password if the key is encrypted.
func ParsePrivateKey(text []byte, password func() (string, error)) (PrivateKey, error) {
	canonical := []byte(strings.Join(splitLines(string(text)), "\n"))
	var k PrivateKey
	if !minisign.IsEncrypted(canonical) {
		if err := k.key.UnmarshalText(canonical); err != nil {
			return PrivateKey{}, fmt.Errorf("expected a minisign private key, found %s", describe(string(text)))
		}
		return k, nil
	}
	secret, err := password()
	if err != nil {
		return PrivateKey{}, err
	}
	if k.key, err = minisign.DecryptKey(secret, canonical); err != nil {
		return PrivateKey{}, ErrPassword
	}
	return k, nil
}

// PublicKey returns the text of the key's public key, one line.
func (k PrivateKey) PublicKey() string {
	return k.key.Public().(minisign.PublicKey).String()
}

// Sign returns the signature of a guest as the text of its file. The trusted comment
// is one line.
func (k PrivateKey) Sign(guest []byte, comment string) ([]byte, error) {
	if len(comment) > MaxSize/2 || strings.ContainsFunc(comment, func(r rune) bool { return r != '\t' && !unicode.IsPrint(r) }) {
		return nil, fmt.Errorf("expected a comment of one line with at most %d bytes, found a longer one or control characters", MaxSize/2)
	}
	message := minisign.NewReader(bytes.NewReader(guest))
	if _, err := io.Copy(io.Discard, message); err != nil {
		return nil, err
	}
	text := message.SignWithComments(k.key, comment, "signature from tenantedge guest sign")
	keys, err := ParseKeys([]string{k.PublicKey()})
	if err != nil {
		return nil, err
	}
	// A key whose halves do not match makes signatures that no key verifies.
	if _, err := keys.Verify(guest, text); err != nil {
		return nil, errors.New("expected an intact private key, found one whose public half does not match; restore it from a copy")
	}
	return text, nil
}
