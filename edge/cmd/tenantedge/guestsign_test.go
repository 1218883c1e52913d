package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/tenantedge/tenantedge/edge/internal/wasm/wasmtest"
)

// signedFiles are a key pair, a guest and its signature.
type signedFiles struct {
	*testing.T
	folder                         string
	guest, signature, private, key string // paths; key is the public key itself
}

func signGuestFile(t *testing.T) signedFiles {
	t.Helper()
	folder := t.TempDir()
	s := signedFiles{T: t, folder: folder, guest: filepath.Join(folder, "guest.wasm"), private: filepath.Join(folder, "release.key")}
	s.signature = s.guest + ".minisig"
	if err := os.WriteFile(s.guest, wasmtest.Sound().Wasm(), 0o600); err != nil {
		t.Fatal(err)
	}
	s.succeed("guest", "keygen", filepath.Join(folder, "release"), "--no-password")
	public, err := os.ReadFile(filepath.Join(folder, "release.pub"))
	if err != nil {
		t.Fatal(err)
	}
	_, line, _ := strings.Cut(string(public), "\n")
	s.key = strings.TrimSpace(line)
	s.sign()
	return s
}

func (s signedFiles) succeed(args ...string) (stdout string) {
	s.Helper()
	code, stdout, stderr := command("", args...)
	if code != exitOK {
		s.Fatalf("%q: exit %d, %s%s", args, code, stdout, stderr)
	}
	return stdout
}

func (s signedFiles) fail(want string, args ...string) {
	s.Helper()
	if code, stdout, stderr := command("", args...); code == exitOK || !strings.Contains(stdout+stderr, want) {
		s.Errorf("%q: exit %d, %s%s, expected %q", args, code, stdout, stderr, want)
	}
}

func (s signedFiles) sign() {
	s.Helper()
	s.succeed("guest", "sign", s.guest, "--key", s.private, "--comment", "build 7")
}

// config writes a configuration that trusts the key.
func (s signedFiles) config(more string) string {
	s.Helper()
	path := filepath.Join(s.folder, "edge.yaml")
	text := "admin: off\nlisteners: ['127.0.0.1:0']\nlogs: {format: json}\ntenants: {public: {}}\nguest: {path: '" + s.guest + "', trusted_keys: ['" + s.key + "']" + more + "}\n"
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		s.Fatal(err)
	}
	return path
}

func TestAGuestIsSignedAndVerified(t *testing.T) {
	s := signGuestFile(t)
	public := filepath.Join(s.folder, "release.pub")
	for _, args := range [][]string{{"--key", s.key}, {"--key", public}, {"-c", s.config("")}} {
		if out := s.succeed(append([]string{"guest", "verify", s.guest}, args...)...); !strings.Contains(out, `with the comment "build 7"`) {
			t.Errorf("%q: %s", args, out)
		}
	}
	other := filepath.Join(s.folder, "other")
	s.succeed("guest", "keygen", other, "--no-password")
	s.succeed("guest", "verify", s.guest, "-k", other+".pub", "-k", public)
	s.fail("expected a signature by a trusted key", "guest", "verify", s.guest, "-k", other+".pub")
	s.fail("expected a minisign public key", "guest", "verify", s.guest, "-k", s.private)
	s.fail("no such file", "guest", "verify", s.guest, "-k", filepath.Join(s.folder, "missing"))
	s.fail("expected either --key or --config", "guest", "verify", s.guest)
	s.fail("found a public key", "guest", "sign", s.guest, "-k", public)
	s.fail("expected --key FILE", "guest", "sign", s.guest)
	s.fail("expected a comment of one line", "guest", "sign", s.guest, "-k", s.private, "--comment", "a\nb")
	s.fail("expected a Wasm module, found text", "guest", "sign", public, "-k", s.private)
	s.fail("release.key does not exist, found it", "guest", "keygen", filepath.Join(s.folder, "release"), "--no-password")
	if _, err := os.Stat(other + ".key"); err != nil {
		t.Error(err)
	}
	if info, err := os.Stat(s.private); err != nil || info.Mode() != 0o600 && runtime.GOOS != "windows" {
		t.Errorf("the private key has mode %v, %v", info.Mode(), err)
	}
	if info, err := os.Stat(s.signature); err != nil || info.Mode() != 0o644 && runtime.GOOS != "windows" {
		t.Errorf("the signature has mode %v, %v", info.Mode(), err)
	}
	if err := os.Remove(s.signature); err != nil {
		t.Fatal(err)
	}
	s.fail("found none; sign the guest", "guest", "verify", s.guest, "-k", s.key)
	s.succeed("guest", "sign", s.guest, "-k", s.private, "-s", filepath.Join(s.folder, "elsewhere"))
	s.succeed("guest", "verify", s.guest, "-k", s.key, "-s", filepath.Join(s.folder, "elsewhere"))
	if err := os.Truncate(s.guest, 1<<30); err != nil { // a sparse file
		t.Fatal(err)
	}
	s.fail("the guest is too large", "guest", "sign", s.guest, "-k", s.private)
	s.fail("the guest is too large", "guest", "verify", s.guest, "-k", s.key, "-s", filepath.Join(s.folder, "elsewhere"))
}

