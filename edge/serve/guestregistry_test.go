//go:build unix

package serve

import (
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/tenantedge/tenantedge/edge"
	"github.com/tenantedge/tenantedge/edge/config"
	"github.com/tenantedge/tenantedge/edge/internal/artifact"
	"github.com/tenantedge/tenantedge/edge/internal/artifact/registrytest"
	"github.com/tenantedge/tenantedge/edge/internal/instance"
)

// pushed stores a guest in a registry and returns the reference with its digest.
func pushed(t *testing.T, r *registrytest.Registry, name string, g artifact.Guest, o artifact.Options) string {
	t.Helper()
	ref, err := artifact.Parse(r.Reference(name))
	if err != nil {
		t.Fatal(err)
	}
	digest, err := artifact.Push(t.Context(), ref, g, o)
	if err != nil {
		t.Fatal(err)
	}
	return ref.WithDigest(digest).String()
}

func TestG11AGuestOfARegistrySurvivesItsOutages(t *testing.T) {
	ours := newSigner(t)
	registry := registrytest.Start(t, registrytest.Config{TLS: true, User: "edge", Password: "secret"})
	login := registry.Login(t)
	t.Setenv("DOCKER_CONFIG", filepath.Dir(login))
	push := func(n byte) string {
		return pushed(t, registry, fmt.Sprintf("guests/router:v%d", n), artifact.Guest{Wasm: numbered(n), Signature: ours.sign(numbered(n))}, artifact.Options{CAFile: registry.CAFile()})
	}
	trust := trusting(ours)
	trust.Registry.CAFile = registry.CAFile()
	cache := t.TempDir()
	with := func(reference string) func(*setup) {
		return func(s *setup) {
			c := trust
			c.Path = reference
			s.options.GuestFile, s.options.Trust, s.options.LastGood = reference, trust, lastGoodPath(c, cache)
			s.options.Registry = registryFor(t, c)
		}
	}
	first, second := push(0), push(1)

	w := start(t, with(first))
	runs := func(n byte) func() bool {
		return func() bool { return w.server.now().host.GuestDigest() == instance.Digest(numbered(n)) }
	}
	if g := w.server.now().guestFile; !runs(0)() || g.degraded() != "" || g.stale() {
		t.Errorf("it runs %s: %s", w.server.now().host.GuestDigest(), g.degraded())
	}
	registry.Kill(t)
	w.server.ReloadGuest(t.Context())
	if l := w.logs.entries("cannot reload the guest's artifact: it is missing or refused; the current guest keeps running"); len(l) != 1 || !runs(0)() || w.server.now().guestFile.degraded() == "" {
		t.Errorf("the log has %v", l)
	}
	if err := w.server.SyncGuest(t.Context()); err == nil || !strings.Contains(err.Error(), "connection refused") {
		t.Errorf("SyncGuest: %v", err)
	}
	registry.Restart(t)
	w.eventually("the registry", func() bool { return w.server.now().guestFile.degraded() == "" })
	if err := w.server.SyncGuest(t.Context()); err != nil {
		t.Error(err)
	}
	w.server.ReloadGuest(t.Context())
	if l := w.logs.entries("the guest's artifact was reloaded; its guest was already running"); len(l) != 1 {
		t.Errorf("the log has %v", l)
	}
	if err := w.server.Close(); err != nil {
		t.Fatal(err)
	}

	registry.Kill(t)
	w = start(t, with(second)) // with the last good guest, which is the first
	if l := w.logs.entries("the guest's artifact is missing or refused; the last good guest is used"); len(l) != 1 || !runs(0)() {
		t.Errorf("the log has %v", l)
	}
	registry.Restart(t)
	w.eventually("the second guest", runs(1))
	w.eventually("its message", func() bool {
		return len(w.logs.entries("the guest's artifact was pulled; its guest is now running")) == 1
	})
	if w.server.now().guestFile.degraded() != "" {
		t.Error(w.server.now().guestFile.degraded())
	}
}

