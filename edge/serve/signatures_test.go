package serve

import (
	"bufio"
	"bytes"
	"encoding/base64"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/tenantedge/tenantedge/edge"
	"github.com/tenantedge/tenantedge/edge/config"
	"github.com/tenantedge/tenantedge/edge/internal/instance"
	"github.com/tenantedge/tenantedge/edge/internal/signature"
)

// signer signs guests with a new key.
type signer struct {
	*testing.T
	key signature.PrivateKey
}

func newSigner(t *testing.T) signer {
	t.Helper()
	private, _, err := signature.Generate("")
	if err != nil {
		t.Fatal(err)
	}
	k, err := signature.ParsePrivateKey(private, nil)
	if err != nil {
		t.Fatal(err)
	}
	return signer{t, k}
}

func (s signer) id() string {
	s.Helper()
	k, err := signature.ParsePublicKey(s.key.PublicKey())
	if err != nil {
		s.Fatal(err)
	}
	return k.ID()
}

func (s signer) sign(guest []byte) []byte {
	s.Helper()
	text, err := s.key.Sign(guest, "build 7")
	if err != nil {
		s.Fatal(err)
	}
	return text
}

func trusting(signers ...signer) config.Guest {
	g := config.Guest{RequireSignature: true}
	for _, s := range signers {
		g.TrustedKeys = append(g.TrustedKeys, s.key.PublicKey())
	}
	return g
}

func TestG11OnlySignedGuestsAreSwappedInByRequests(t *testing.T) {
	ours, theirs := newSigner(t), newSigner(t)
	var trust config.Guest
	w := start(t, func(s *setup) {
		trust = trusting(ours)
		s.options.Trust, s.options.AdminTokens, s.edge.Guest = trust, operator("secret"), numbered(0)
	})
	next := numbered(1)
	good := ours.sign(next)
	encoded := base64.StdEncoding.EncodeToString
	put := func(guest []byte, signatures ...string) answer {
		r, err := http.NewRequest(http.MethodPut, "http://"+w.server.AdminAddr().String()+"/guest", bytes.NewReader(guest))
		if err != nil {
			t.Fatal(err)
		}
		r.Header["Authorization"], r.Header[signatureHeader] = []string{"Bearer secret"}, signatures
		return w.do(r)
	}
	for _, c := range []struct {
		name       string
		guest      []byte
		signatures []string
		status     int
		want       string
	}{
		{"no signature", next, nil, 422, "expected a signature, found none; sign the guest"},
		{"an empty header", next, []string{""}, 400, "in base64"},
		{"not base64", next, []string{"mini sign"}, 400, "encode it with `base64 -w0`"},
		{"base64 with another ending", next, []string{strings.TrimRight(encoded(append(good, '\n', '\n')), "=") + "A"}, 400, "in base64"},
		{"two headers", next, []string{encoded(good), encoded(good)}, 400, "expected one header"},
		{"two signatures in one header", next, []string{encoded(bytes.Repeat(good, 2))}, 422, "found 8 lines"},
		{"a truncated signature", next, []string{encoded(good[:len(good)-20])}, 422, "expected a minisign signature"},
		{"a truncated guest", next[:len(next)-1], []string{encoded(good)}, 422, "expected the guest that the key " + ours.id() + " signed"},
		{"another guest", numbered(2), []string{encoded(good)}, 422, instance.Digest(numbered(2))},
		{"an empty guest", nil, []string{encoded(good)}, 422, "expected the guest that the key"},
		{"not a guest, but signed", []byte("hello"), []string{encoded(ours.sign([]byte("hello")))}, 422, "WebAssembly"},
		{"the key of someone else", next, []string{encoded(theirs.sign(next))}, 422, "found one by the key " + theirs.id()},
		{"a changed comment", next, []string{encoded(bytes.Replace(good, []byte("build 7"), []byte("build 8"), 1))}, 422, "expected the trusted comment"},
	} {
		a := put(c.guest, c.signatures...)
		if a.StatusCode != c.status || !strings.Contains(a.body, c.want) {
			t.Errorf("%s: %d %s, expected %d with %q", c.name, a.StatusCode, a.body, c.status, c.want)
		}
		if w.server.now().host.GuestDigest() != instance.Digest(numbered(0)) {
			t.Fatalf("%s: the guest was swapped in", c.name)
		}
	}
	if n := w.server.now().signatures.refused.Load(); n < 8 {
		t.Errorf("%d refused signatures were counted", n)
	}
	if a := put(next, encoded(bytes.ReplaceAll(good, []byte("\n"), []byte("\r\n")))); a.StatusCode != 200 || w.server.now().host.GuestDigest() != instance.Digest(next) {
		t.Errorf("a signed guest: %d %s", a.StatusCode, a.body)
	}
}

// zeros is an endless body.
type zeros struct{}

func (zeros) Read(p []byte) (int, error) { clear(p); return len(p), nil }

