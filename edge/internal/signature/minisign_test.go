package signature

import (
	"encoding/base64"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/tenantedge/tenantedge/edge/internal/wasm/wasmtest"
)

// tool returns a function that runs minisign in a folder.
func tool(t *testing.T) (folder string, run func(stdin string, args ...string) (string, error)) {
	t.Helper()
	path, err := exec.LookPath("minisign")
	if err != nil {
		wasmtest.NotInstalled(t, "minisign is not installed")
	}
	folder = t.TempDir()
	return folder, func(stdin string, args ...string) (string, error) {
		c := exec.Command(path, args...)
		c.Dir, c.Stdin = folder, strings.NewReader(stdin)
		out, err := c.CombinedOutput()
		return string(out), err
	}
}

func read(t *testing.T, folder, name string) []byte {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(folder, name))
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func write(t *testing.T, folder, name string, data []byte) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(folder, name), data, 0o600); err != nil {
		t.Fatal(err)
	}
}

func TestKeysAndSignaturesOfMinisignAreRead(t *testing.T) {
	folder, minisign := tool(t)
	write(t, folder, "guest.wasm", guest)
	if out, err := minisign("", "-GW", "-p", "a.pub", "-s", "a.key"); err != nil {
		t.Fatal(out, err)
	}
	k, pub := parsedPair(t, read(t, folder, "a.key"), read(t, folder, "a.pub"))
	if !strings.Contains(string(read(t, folder, "a.pub")), "public key "+pub.ID()+"\n") {
		t.Errorf("minisign calls the key %s, this package %s", read(t, folder, "a.pub"), pub.ID())
	}
	for _, legacy := range []bool{false, true} {
		args := []string{"-S", "-s", "a.key", "-m", "guest.wasm", "-t", "by minisign"}
		if legacy {
			args = append(args, "-l")
		}
		if out, err := minisign("", args...); err != nil {
			t.Fatal(out, err)
		}
		who, err := (Keys{pub}).Verify(guest, read(t, folder, "guest.wasm.minisig"))
		if err != nil || who != (Signed{pub.ID(), "by minisign"}) {
			t.Errorf("legacy %v: %+v, %v", legacy, who, err)
		}
	}
	write(t, folder, "guest.wasm.minisig", signed(t, k, "by this package"))
	if out, err := minisign("", "-V", "-H", "-p", "a.pub", "-m", "guest.wasm"); err != nil || !strings.Contains(out, "by this package") {
		t.Errorf("minisign says %s, %v", out, err)
	}
}

func TestMinisignReadsKeysAndSignatures(t *testing.T) {
	folder, minisign := tool(t)
	private, public, err := Generate("")
	if err != nil {
		t.Fatal(err)
	}
	write(t, folder, "guest.wasm", guest)
	write(t, folder, "b.key", private)
	write(t, folder, "b.pub", public)
	k, pub := parsedPair(t, private, public)
	write(t, folder, "guest.wasm.minisig", signed(t, k, "build 7"))
	for _, key := range [][]string{{"-p", "b.pub"}, {"-P", k.PublicKey()}} {
		if out, err := minisign("", append([]string{"-V", "-m", "guest.wasm"}, key...)...); err != nil || !strings.Contains(out, "build 7") {
			t.Errorf("%q: minisign says %s, %v", key, out, err)
		}
	}
	if out, err := minisign("", "-S", "-W", "-s", "b.key", "-m", "guest.wasm"); err != nil {
		t.Fatal(out, err)
	}
	if _, err := (Keys{pub}).Verify(guest, read(t, folder, "guest.wasm.minisig")); err != nil {
		t.Error(err)
	}
}

func TestPasswordsOfMinisignWork(t *testing.T) {
	if testing.Short() {
		t.Skip("each use of a password takes seconds and 1 GiB of memory")
	}
	const password = "correct horse"
	folder, minisign := tool(t)
	write(t, folder, "guest.wasm", guest)
	if out, err := minisign(password+"\n"+password+"\n", "-G", "-p", "a.pub", "-s", "a.key"); err != nil {
		t.Fatal(out, err)
	}
	k, err := ParsePrivateKey(read(t, folder, "a.key"), func() (string, error) { return password, nil })
	if err != nil {
		t.Fatal(err)
	}
	write(t, folder, "guest.wasm.minisig", signed(t, k, ""))
	if out, err := minisign("", "-V", "-p", "a.pub", "-m", "guest.wasm"); err != nil {
		t.Error(out, err)
	}
	private, public, err := Generate(password)
	if err != nil {
		t.Fatal(err)
	}
	write(t, folder, "b.key", private)
	if out, err := minisign(password+"\n", "-S", "-s", "b.key", "-m", "guest.wasm"); err != nil {
		t.Fatal(out, err)
	}
	pub, err := ParsePublicKey(string(public))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := (Keys{pub}).Verify(guest, read(t, folder, "guest.wasm.minisig")); err != nil {
		t.Error(err)
	}
}

func TestAWrongPasswordIsAnError(t *testing.T) {
	var raw [158]byte // with the lowest costs, so that it takes little time
	copy(raw[:], "EdScB2")
	text := "untrusted comment: minisign encrypted secret key\n" + base64.StdEncoding.EncodeToString(raw[:])
	if _, err := ParsePrivateKey([]byte(text), func() (string, error) { return "x", nil }); err != ErrPassword {
		t.Errorf("got %v", err)
	}
	none := errors.New("there is no terminal")
	if _, err := ParsePrivateKey([]byte(text), func() (string, error) { return "", none }); err != none {
		t.Errorf("got %v", err)
	}
}