func registryFor(t *testing.T, c config.Guest) *guestRegistry {
	t.Helper()
	r, err := newGuestRegistry(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// newHostOf makes the Host of a guest.path, and closes it.
func newHostOf(t *testing.T, reference string, trust config.Guest, lastGood string) (runs, degraded string, err error) {
	t.Helper()
	trust.Path = reference
	s := prepared(t, settings{GuestFile: reference, LastGood: lastGood, Trust: trust, Registry: registryFor(t, trust)}, io.Discard)
	host, err := s.newHost(t.Context(), edge.Config{CompileCache: compiled})
	if err != nil {
		return "", "", err
	}
	defer func() {
		if err := host.Close(); err != nil {
			t.Error(err)
		}
	}()
	return host.GuestDigest(), s.guestFile.degraded(), nil
}

func TestG11WhatARegistryHasIsVerified(t *testing.T) {
	ours, other := newSigner(t), newSigner(t)
	registry := registrytest.Start(t, registrytest.Config{})
	signed := pushed(t, registry, "router:signed", artifact.Guest{Wasm: numbered(0), Signature: ours.sign(numbered(0))}, artifact.Options{})
	tampered := pushed(t, registry, "router:tampered", artifact.Guest{Wasm: numbered(1), Signature: ours.sign(numbered(1))}, artifact.Options{})
	blob := registry.Blob("sha256:" + instance.Digest(numbered(1)))
	if err := os.WriteFile(blob, numbered(2), 0o644); err != nil {
		t.Fatal(err)
	}
	saved := lastGoodGuest{path: filepath.Join(t.TempDir(), "guest")}
	if err := saved.save(signedGuest{wasm: numbered(9), signature: ours.sign(numbered(9))}); err != nil {
		t.Fatal(err)
	}
	end := len(signed) - 1
	for _, c := range []struct{ name, reference, want string }{
		{"signed", signed, ""},
		{"another digest", signed[:end] + map[bool]string{true: "1", false: "0"}[signed[end] == '0'], "not found"},
		{"a blob that was changed", tampered, "changed in the registry"},
		{"unsigned", pushed(t, registry, "router:unsigned", artifact.Guest{Wasm: numbered(3)}, artifact.Options{}), "expected a signature, found none"},
		{"signed by others", pushed(t, registry, "router:others", artifact.Guest{Wasm: numbered(4), Signature: other.sign(numbered(4))}, artifact.Options{}), "expected a signature by a trusted key"},
		{"the signature of another guest", pushed(t, registry, "router:another", artifact.Guest{Wasm: numbered(5), Signature: ours.sign(numbered(6))}, artifact.Options{}), "expected the guest that the key"},
		{"a registry that is down", "oci://127.0.0.1:1/router@sha256:" + strings.Repeat("0", 64), "connection refused"},
	} {
		t.Run(c.name, func(t *testing.T) {
			file := &config.File{Guest: trusting(ours)}
			file.Guest.Path = c.reference
			guest, signedBy, readErr := ReadGuest(t.Context(), file)
			runs, degraded, err := newHostOf(t, c.reference, trusting(ours), "")
			if c.want == "" {
				if err != nil || readErr != nil || signedBy == "" || runs != instance.Digest(guest) || degraded != "" {
					t.Errorf("it runs %s, %v, %v, %s", runs, err, readErr, degraded)
				}
				return
			}
			for _, err := range []error{err, readErr} {
				if err == nil || !strings.Contains(err.Error(), c.want) {
					t.Errorf("got %v, expected %q", err, c.want)
				}
			}
			runs, degraded, err = newHostOf(t, c.reference, trusting(ours), saved.path)
			if err != nil || runs != instance.Digest(numbered(9)) || !strings.Contains(degraded, c.want) {
				t.Errorf("with a last good guest it runs %s, %v, %s", runs, err, degraded)
			}
		})
	}
}

func TestAGuestThatWasPulledAndRefusedIsNotPulledAgain(t *testing.T) {
	g := &guestFile{registry: &guestRegistry{retry: make(chan struct{}, 1)}}
	g.refuse(edge.ErrGuestRefused)
	if len(g.registry.retry) != 0 || g.degraded() == "" {
		t.Error("it is pulled again")
	}
	for range 2 {
		g.refuse(&guestFileError{&artifact.Error{Err: errors.New("the registry is down")}})
	}
	if len(g.registry.retry) != 1 {
		t.Error("it is not pulled again")
	}
}

func TestAReferenceInAConfigurationHasADigest(t *testing.T) {
	registry := registrytest.Start(t, registrytest.Config{})
	pinned := pushed(t, registry, "router:v1", artifact.Guest{Wasm: numbered(0)}, artifact.Options{})
	saved := lastGoodGuest{path: filepath.Join(t.TempDir(), "guest")} // does not replace a wrong configuration
	if err := saved.save(signedGuest{wasm: numbered(9)}); err != nil {
		t.Fatal(err)
	}
	for reference, want := range map[string]string{
		registry.Reference("router:v1"):                "write " + pinned + ", which it names now",
		registry.Reference("router:v2"):                "found the tag v2, which cannot be looked up",
		registry.Reference("router"):                   "tenantedge guest list " + registry.Reference("router"),
		"oci://127.0.0.1:1/router:v1":                  "connection refused",
		registry.Reference("router@sha256:0123456789"): "expected a reference",
	} {
		file, err := config.Parse("edge.yaml", []byte("listeners: ['127.0.0.1:0']\nguest: {path: '"+pinned+"', last_good: '"+saved.path+"'}"))
		if err != nil {
			t.Fatal(err)
		}
		file.Guest.Path = reference
		_, err = New(t.Context(), file, Options{Logger: slog.New(slog.DiscardHandler)})
		if located := (*config.Error)(nil); !errors.As(err, &located) || located.Path != "guest.path" || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: got %v, expected %q", reference, err, want)
		}
	}
}

func TestAReloadPullsTheGuestOfAnotherDigest(t *testing.T) {
	registry := registrytest.Start(t, registrytest.Config{})
	first := pushed(t, registry, "router:v0", artifact.Guest{Wasm: numbered(0)}, artifact.Options{})
	second := pushed(t, registry, "router:v1", artifact.Guest{Wasm: numbered(1)}, artifact.Options{})
	r := serveText(t, twoSites, func(o *Options) { o.SmokeRun = edge.Try })
	lastGood := filepath.Join(t.TempDir(), "guest")
	reload := func(text, reference string) error {
		f := r.parse(text)
		f.Guest.Path, f.Guest.LastGood = reference, lastGood
		return r.server.Reload(t.Context(), f)
	}
	runs := func(n byte) {
		t.Helper()
		if got := r.server.now().host.GuestDigest(); got != instance.Digest(numbered(n)) || r.server.now().guestFile.degraded() != "" {
			t.Errorf("it runs %s and is degraded: %q", got, r.server.now().guestFile.degraded())
		}
	}
	if err := reload(twoSites, first); err != nil {
		t.Fatal(err)
	}
	runs(0)
	registry.Kill(t)
	if err := reload(twoSites, second); err == nil || !strings.Contains(err.Error(), ": guest.path: "+second) || !strings.Contains(err.Error(), "connection refused") {
		t.Errorf("got %v", err)
	}
	runs(0)
	if err := reload(strings.Replace(twoSites, "first", "second", 1), first); err != nil {
		t.Errorf("another setting, with the same guest: %v", err)
	}
	runs(0)
	registry.Restart(t)
	if err := reload(twoSites, second); err != nil {
		t.Fatal(err)
	}
	runs(1)
	if err := reload(twoSites, registry.Reference("router:v0")); err == nil || !strings.Contains(err.Error(), "write "+first) {
		t.Errorf("got %v", err)
	}
	runs(1)
}
