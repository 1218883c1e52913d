package signature

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"
	"testing"

	"aead.dev/minisign"
)

var guest = []byte("\x00asm\x01\x00\x00\x00 a guest")

// pair makes a key pair without a password.
func pair(t testing.TB) (PrivateKey, PublicKey) {
	t.Helper()
	private, public, err := Generate("")
	if err != nil {
		t.Fatal(err)
	}
	return parsedPair(t, private, public)
}

func parsedPair(t testing.TB, private, public []byte) (PrivateKey, PublicKey) {
	t.Helper()
	k, err := ParsePrivateKey(private, nil)
	if err != nil {
		t.Fatal(err)
	}
	pub, err := ParsePublicKey(string(public))
	if err != nil {
		t.Fatal(err)
	}
	return k, pub
}

func signed(t testing.TB, k PrivateKey, comment string) []byte {
	t.Helper()
	text, err := k.Sign(guest, comment)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// withLine returns text with another line.
func withLine(text []byte, n int, line string) []byte {
	lines := strings.SplitAfter(string(text), "\n")
	lines[n] = line + "\n"
	return []byte(strings.Join(lines, ""))
}

func TestAnErrorNamesTheCauseAndTheRemedy(t *testing.T) {
	k, pub := pair(t)
	other, otherPub := pair(t)
	good := signed(t, k, "build 7")
	twin := k // signs with another key under the same ID
	twin.key = withID(t, other, pub)
	keys := Keys{pub}
	flipped := bytes.Clone(good)
	at := bytes.IndexByte(flipped, '\n') + 60 // within the signature of the guest
	flipped[at] = 'A' + (flipped[at]-'A'+1)%26
	for _, c := range []struct {
		name  string
		guest []byte
		text  []byte
		want  string
	}{
		{"none", guest, nil, "expected a signature, found none"},
		{"white space", guest, []byte(" \n"), "found nothing"},
		{"the guest itself", guest, guest, "found a Wasm module"},
		{"the public key", guest, mustMarshal(t, k.key.Public().(minisign.PublicKey)), "found a public key"},
		{"the private key", guest, mustMarshal(t, k.key), "found a secret key"},
		{"PEM", guest, []byte("-----BEGIN CERTIFICATE-----\n"), "found a PEM file"},
		{"other text", guest, []byte("a\nb\nc\nd\n"), "found other text"},
		{"one line", guest, good[:bytes.IndexByte(good, '\n')+1], "found the first 1 of them"},
		{"three lines", guest, good[:bytes.LastIndexByte(good[:len(good)-1], '\n')+1], "found the first 3 of them"},
		{"half of the last line", guest, good[:len(good)-10], "missing or other characters"},
		{"two signatures", guest, bytes.Repeat(good, 2), "found 8 lines"},
		{"an empty line at the end", guest, append(bytes.Clone(good), '\n'), "found 5 lines"},
		{"too large", guest, withLine(good, 2, trustedPrefix+strings.Repeat("x", MaxSize)), "found more than"},
		{"another spelling of base64", guest, otherSpelling(good), "another spelling of one"},
		{"a carriage return within a line", guest, bytes.Replace(good, []byte("build 7"), []byte("build 7\r\r"), 1), "another spelling of one"},
		{"an unknown algorithm", guest, bytes.Replace(good, []byte("\nRU"), []byte("\nRX"), 1), "invalid algorithm"},
		{"a key that is not trusted", guest, signed(t, other, ""), "expected a signature by a trusted key (" + pub.ID() + "), found one by the key " + otherPub.ID()},
		{"another guest", []byte("another guest"), good, fmt.Sprintf("expected the guest that the key %s signed, found one with SHA-256 %x", pub.ID(), sha256.Sum256([]byte("another guest")))},
		{"a changed trusted comment", guest, bytes.Replace(good, []byte("build 7"), []byte("build 8"), 1), "expected the trusted comment that the key " + pub.ID() + " signed"},
		{"the ID of a trusted key, but another key", guest, signed(t, twin, ""), "names this key but was made with another one"},
		{"a changed signature", guest, flipped, "or changed since"},
	} {
		_, err := keys.Verify(c.guest, c.text)
		if err == nil || !strings.Contains(err.Error(), c.want) || len(err.Error()) > 500 {
			t.Errorf("%s: %v, expected %q", c.name, err, c.want)
		}
	}
}

// withID returns the private key k with the ID of another key.
func withID(t *testing.T, k PrivateKey, of PublicKey) minisign.PrivateKey {
	t.Helper()
	text := mustMarshal(t, k.key)
	head, line, _ := strings.Cut(string(text), "\n")
	raw, err := base64.StdEncoding.DecodeString(line)
	if err != nil {
		t.Fatal(err)
	}
	for i := range 8 {
		raw[54+i] = byte(of.id >> (8 * i))
	}
	var twin minisign.PrivateKey
	if err := twin.UnmarshalText([]byte(head + "\n" + base64.StdEncoding.EncodeToString(raw))); err != nil {
		t.Fatal(err)
	}
	return twin
}

func mustMarshal(t *testing.T, k interface{ MarshalText() ([]byte, error) }) []byte {
	t.Helper()
	text, err := k.MarshalText()
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// otherSpelling changes bits of the last line that base64 does not use.
func otherSpelling(text []byte) []byte {
	changed := bytes.Clone(text)
	at := bytes.LastIndexByte(changed, '=') - 2 // the last character in front of "=="
	const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
	changed[at] = alphabet[strings.IndexByte(alphabet, changed[at])^1]
	return changed
}

func TestASignatureIsVerifiedWithAnyTrustedKey(t *testing.T) {
	first, firstPub := pair(t)
	second, secondPub := pair(t)
	keys := Keys{firstPub, secondPub}
	for _, k := range []PrivateKey{first, second} {
		text := signed(t, k, "a comment")
		for _, spelled := range [][]byte{text, bytes.TrimSuffix(text, []byte("\n")), bytes.ReplaceAll(text, []byte("\n"), []byte("\r\n"))} {
			who, err := keys.Verify(guest, spelled)
			if err != nil || who.Comment != "a comment" || who.KeyID != formatID(k.key.ID()) {
				t.Errorf("%+v, %v", who, err)
			}
		}
	}
	if _, err := (Keys{}).Verify(guest, signed(t, first, "")); err == nil {
		t.Error("a signature is verified without any key")
	}
}

func TestSignRefusesCommentsThatAreNotOneLine(t *testing.T) {
	k, pub := pair(t)
	for _, comment := range []string{"a\nb", "a\r", "\x1b[2J", strings.Repeat("x", MaxSize)} {
		if _, err := k.Sign(guest, comment); err == nil {
			t.Errorf("%.20q was accepted", comment)
		}
	}
	if _, err := (Keys{pub}).Verify(guest, signed(t, k, "timestamp:1\tfile:ä.wasm")); err != nil {
		t.Error(err)
	}
}

func TestKeysAreParsedOrRefusedWithWhatTheyAre(t *testing.T) {
	private, public, err := Generate("")
	if err != nil {
		t.Fatal(err)
	}
	k, pub := parsedPair(t, private, public)
	line := k.PublicKey()
	for _, text := range []string{line, line + "\n", string(public), strings.ReplaceAll(string(public), "\n", "\r\n")} {
		if got, err := ParsePublicKey(text); err != nil || got.ID() != pub.ID() {
			t.Errorf("%q: %v", text, err)
		}
	}
	for text, want := range map[string]string{
		"": "found nothing", "RWQ": "found other text", string(private): "found a secret key", "\x00asm": "found a Wasm module",
		line + "\n" + line: "found 2 lines", line[:20]: "found other text", line[:55] + "\r" + line[55:]: "found another spelling",
		string(signed(t, k, "")): "found 4 lines", "x\n" + line: "found 2 lines",
	} {
		if _, err := ParsePublicKey(text); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, expected %q", text, err, want)
		}
	}
	if _, err := ParseKeys([]string{line, line}); err == nil || !strings.Contains(err.Error(), "found "+pub.ID()+" twice") {
		t.Errorf("one key twice: %v", err)
	}
	for text, want := range map[string]string{"": "found nothing", string(public): "found a public key", string(signed(t, k, "")): "found a signature"} {
		if _, err := ParsePrivateKey([]byte(text), nil); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, expected %q", text, err, want)
		}
	}
	raw, _ := base64.StdEncoding.DecodeString(strings.Split(string(private), "\n")[1])
	raw[62+40] ^= 1 // in the public half
	broken, err := ParsePrivateKey([]byte("untrusted comment: x\n"+base64.StdEncoding.EncodeToString(raw)), nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := broken.Sign(guest, ""); err == nil || !strings.Contains(err.Error(), "restore it") {
		t.Errorf("a broken key: %v", err)
	}
}

func TestKeysForWhichAnyoneCanSignAreRefused(t *testing.T) {
	// The y of the points of small order, in all encodings, with either sign of x.
	for _, y := range []string{
		"0000000000000000000000000000000000000000000000000000000000000000", "0100000000000000000000000000000000000000000000000000000000000000",
		"ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f", "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
		"eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
		"26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05", "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",
	} {
		for _, sign := range []byte{0, 0x80} {
			point, err := hex.DecodeString(y)
			if err != nil {
				t.Fatal(err)
			}
			point[31] |= sign
			text := base64.StdEncoding.EncodeToString(slices.Concat([]byte("Ed12345678"), point))
			if _, err := ParsePublicKey(text); err == nil || !strings.Contains(err.Error(), "anyone can sign") {
				t.Errorf("%x: %v", point, err)
			}
		}
	}
}

// Only the signatures that were made verify, in spellings that minisign accepts.
func FuzzVerify(f *testing.F) {
	k, pub := pair(f)
	good := signed(f, k, "timestamp:1\tfile:guest.wasm\thashed")
	legacy := minisign.SignWithComments(k.key, guest, "legacy", "legacy")
	made := map[[64]byte]bool{}
	for _, text := range [][]byte{good, legacy} {
		s, err := parse(text)
		if err != nil {
			f.Fatal(err)
		}
		made[s.CommentSignature] = true
		f.Add(text)
	}
	f.Add(bytes.ReplaceAll(good, []byte("\n"), []byte("\r\n")))
	f.Add(good[:100])
	f.Add(bytes.Repeat(good, 2))
	f.Add([]byte(k.PublicKey()))
	key := k.key.Public().(minisign.PublicKey)
	f.Fuzz(func(t *testing.T, text []byte) {
		if _, err := (Keys{pub}).Verify(guest, text); err != nil {
			return
		}
		if err := (Keys{pub}).Check(text); err != nil {
			t.Errorf("Check fails with %v", err)
		}
		s, err := parse(text)
		if err != nil || !made[s.CommentSignature] {
			t.Errorf("%q is accepted", text)
		}
		if !minisign.Verify(key, guest, []byte(s.String())) {
			t.Errorf("%q is accepted, but not by minisign", text)
		}
	})
}

func FuzzParseKeys(f *testing.F) {
	private, public, err := Generate("")
	if err != nil {
		f.Fatal(err)
	}
	f.Add(string(private))
	f.Add(string(public))
	f.Add(strings.Split(string(public), "\n")[1])
	f.Fuzz(func(t *testing.T, text string) {
		if k, err := ParsePublicKey(text); err == nil && !strings.Contains(text, base64.StdEncoding.EncodeToString(k.bytes[2:])) {
			t.Errorf("%q is a key", text) // the key is at a multiple of three bytes from its third on
		}
		encrypted := func() (string, error) { return "", ErrPassword } // decryption takes seconds
		if k, err := ParsePrivateKey([]byte(text), encrypted); err == nil {
			_, _ = k.Sign(guest, "") // returns
		}
	})
}