func TestMinisignAndTheCommandSignForEachOther(t *testing.T) {
	tool, err := exec.LookPath("minisign")
	if err != nil {
		wasmtest.NotInstalled(t, "minisign is not installed")
	}
	s := signGuestFile(t)
	minisign := func(args ...string) {
		t.Helper()
		c := exec.Command(tool, args...)
		c.Dir = s.folder
		if out, err := c.CombinedOutput(); err != nil {
			t.Fatalf("minisign %q: %s, %v", args, out, err)
		}
	}
	minisign("-V", "-m", "guest.wasm", "-P", s.key)
	minisign("-S", "-W", "-m", "guest.wasm", "-s", "release.key", "-t", "build 8")
	if out := s.succeed("guest", "verify", s.guest, "-k", s.key); !strings.Contains(out, "build 8") {
		t.Error(out)
	}
	minisign("-G", "-W", "-p", "minisign.pub", "-s", "minisign.key")
	s.succeed("guest", "sign", s.guest, "-k", filepath.Join(s.folder, "minisign.key"))
	minisign("-V", "-m", "guest.wasm", "-p", "minisign.pub")
}

func TestPasswordsComeFromAFileOrAVariable(t *testing.T) {
	file := writeFile(t, "password", "from a file\r\n")
	t.Setenv("GUEST_KEY_PASSWORD", "from a variable")
	read := func(p passwordFlags) (string, error) {
		c := guestKeygenCommand()
		c.SetIn(strings.NewReader("typed\n")) // not a terminal
		return p.read(c, "")
	}
	for _, c := range []struct {
		flags passwordFlags
		want  string // or a part of the error
	}{
		{passwordFlags{file: file}, "from a file"},
		{passwordFlags{env: "GUEST_KEY_PASSWORD"}, "from a variable"},
		{passwordFlags{env: "GUEST_KEY_UNSET"}, "found an empty one"},
		{passwordFlags{file: file, env: "GUEST_KEY_PASSWORD"}, "found both"},
		{passwordFlags{file: file + "-missing"}, "no such file"},
		{passwordFlags{}, "expected a terminal"},
	} {
		got, err := read(c.flags)
		if got != c.want && (err == nil || !strings.Contains(err.Error(), c.want)) {
			t.Errorf("%+v: %q, %v", c.flags, got, err)
		}
	}
	for want, args := range map[string][]string{
		"expected --no-password or a password": {"--no-password", "--password-file", file},
		"expected a terminal":                  nil,
		"expected a password":                  {"--password-env", "GUEST_KEY_UNSET"},
	} {
		name := filepath.Join(t.TempDir(), "key")
		if code, _, stderr := command("", append([]string{"guest", "keygen", name}, args...)...); code == exitOK || !strings.Contains(stderr, want) {
			t.Errorf("%q: exit %d, %s", args, code, stderr)
		}
		if _, err := os.Stat(name + ".key"); err == nil {
			t.Errorf("%q: a key was written", args)
		}
	}
}

// Commands that read guest.path refuse a guest that serve would refuse.
func TestTheCommandsVerifyTheGuestOfTheConfiguration(t *testing.T) {
	s := signGuestFile(t)
	config := s.config("")
	request := []string{"eval", "-c", config, "-r", "GET http://a.example.com/"}
	s.succeed("check", "-c", config)
	s.succeed(request...)
	if out := s.succeed("guest", "inspect", s.guest, "-c", config); !strings.Contains(out, "signature by the trusted key ") {
		t.Error(out)
	}
	if err := os.Remove(s.signature); err != nil {
		t.Fatal(err)
	}
	const none = "expected a signature, found none; sign the guest"
	s.fail("edge.yaml:5:9: guest.path: the signature "+s.signature+": "+none, "check", "-c", config)
	s.fail("edge.yaml:5:9: guest.path: the signature "+s.signature+": "+none, request...)
	s.fail("guest.path: the signature "+s.signature+": "+none, "serve", "-c", config)
	s.succeed(append(request, "--guest", s.guest)...)
	if out := s.succeed("guest", "inspect", s.guest, "-c", config); !strings.Contains(out, "signature not verified: ") {
		t.Error(out)
	}
	config = s.config(", require_signature: false")
	s.succeed(request...)
	if out := s.succeed("check", "-c", config); !strings.Contains(out, "warning: "+config+":5:9: guest.path: "+none) || !strings.Contains(out, "1 warning") {
		t.Error(out)
	}
	s.fail("1 warning", "check", "-c", config, "--strict")
	if err := os.WriteFile(s.signature, []byte("x"), 0o600); err != nil {
		t.Fatal(err)
	}
	s.fail("found other text", "check", "-c", config)
}
