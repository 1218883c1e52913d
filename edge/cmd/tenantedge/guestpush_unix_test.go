//go:build unix

package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/tenantedge/tenantedge/edge/internal/artifact/registrytest"
	"github.com/tenantedge/tenantedge/edge/internal/wasm/wasmtest"
)

func TestGuestsArePushedListedAndUsed(t *testing.T) {
	s := signGuestFile(t)
	registry := registrytest.Start(t, registrytest.Config{})
	v1 := registry.Reference("guests/router:v1")
	pinned := strings.TrimSpace(s.succeed("guest", "push", s.guest, v1))
	if name, digest, _ := strings.Cut(pinned, "@"); name != registry.Reference("guests/router") || !strings.HasPrefix(digest, "sha256:") {
		t.Errorf("push prints %q", pinned)
	}
	copied := strings.TrimSpace(s.succeed("guest", "push", v1, registry.Reference("copies/router:v1")))
	if copied != strings.Replace(pinned, "guests/", "copies/", 1) {
		t.Errorf("the copy is %s", copied)
	}
	if err := os.Rename(s.signature, s.signature+".kept"); err != nil {
		t.Fatal(err)
	}
	s.succeed("guest", "push", s.guest, registry.Reference("guests/router:unsigned"))

	list := registry.Reference("guests/router")
	var listed []listedGuest
	if err := json.Unmarshal([]byte(s.succeed("guest", "list", list, "--json")), &listed); err != nil || len(listed) != 2 {
		t.Fatal(listed, err)
	}
	if g := listed[1]; g.Name != "v1" || g.Digest != pinned[strings.Index(pinned, "sha256:"):] || g.Bytes == 0 || g.Created == "" || g.SignedBy == "" || g.Error != "" || listed[0].SignedBy != "" {
		t.Errorf("listed %+v", listed)
	}
	if out := s.succeed("guest", "list", list); !strings.Contains(out, listed[1].SignedBy) || !strings.Contains(out, "unsigned") {
		t.Error(out)
	}

	s.guest = pinned // of the configuration, without the files
	config := s.config("")
	s.succeed("check", "-c", config)
	s.succeed("eval", "-c", config, "-r", "GET http://a.example.com/", "--against", v1)
	s.succeed("guest", "verify", v1, "-c", config)
	s.succeed("guest", "verify", pinned, "-k", s.key)
	if out := s.succeed("guest", "inspect", v1, "-c", config); !strings.Contains(out, "signature by the trusted key ") {
		t.Error(out)
	}
	s.fail("sign the guest", "guest", "verify", registry.Reference("guests/router:unsigned"), "-k", s.key)
	s.guest = registry.Reference("guests/router@" + listed[0].Digest)
	s.fail("edge.yaml:5:9: guest.path: the signature in "+s.guest+": expected a signature, found none", "check", "-c", s.config(""))
	if out := s.succeed("check", "-c", s.config(", require_signature: false")); !strings.Contains(out, "warning: ") || !strings.Contains(out, "guest.path: expected a signature") {
		t.Error(out)
	}
	s.guest = v1
	s.fail("edge.yaml:5:9: guest.path: expected a digest in the reference, found the tag v1, whose guest may change; write "+pinned, "check", "-c", s.config(""))
	s.fail("write "+pinned, "serve", "-c", s.config(""))
}

func TestWhatCannotBePushedOrListed(t *testing.T) {
	s := signGuestFile(t)
	registry := registrytest.Start(t, registrytest.Config{})
	target := registry.Reference("router:v1")
	bad := writeFile(t, "bad.minisig", "no signature")
	s.fail("guest push: ", "guest", "push", s.guest)
	s.fail("expected a reference such as", "guest", "push", s.guest, "registry.example.com/router:v1")
	s.fail("expected a tag", "guest", "push", s.guest, registry.Reference("router"))
	s.fail("expected a Wasm module, found text", "guest", "push", s.private, target)
	s.fail("found other text", "guest", "push", s.guest, target, "-s", bad)
	s.fail("no such file", "guest", "push", s.guest, target, "-s", filepath.Join(s.folder, "missing"))
	s.fail("which has its signature", "guest", "push", target, target, "-s", s.signature)
	s.fail("push the guest", "guest", "push", target, target)
	s.fail("found a tag or a digest", "guest", "list", target)
	s.fail("expected a reference such as", "guest", "list", "router")
	s.fail("push the guest", "guest", "list", registry.Reference("router"))
	s.fail("expected PEM certificates", "guest", "list", registry.Reference("router"), "--registry-ca", s.guest)
	if err := os.Truncate(s.guest, 1<<30); err != nil { // a sparse file
		t.Fatal(err)
	}
	s.fail("the guest is too large", "guest", "push", s.guest, target)
}

// An edge whose registry is down, or hangs, starts with the last good guest, and follows
// the configuration when the registry is back.
func TestAnEdgeStartsWhileItsRegistryIsDown(t *testing.T) {
	s := signGuestFile(t)
	registry := registrytest.Start(t, registrytest.Config{TLS: true, User: "edge", Password: "secret"})
	t.Setenv("DOCKER_CONFIG", filepath.Dir(registry.Login(t)))
	module := s.guest
	push := func(tag string) string {
		s.guest = module
		s.sign()
		return strings.TrimSpace(s.succeed("guest", "push", s.guest, registry.Reference("router:"+tag), "--registry-ca", registry.CAFile()))
	}
	more := ", registry: {ca_file: '" + registry.CAFile() + "'}, last_good: '" + filepath.Join(s.folder, "last-good") + "'"
	first := push("v1")
	if err := os.WriteFile(module, append(wasmtest.Sound().Wasm(), 0, 3, 1, 'n', 2), 0o600); err != nil { // a custom section
		t.Fatal(err)
	}
	second := push("v2")

	for _, c := range []struct {
		name, want string
		fail       func() (back func())
	}{
		{"refuses connections", "connection refused", func() func() { registry.Stop(t); return sync.OnceFunc(func() { registry.Restart(t) }) }},
		{"accepts connections and never answers", "the registry took more than 5s", func() func() { return paused(t, registry.Server) }},
	} {
		t.Run(c.name, func(t *testing.T) {
			s.guest = first
			p := serveProcess(t, s.config(more))
			digest := p.line("the guest is loaded")["digest"]
			p.line("serving")
			back := c.fail()
			defer back()
			p.stop()

			s.guest = second
			p = serveProcess(t, s.config(more))
			if l := p.line("the guest's artifact is missing or refused; the last good guest is used"); !strings.Contains(l["error"].(string), c.want) {
				t.Errorf("logged %v, expected %q", l, c.want)
			}
			if l := p.line("the guest is loaded"); l["digest"] != digest {
				t.Errorf("logged %v", l)
			}
			p.line("serving")
			back()
			if l := p.line("the guest's artifact was pulled; its guest is now running"); l["previous"] != digest {
				t.Errorf("logged %v", l)
			}
			p.stop()
		})
	}
}
