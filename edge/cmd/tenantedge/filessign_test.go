package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/tenantedge/tenantedge/edge/storage"
)

func TestASignedURLIsValidForItsTenantAndFile(t *testing.T) {
	const secret = "a secret of sixteen bytes"
	t.Setenv("NEW_KEY", secret)
	config := writeFile(t, "edge.yaml", acme+"media: {location: media}\nsigning_keys: [{id: new, secret_env: NEW_KEY}]\n")
	signer, err := storage.NewSigner(storage.Key{ID: "new", Secret: []byte(secret)})
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		args      []string
		url, path string
		method    string
	}{
		{[]string{"a b.txt"}, "/media/acme-files/a%20b.txt", "/media/acme-files/a b.txt", "GET"},
		{[]string{"--folder", "acme", "a.txt"}, "/acme/media/a.txt", "/acme/media/a.txt", "GET"},
		{[]string{"--method", "put", "a.txt"}, "/media/acme-files/a.txt", "/media/acme-files/a.txt", "PUT"},
		{[]string{"--path", "/reports/a b.txt"}, "/reports/a%20b.txt", "/reports/a b.txt", "GET"},
	} {
		code, stdout, stderr := command("", append([]string{"files", "-c", config, "-t", "acme", "sign", "--expires", "90s"}, c.args...)...)
		location, query, _ := strings.Cut(strings.TrimSpace(stdout), "?")
		if code != exitOK || location != c.url {
			t.Errorf("%q: exit %d %s%s", c.args, code, stdout, stderr)
			continue
		}
		grant := storage.Grant{Tenant: "acme", Method: c.method, Path: c.path}
		if err := signer.Verify(grant, query, time.Now()); err != nil {
			t.Errorf("%q: %v", c.args, err)
		}
		if err := signer.Verify(grant, query, time.Now().Add(2*time.Minute)); err == nil {
			t.Errorf("%q: it does not expire", c.args)
		}
	}
	if err := os.WriteFile(filepath.Join(filepath.Dir(config), "x.txt"), []byte("x"), 0o600); err != nil {
		t.Fatal(err)
	}
	if code, stdout, stderr := command("", "files", "-c", config, "-t", "acme", "put", filepath.Join(filepath.Dir(config), "x.txt")); code != exitOK || stdout != "x.txt\n" {
		t.Errorf("exit %d %s", code, stderr)
	}
	if got, err := os.ReadFile(filepath.Join(filepath.Dir(config), "media", "acme-files", "x.txt")); string(got) != "x" || err != nil {
		t.Errorf("%q, %v: expected the file below media.location", got, err)
	}
	unkeyed := writeFile(t, "edge.yaml", acme+"media: {location: media}\n")
	for want, args := range map[string][]string{
		"expected a key":                         {"-c", unkeyed, "sign", "a.txt"},
		"resumable uploads (tus) need PUT":       {"-c", config, "sign", "a.txt", "--method", "post"},
		"found PATCH, for which no URL":          {"-c", config, "sign", "a.txt", "-m", "PATCH"},
		`PUT or DELETE, found "OPTIONS"`:         {"-c", config, "sign", "a.txt", "-m", "options"},
		"a folder of files is read-only, found ": {"-c", config, "sign", "--path", "/a", "-m", "DELETE"},
		"expected --expires":                     {"-c", config, "sign", "a.txt", "--expires", "0s"},
		"suspicious":                             {"-c", config, "sign", "../a.txt"},
		"begins with a slash":                    {"-c", config, "sign", "--path", "a.txt"},
		"expected --location, or medi":           {"-c", writeFile(t, "edge.yaml", acme), "ls"},
	} {
		if code, stdout, stderr := command("", append([]string{"files", "-t", "acme"}, args...)...); code == exitOK || !strings.Contains(stderr, want) {
			t.Errorf("%q: exit %d %s%s, expected %q", args, code, stdout, stderr, want)
		}
	}
}
