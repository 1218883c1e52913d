//go:build unix

package artifact

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
	"oras.land/oras-go/v2"
	"oras.land/oras-go/v2/content/file"
	"oras.land/oras-go/v2/registry/remote"

	"github.com/tenantedge/tenantedge/edge/internal/artifact/registrytest"
	"github.com/tenantedge/tenantedge/edge/internal/instance"
)

var (
	module = []byte("\x00asm\x01\x00\x00\x00, of which a registry knows nothing")
	signed = []byte("untrusted comment: a\nbase64\ntrusted comment: b\nbase64\n")
	made   = time.Date(2026, 5, 4, 3, 2, 1, 0, time.UTC)
)

func parsed(t *testing.T, text string) Reference {
	t.Helper()
	r, err := Parse(text)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func pushed(t *testing.T, r Reference, g Guest, o Options) string {
	t.Helper()
	digest, err := Push(t.Context(), r, g, o)
	if err != nil {
		t.Fatal(err)
	}
	return digest
}

func TestAGuestThatWasPushedIsPulled(t *testing.T) {
	registry := registrytest.Start(t, registrytest.Config{})
	r := parsed(t, registry.Reference("guests/router:v1"))
	want := Guest{Wasm: module, Signature: signed, Created: made}
	want.Digest = pushed(t, r, want, Options{})
	if again := pushed(t, r, want, Options{}); again != want.Digest {
		t.Errorf("a repeated push made %s of %s", again, want.Digest)
	}
	pushed(t, parsed(t, registry.Reference("guests/router:unsigned")), Guest{Wasm: module[:8], Created: made}, Options{})
	for _, r := range []Reference{r, r.WithDigest(want.Digest)} {
		got, err := Pull(t.Context(), r, Options{})
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(got.Wasm, want.Wasm) || !bytes.Equal(got.Signature, want.Signature) || !got.Created.Equal(made) || got.Digest != want.Digest {
			t.Errorf("%s: pulled %+v", r, got)
		}
	}
	entries, err := List(t.Context(), r, Options{})
	if err != nil || len(entries) != 2 {
		t.Fatal(entries, err)
	}
	if e := entries[0]; e.Tag != "unsigned" || e.Signature != nil || e.Size != 8 || e.Err != nil {
		t.Errorf("listed %+v", e)
	}
	e := entries[1]
	if e.Tag != "v1" || e.Digest != want.Digest || e.Guest != "sha256:"+instance.Digest(module) || !e.Created.Equal(made) || !bytes.Equal(e.Signature, signed) || e.Err != nil {
		t.Errorf("listed %+v", e)
	}
}

// TestOtherToolsReadAndWriteGuests uses oras-go as the command oras does.
func TestOtherToolsReadAndWriteGuests(t *testing.T) {
	registry := registrytest.Start(t, registrytest.Config{})
	repository, err := remote.NewRepository(registry.Host() + "/guests/router")
	if err != nil {
		t.Fatal(err)
	}
	repository.PlainHTTP = true
	ours := pushed(t, parsed(t, registry.Reference("guests/router:ours")), Guest{Wasm: module, Signature: signed}, Options{})

	folder := t.TempDir()
	store, err := file.New(folder)
	if err != nil {
		t.Fatal(err)
	}
	defer store.Close()
	if _, err := oras.Copy(t.Context(), repository, ours, store, "", oras.DefaultCopyOptions); err != nil {
		t.Fatal(err)
	}
	if got, err := os.ReadFile(filepath.Join(folder, "guest.wasm")); err != nil || !bytes.Equal(got, module) {
		t.Errorf("oras pull writes %q, %v", got, err)
	}

	if err := os.WriteFile(filepath.Join(folder, "theirs.wasm"), module, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(folder, "config.json"), []byte(`{}`), 0o600); err != nil {
		t.Fatal(err)
	}
	layer, err := store.Add(t.Context(), "theirs.wasm", "application/wasm", "")
	if err != nil {
		t.Fatal(err)
	}
	config, err := store.Add(t.Context(), "config.json", "application/vnd.wasm.config.v0+json", "")
	if err != nil {
		t.Fatal(err)
	}
	manifest, err := oras.PackManifest(t.Context(), store, oras.PackManifestVersion1_1, "", oras.PackManifestOptions{
		Layers: []ocispec.Descriptor{layer}, ConfigDescriptor: &config,
		ManifestAnnotations: map[string]string{SignatureAnnotation: string(signed), ocispec.AnnotationCreated: "2026-05-04T03:02:01Z"},
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := store.Tag(t.Context(), manifest, "theirs"); err != nil {
		t.Fatal(err)
	}
	if _, err := oras.Copy(t.Context(), store, "theirs", repository, "theirs", oras.DefaultCopyOptions); err != nil {
		t.Fatal(err)
	}
	got, err := Pull(t.Context(), parsed(t, registry.Reference("guests/router:theirs")), Options{})
	if err != nil || !bytes.Equal(got.Wasm, module) || !bytes.Equal(got.Signature, signed) || !got.Created.Equal(made) {
		t.Errorf("pulled %+v, %v", got, err)
	}
}

func TestARegistryWithAnAuthorityAndCredentials(t *testing.T) {
	registry := registrytest.Start(t, registrytest.Config{TLS: true, User: "ci", Password: "secret"})
	r := parsed(t, registry.Reference("router:v1"))
	login := Options{CAFile: registry.CAFile(), Credentials: registry.Login(t)}
	pushed(t, r, Guest{Wasm: module}, login)
	for _, c := range []struct {
		name    string
		options Options
		want    string
	}{
		{"the credentials", login, ""},
		{"none", Options{CAFile: registry.CAFile(), Credentials: filepath.Join(t.TempDir(), "missing")}, "docker login " + registry.Host()},
		{"other ones", Options{CAFile: registry.CAFile(), Credentials: registry.LoginAs(t, "ci", "other")}, "status code 401"},
		{"no authority", Options{CAFile: otherAuthority(t)}, "guest.registry.ca_file"},
		{"plain HTTP", Options{}, "400"},
		{"a missing file", Options{CAFile: "missing.pem"}, "missing.pem"},
		{"a file without certificates", Options{CAFile: "doc.go"}, "expected PEM certificates"},
	} {
		t.Run(c.name, func(t *testing.T) {
			if c.options.Credentials == "" {
				c.options.Credentials = login.Credentials
			}
			g, err := Pull(t.Context(), r, c.options)
			if c.want == "" && (err != nil || !bytes.Equal(g.Wasm, module)) || c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)) {
				t.Errorf("got %v, expected %q", err, c.want)
			}
			if err != nil && strings.Contains(err.Error(), "secret") {
				t.Errorf("a secret is in the error %v", err)
			}
			if _, pushErr := Push(t.Context(), r, Guest{Wasm: module}, c.options); (err == nil) != (pushErr == nil) {
				t.Errorf("pulling: %v; pushing: %v", err, pushErr)
			}
		})
	}
	t.Run("in DOCKER_CONFIG", func(t *testing.T) {
		t.Setenv("DOCKER_CONFIG", filepath.Dir(login.Credentials))
		if _, err := Pull(t.Context(), r, Options{CAFile: registry.CAFile()}); err != nil {
			t.Error(err)
		}
	})
	t.Run("without a home", func(t *testing.T) {
		t.Setenv("DOCKER_CONFIG", "")
		t.Setenv("HOME", "")
		if _, err := Pull(t.Context(), r, Options{CAFile: registry.CAFile()}); err == nil || !strings.Contains(err.Error(), "log in") {
			t.Error(err)
		}
	})
}

func otherAuthority(t *testing.T) string {
	return registrytest.Start(t, registrytest.Config{TLS: true}).CAFile()
}

func TestWhatTheRegistryDoesNotHave(t *testing.T) {
	registry := registrytest.Start(t, registrytest.Config{})
	v1 := parsed(t, registry.Reference("router:v1"))
	digest := pushed(t, v1, Guest{Wasm: module, Created: made}, Options{})
	other := digest[:len(digest)-1] + map[bool]string{true: "1", false: "0"}[strings.HasSuffix(digest, "0")]
	for _, r := range []Reference{parsed(t, registry.Reference("router:v2")), parsed(t, registry.Reference("other:v1")), v1.WithDigest(other)} {
		if _, err := Pull(t.Context(), r, Options{}); !errors.Is(err, ErrNotFound) || !strings.Contains(err.Error(), r.String()) {
			t.Errorf("%s: %v", r, err)
		}
	}
	if _, err := List(t.Context(), parsed(t, registry.Reference("other")), Options{}); err == nil || !strings.Contains(err.Error(), "push the guest") {
		t.Error(err)
	}
	if _, err := Pull(t.Context(), parsed(t, registry.Reference("router")), Options{}); err == nil || !strings.Contains(err.Error(), "expected a tag or a digest") {
		t.Error(err)
	}
	for _, r := range []Reference{v1.WithDigest(digest), {Registry: v1.Registry, Repository: v1.Repository}} {
		if _, err := Push(t.Context(), r, Guest{Wasm: module}, Options{}); err == nil || !strings.Contains(err.Error(), "expected a tag") {
			t.Error(err)
		}
	}
	registry.Kill(t)
	var failure *Error
	if _, err := Pull(t.Context(), v1, Options{}); !errors.Is(err, syscall.ECONNREFUSED) || !errors.As(err, &failure) || failure.Reference != v1 {
		t.Errorf("a registry that is down: %v", err)
	}
	registry.Restart(t)
	if g, err := Pull(t.Context(), v1, Options{}); err != nil || !bytes.Equal(g.Wasm, module) {
		t.Errorf("%v", err)
	}
}

// TestContentThatWasChangedIsRefused changes the files of the registry.
func TestContentThatWasChangedIsRefused(t *testing.T) {
	registry := registrytest.Start(t, registrytest.Config{})
	r := parsed(t, registry.Reference("router:v1"))
	manifest := pushed(t, r, Guest{Wasm: module, Signature: signed, Created: made}, Options{})
	var m ocispec.Manifest
	text, err := os.ReadFile(registry.Blob(manifest))
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(text, &m); err != nil {
		t.Fatal(err)
	}
	layer, config := m.Layers[0].Digest.String(), m.Config.Digest.String()
	for _, c := range []struct {
		name, digest, want string
		change             func([]byte) []byte
	}{
		{"a byte of the layer", layer, "changed in the registry", func(b []byte) []byte { b[9] ^= 1; return b }},
		{"a truncated layer", layer, "", func(b []byte) []byte { return b[:9] }},
		{"a longer layer", layer, "", func(b []byte) []byte { return append(b, 0) }},
		{"an empty layer", layer, "", func([]byte) []byte { return nil }},
		{"a byte of the config", config, "the config", func(b []byte) []byte { return bytes.Replace(b, []byte("wasm"), []byte("WASM"), 1) }},
		{"a signature in the manifest", manifest, "", func(b []byte) []byte { return bytes.Replace(b, []byte("base64"), []byte("BASE64"), 1) }},
		{"a truncated manifest", manifest, "", func(b []byte) []byte { return b[:40] }},
	} {
		t.Run(c.name, func(t *testing.T) {
			path := registry.Blob(c.digest)
			before, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(path, c.change(bytes.Clone(before)), 0o644); err != nil {
				t.Fatal(err)
			}
			for _, r := range []Reference{r, r.WithDigest(manifest)} {
				_, err = Pull(t.Context(), r, Options{})
				if err == nil || !strings.Contains(err.Error(), c.want) {
					t.Errorf("%s: got %v, expected %q", r, err, c.want)
				}
				t.Log(err)
			}
			if err := os.WriteFile(path, before, 0o644); err != nil {
				t.Fatal(err)
			}
		})
	}
	if _, err := Pull(t.Context(), r, Options{}); err != nil {
		t.Error(err)
	}
}

func TestATransferEndsWithItsContext(t *testing.T) {
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(fmt.Errorf("the edge shuts down"))
	r := Reference{Registry: "127.0.0.1:1", Repository: "a", Tag: "b"}
	if _, err := Pull(ctx, r, Options{}); err == nil || !strings.Contains(err.Error(), "the edge shuts down") {
		t.Error(err)
	}
	if _, err := List(ctx, r, Options{}); err == nil {
		t.Error("listed")
	}
}

func TestTooMuchIsNotPushed(t *testing.T) {
	r := Reference{Registry: "127.0.0.1:1", Repository: "a", Tag: "b"}
	if _, err := Push(t.Context(), r, Guest{Wasm: make([]byte, instance.MaxModule+1)}, Options{}); !errors.Is(err, instance.ErrModuleSize) {
		t.Error(err)
	}
	if _, err := Push(t.Context(), r, Guest{Signature: make([]byte, 13<<10)}, Options{}); err == nil || !strings.Contains(err.Error(), "signature") {
		t.Error(err)
	}
}