func TestG11AGuestOfAGigabyteIsRefusedWithBoundedMemory(t *testing.T) {
	ours := newSigner(t)
	w := start(t, func(s *setup) { s.options.Trust, s.options.AdminTokens = trusting(ours), operator("secret") })
	signed := signatureHeader + ": " + base64.StdEncoding.EncodeToString(ours.sign(numbered(1))) + "\r\n"
	const announced, chunked = "Content-Length: 1073741824\r\n\r\n", "Transfer-Encoding: chunked\r\n\r\n40000000\r\n"
	for _, c := range []struct {
		name, header string
		status       int
		memory       uint64 // bytes that may be allocated in total
	}{
		{"with a signature", signed + announced, 413, 8 << 20},
		// io.ReadAll copies what it has read so far when its buffer grows.
		{"with a signature, in one chunk", signed + chunked, 413, 8 * maxGuestBytes},
		{"without a signature", announced, 422, 8 << 20},
		{"without a signature, in one chunk", chunked, 422, 8 << 20},
	} {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		conn, err := net.Dial("tcp", w.server.AdminAddr().String())
		if err != nil {
			t.Fatal(err)
		}
		_ = conn.SetDeadline(time.Now().Add(patience))
		head := "PUT /guest HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer secret\r\n" + c.header
		if _, err := io.WriteString(conn, head); err != nil {
			t.Fatal(err)
		}
		sent := make(chan struct{})
		go func() {
			defer close(sent)
			_, _ = io.CopyN(conn, zeros{}, 1<<30) // the edge closes the connection
		}()
		if got := status(t, bufio.NewReader(conn)); got != c.status {
			t.Errorf("%s: %d, expected %d", c.name, got, c.status)
		}
		conn.Close()
		<-sent
		runtime.ReadMemStats(&after)
		if used := after.TotalAlloc - before.TotalAlloc; used > c.memory {
			t.Errorf("%s: %d bytes were allocated, expected at most %d", c.name, used, c.memory)
		}
	}
}

func TestG11TheSignatureOfTheGuestFileIsVerified(t *testing.T) {
	ours := newSigner(t)
	path := filepath.Join(t.TempDir(), "guest.wasm")
	put(t, path, numbered(0))
	put(t, path+".minisig", ours.sign(numbered(0)))
	w := start(t, func(s *setup) {
		s.options.GuestFile, s.options.Signature, s.options.Trust = path, path+".minisig", trusting(ours)
	})
	g := w.server.now().guestFile
	runs := func(n byte) func() bool {
		return func() bool { return w.server.now().host.GuestDigest() == instance.Digest(numbered(n)) }
	}
	const refusal = "the guest file is missing or refused; the current guest keeps running"

	put(t, path+".minisig", ours.sign(numbered(1))) // the first step of a deployment
	if g.stale() {
		t.Error("a new signature disturbs the guest that runs")
	}
	put(t, path, numbered(1))
	w.eventually("the signed guest", runs(1))
	if l := w.logs.entries(refusal); len(l) != 0 {
		t.Errorf("the log has %v", l)
	}

	put(t, path, numbered(2)) // in the wrong order
	w.eventually("the refusal", func() bool { return len(w.logs.entries(refusal)) == 1 })
	if !runs(1)() || g.degraded() == "" {
		t.Errorf("it runs %s and is degraded: %q", w.server.now().host.GuestDigest(), g.degraded())
	}
	put(t, path+".minisig", ours.sign(numbered(2)))
	w.eventually("the guest, after its signature", runs(2))

	if err := os.Remove(path + ".minisig"); err != nil {
		t.Fatal(err)
	}
	if g.stale() {
		t.Error("removing the signature disturbs the guest that runs")
	}
	w.server.ReloadGuest(t.Context())
	if l := w.logs.entries("cannot reload the guest file: it is missing or refused; the current guest keeps running"); len(l) != 1 || !runs(2)() {
		t.Errorf("the log has %v", l)
	}
	put(t, path+".minisig", ours.sign(numbered(2)))
	w.eventually("the guest of the file again", func() bool { return g.degraded() == "" })
}

func TestG11SignatureFilesThatAreNoneAreRefused(t *testing.T) {
	ours := newSigner(t)
	folder := t.TempDir()
	path := filepath.Join(folder, "guest.wasm")
	put(t, path, numbered(0))
	good := ours.sign(numbered(0))
	put(t, filepath.Join(folder, "good"), good)
	for _, c := range []struct {
		name string
		make func(path string) error
		want string // empty: it is accepted
	}{
		{"missing", func(string) error { return nil }, "expected a signature, found none"},
		{"empty", func(p string) error { return os.WriteFile(p, nil, 0o600) }, "expected a signature, found none"},
		{"a folder", func(p string) error { return os.Mkdir(p, 0o700) }, "a folder"},
		{"a gigabyte", func(p string) error {
			return errors.Join(os.WriteFile(p, good, 0o600), os.Truncate(p, 1<<30))
		}, "found more than"},
		{"two signatures", func(p string) error { return os.WriteFile(p, bytes.Repeat(good, 2), 0o600) }, "found 8 lines"},
		{"the public key", func(p string) error { return os.WriteFile(p, []byte(ours.key.PublicKey()), 0o600) }, "found other text"},
		{"a link to itself", func(p string) error { return os.Symlink(p, p) }, "the signature"},
		{"a link to a signature", func(p string) error { return os.Symlink("good", p) }, ""},
		{"lines of Windows", func(p string) error {
			return os.WriteFile(p, bytes.ReplaceAll(good, []byte("\n"), []byte("\r\n")), 0o600)
		}, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			file := &config.File{Guest: trusting(ours)}
			file.Guest.Path, file.Guest.Signature = path, filepath.Join(folder, "of "+c.name)
			if err := c.make(file.Guest.Signature); err != nil {
				t.Fatal(err)
			}
			guest, _, err := ReadGuest(t.Context(), file)
			if c.want == "" {
				if err != nil || !bytes.Equal(guest, numbered(0)) {
					t.Errorf("got %d bytes, %v", len(guest), err)
				}
				return
			}
			if err == nil || guest != nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("got %d bytes, %v", len(guest), err)
			}
		})
	}
}

