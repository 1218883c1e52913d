//go:build unix

package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/tenantedge/tenantedge/edge/internal/wasm/wasmtest"
	"github.com/tenantedge/tenantedge/tenantdb/postgres/pgtest"
)

func TestEvalReadsSessionsOfDjangoAsServeDoes(t *testing.T) {
	config := sessionsConfig(t, pgtest.Start(t), "sessions: {backend: db, secret_key_env: TENANTEDGE_TEST_KEY}\n")
	for _, c := range []struct {
		name, host, want string
		args             []string
	}{
		{"a session agrees with the domain", "t1.example.com", `"routing":{"kind":"session","reference":"t1"}`, []string{"-H", "Cookie: sessionid=" + knownSession}},
		{"a session names another tenant", "t2.example.com", `"outcome":"conflict"`, []string{"-H", "Cookie: sessionid=" + knownSession}},
		{"a session finds the tenant", "api.example.com", `"schema":"t1"`, []string{"-H", "Cookie: sessionid=" + knownSession}},
		{"an unknown session", "t2.example.com", `"schema":"t2"`, []string{"-H", "Cookie: sessionid=" + strings.Repeat("b", 32)}},
		{"--session replaces the cookie", "t2.example.com", `"schema":"t2"`, []string{"-H", "Cookie: sessionid=" + knownSession, "--session", "{}"}},
	} {
		args := append([]string{"eval", "-c", config, "--json", "-r", "http://" + c.host + "/"}, c.args...)
		if code, stdout, stderr := command("", args...); code != exitOK || !strings.Contains(stdout, c.want) {
			t.Errorf("%s: exit %d: %s%s\nexpected %s", c.name, code, stdout, stderr, c.want)
		}
	}
}

// Files are answered with the status of serve: signatures, and verdicts of the guest,
// are checked. Guests read files and do not change them.
func TestEvalAnswersForFilesAsServeDoes(t *testing.T) {
	t.Setenv("NEW_KEY", "a secret of sixteen bytes")
	folder := t.TempDir()
	media := filepath.Join(folder, "acme-files")
	guest := filepath.Join(folder, "guest.wasm")
	if err := os.Mkdir(media, 0o700); err != nil {
		t.Fatal(err)
	}
	for path, content := range map[string][]byte{guest: wasmtest.Guest(t, "edge/cmd/tenantedge/testdata/reading"), filepath.Join(media, "a.txt"): []byte("x")} {
		if err := os.WriteFile(path, content, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	common := "media: {location: " + folder + "}\nsigning_keys: [{id: new, secret_env: NEW_KEY}]\n"
	signed := writeFile(t, "signed.yaml", strings.Replace(acme, `app: "http://127.0.0.1:8000"`, `app: {upstream: "http://127.0.0.1:1", media: true, access: signed}`, 1)+common)
	private := writeFile(t, "private.yaml", strings.Replace(acme, `app: "http://127.0.0.1:8000"`, `app: {upstream: "http://127.0.0.1:1", media: true, access: private}`, 1)+common+"guest: {path: "+guest+"}\n")
	code, stdout, stderr := command("", "files", "-c", signed, "-t", "acme", "sign", "a.txt")
	if code != exitOK {
		t.Fatalf("exit %d %s", code, stderr)
	}
	url := strings.TrimSpace(stdout)
	for _, c := range []struct{ name, config, url, want string }{
		{"a signed URL", signed, url, `"file":{"status":200}`},
		{"an altered URL", signed, strings.Replace(url, "a.txt", "b.txt", 1), `"file":{"status":403,"reason":"`},
		{"a URL without signature", signed, "/media/acme-files/a.txt", `"file":{"status":403,"reason":"`},
		{"not a file", signed, "/app", `"cache_prefix":"acme"}`},
		{"a file that the guest allows", private, "/media/acme-files/a.txt", `"file":{"status":200}`},
		{"a missing file", private, "/media/acme-files/b.txt", `"file":{"status":404}`},
		{"a file that the guest denies", private, "/media/acme-files/denied.txt", `"file":{"status":403,"reason":"the guest denied access to the file"}`},
		{"what the guest reads and cannot write", private, "/", `"urlconf":"x, not saved"`},
	} {
		code, stdout, stderr := command("", "eval", "-c", c.config, "--json", "-r", "http://acme.example.com"+c.url)
		if code != exitOK || !strings.Contains(stdout, c.want) {
			t.Errorf("%s: exit %d: %s%s\nexpected %s", c.name, code, stdout, stderr, c.want)
		}
	}
	uploads := writeFile(t, "uploads.yaml", strings.Replace(acme, `app: "http://127.0.0.1:8000"`, `app: {upstream: "http://127.0.0.1:1", media: true, access: signed, uploads: {}}`, 1)+common)
	for _, c := range []struct{ name, config, request, want string }{
		{"a method that the URL is not signed for", signed, "DELETE http://acme.example.com" + url, `"file":{"status":403,"reason":"`},
		{"a method that folders of files do not have", signed, "POST http://example.com/a.txt", `"file":{"status":405}`},
		{"a method that might change a file", uploads, "PUT http://acme.example.com" + url, `"cache_prefix":"acme"}`},
		{"a method for the upstream", signed, "POST http://acme.example.com/app", `"cache_prefix":"acme"}`},
	} {
		code, stdout, stderr := command("", "eval", "-c", c.config, "--json", "-r", c.request)
		if code != exitOK || !strings.Contains(stdout, c.want) {
			t.Errorf("%s: exit %d: %s%s\nexpected %s", c.name, code, stdout, stderr, c.want)
		}
	}
	if entries, err := os.ReadDir(media); err != nil || len(entries) != 1 {
		t.Errorf("the files are %v, %v", entries, err)
	}
}
