package redis

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"io"
	"time"
)

// A Fernet token (https://github.com/fernet/spec) is the URL-safe base64 of:
// version 0x80, time, IV, the text in AES-128-CBC with PKCS #7 padding, and the
// HMAC-SHA256 of everything before.

var errFernet = errors.New("expected a message that one of the keys decrypts and that has not expired")

// fernetKey is a key for signing and encryption.
type fernetKey struct {
	sign  [16]byte
	block cipher.Block
}

// newFernetKey derives a key from a secret as channels_redis does.
func newFernetKey(secret string) (k fernetKey, err error) {
	sum := sha256.Sum256([]byte(secret))
	copy(k.sign[:], sum[:16])
	k.block, err = aes.NewCipher(sum[16:])
	return k, err
}

const fernetHead = 1 + 8 + aes.BlockSize

func (k fernetKey) encrypt(plain []byte, random io.Reader, now time.Time) ([]byte, error) {
	padding := aes.BlockSize - len(plain)%aes.BlockSize
	token := make([]byte, fernetHead, fernetHead+len(plain)+padding+sha256.Size)
	token[0] = 0x80
	binary.BigEndian.PutUint64(token[1:], uint64(now.Unix()))
	if _, err := io.ReadFull(random, token[9:fernetHead]); err != nil {
		return nil, err
	}
	token = append(append(token, plain...), bytes.Repeat([]byte{byte(padding)}, padding)...)
	cipher.NewCBCEncrypter(k.block, token[9:fernetHead]).CryptBlocks(token[fernetHead:], token[fernetHead:])
	return base64.URLEncoding.AppendEncode(nil, k.seal(token, token)), nil
}

func (k fernetKey) seal(b, signed []byte) []byte {
	mac := hmac.New(sha256.New, k.sign[:])
	mac.Write(signed)
	return mac.Sum(b)
}

// decrypt returns the text of a token. With a maxAge, the token may not be older,
// nor be from more than a minute in the future.
func (k fernetKey) decrypt(text []byte, maxAge time.Duration, now time.Time) ([]byte, error) {
	token, err := base64.URLEncoding.AppendDecode(nil, text)
	end := len(token) - sha256.Size
	if err != nil || end < fernetHead+aes.BlockSize || (end-fernetHead)%aes.BlockSize != 0 || token[0] != 0x80 {
		return nil, errFernet
	}
	if !hmac.Equal(k.seal(nil, token[:end]), token[end:]) {
		return nil, errFernet
	}
	made := int64(binary.BigEndian.Uint64(token[1:]))
	if maxAge > 0 && (made+int64(maxAge/time.Second) < now.Unix() || made > now.Unix()+60) {
		return nil, errFernet
	}
	plain := token[fernetHead:end]
	cipher.NewCBCDecrypter(k.block, token[9:fernetHead]).CryptBlocks(plain, plain)
	padding := int(plain[len(plain)-1])
	if padding < 1 || padding > aes.BlockSize || !bytes.Equal(plain[len(plain)-padding:], bytes.Repeat([]byte{byte(padding)}, padding)) {
		return nil, errFernet
	}
	return plain[:len(plain)-padding], nil
}