func TestG11TheLastGoodGuestIsVerifiedToo(t *testing.T) {
	ours, removed := newSigner(t), newSigner(t)
	for _, c := range []struct {
		name  string
		saved byte
		by    *signer
		want  string // in the error; empty: it serves
	}{
		{"signed", 1, &ours, ""},
		{"signed, and the same guest as in the file", 0, &ours, ""},
		{"signed by a key that was removed since", 1, &removed, "the last good guest: expected a signature by a trusted key"},
		{"saved when no signature was needed", 1, nil, "the last good guest: expected a signature, found none"},
	} {
		t.Run(c.name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "guest.wasm")
			put(t, path, numbered(0)) // which has no signature
			saved := lastGoodGuest{path: path + ".last-good"}
			guest := signedGuest{wasm: numbered(c.saved)}
			if c.by != nil {
				guest.signature = c.by.sign(guest.wasm)
			}
			if err := saved.save(guest); err != nil {
				t.Fatal(err)
			}
			s := prepared(t, settings{GuestFile: path, Signature: path + ".minisig", LastGood: saved.path, Trust: trusting(ours)}, io.Discard)
			host, err := s.newHost(t.Context(), edge.Config{CompileCache: compiled})
			if c.want != "" {
				if err == nil || !strings.Contains(err.Error(), c.want) {
					t.Errorf("got %v", err)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if host.GuestDigest() != instance.Digest(guest.wasm) {
				t.Errorf("it runs %s", host.GuestDigest())
			}
			if err := host.Close(); err != nil {
				t.Error(err)
			}
		})
	}
}

// The signature in the file may be that of a new key for the same guest.
func TestANewSignatureOfTheLastGoodGuestIsSaved(t *testing.T) {
	first, second := newSigner(t), newSigner(t)
	g := lastGoodGuest{path: filepath.Join(t.TempDir(), "guest")}
	for _, s := range []signer{first, second, second} {
		text := s.sign(numbered(0))
		if err := g.save(signedGuest{wasm: numbered(0), signature: text}); err != nil {
			t.Fatal(err)
		}
		if saved, err := g.load(); err != nil || !bytes.Equal(saved.signature, text) || !bytes.Equal(saved.wasm, numbered(0)) {
			t.Errorf("loaded %q, %v", saved.signature, err)
		}
	}
}

func TestAGuestWithoutASignatureIsAcceptedWithAWarningWhereAllowed(t *testing.T) {
	ours, theirs := newSigner(t), newSigner(t)
	trust := trusting(ours)
	trust.RequireSignature = false
	logs := &lines{}
	v, err := newSignatures(trust, slog.New(slog.NewJSONHandler(logs, nil)), new(atomic.Uint64))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := v.verify(numbered(0), nil); err != nil || v.check(nil) != nil || len(logs.entries("a guest without a signature is accepted, because guest.require_signature is false")) != 1 {
		t.Errorf("%v; the log is %s", err, logs)
	}
	if g, err := v.verify(numbered(0), ours.sign(numbered(0))); err != nil || g.keyID != ours.id() {
		t.Errorf("%+v, %v", g, err)
	}
	for _, text := range [][]byte{theirs.sign(numbered(0)), ours.sign(numbered(1)), []byte("x")} {
		if _, err := v.verify(numbered(0), text); err == nil {
			t.Errorf("%q is accepted", text)
		}
	}
}

func FuzzLastGoodGuest(f *testing.F) {
	path := filepath.Join(f.TempDir(), "guest")
	g := lastGoodGuest{path: path}
	if err := g.save(signedGuest{wasm: []byte("wasm"), signature: []byte("signature")}); err != nil {
		f.Fatal(err)
	}
	saved, err := os.ReadFile(path)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(saved)
	f.Add(saved[:36])
	f.Add(saved[:40])
	f.Fuzz(func(t *testing.T, data []byte) {
		guest, err := decodeLastGood(data)
		if err == nil && lastGoodHead+len(guest.signature)+len(guest.wasm) != len(data) {
			t.Errorf("%d and %d bytes of %d", len(guest.signature), len(guest.wasm), len(data))
		}
	})
}
