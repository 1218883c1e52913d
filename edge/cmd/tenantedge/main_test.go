package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/tenantedge/tenantedge/edge"
	"github.com/tenantedge/tenantedge/edge/internal/wasm/wasmtest"
	"github.com/tenantedge/tenantedge/edge/smoke"
)

// TestMain shares the guest's machine code between test runs, and keeps the tests
// from writing to the user's home.
func TestMain(m *testing.M) {
	smoke.Main(edge.Try) // for the child that tries a guest
	if os.Getenv(asProgram) != "" {
		main()
	}
	home, err := os.MkdirTemp("", "tenantedge-cmd-")
	if err == nil {
		err = os.Setenv("HOME", home)
	}
	cache, cacheErr := wasmtest.CompileCache("edge/cmd/tenantedge")
	if err == nil && cacheErr == nil {
		err = os.Setenv("XDG_CACHE_HOME", cache)
	}
	if err := errors.Join(err, cacheErr); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	code := m.Run()
	_ = os.RemoveAll(home)
	os.Exit(code)
}

// command runs the program as main does.
func command(stdin string, args ...string) (code int, stdout, stderr string) {
	var out, errs bytes.Buffer
	code = run(context.Background(), args, strings.NewReader(stdin), &out, &errs)
	return code, out.String(), errs.String()
}

func writeFile(t *testing.T, name, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestMistakesOnTheCommandLineSayWhatWasExpected(t *testing.T) {
	for _, c := range []struct {
		args []string
		want string
	}{
		{[]string{"bogus"}, `tenantedge: expected one of bench, check, completion, db, eval, files, guest, init, man, schema, serve, tenants, top, usage, version, ws, found "bogus"`},
		{[]string{"serve"}, "serve: expected either --config FILE or --demo"},
		{[]string{"serve", "--demo", "--config", "x"}, "serve: expected either --config FILE or --demo"},
		{[]string{"serve", "--bogus"}, "unknown flag: --bogus"},
		{[]string{"eval"}, "expected --config FILE, found none"},
		{[]string{"eval", "-c", "x", "--trusted"}, "expected --request with"},
		{[]string{"eval", "-c", "x", "--json", "--explain", "-r", "a"}, "found both"},
		{[]string{"eval", "-c", "x", "-r", "GET ftp://a/"}, "--request: expected a method and a URL"},
		{[]string{"eval", "-c", "x", "-r", "a", "-H", "nothing"}, "--header: expected 'name: value'"},
		{[]string{"eval", "-c", "x", "-r", "a", "--session", "5"}, "--session: expected a JSON object"},
		{[]string{"eval", "-c", "x", "extra"}, `eval: expected no arguments, found "extra"; --config FILE names the configuration`},
		{[]string{"tenants", "domain", "add", "a", "b", "--primary", "--redirect"}, "tenants domain add: expected --primary or --redirect, found both"},
		{[]string{"tenants", "bogus"}, "tenants: expected one of add, domain, list, rm"},
		{[]string{"tenants", "add"}, "tenants add: expected SCHEMA, found 0 arguments"},
		{[]string{"tenants", "add", "a", "--set", "b"}, "--set: expected column=value"},
		{[]string{"tenants", "domain", "add", "a"}, "expected TENANT and DOMAIN, found 1"},
		{[]string{"db", "init"}, "expected --config FILE, found none"},
	} {
		code, stdout, stderr := command("", c.args...)
		if code != exitUsage || stdout != "" || !strings.Contains(stderr, c.want) || !strings.Contains(stderr, "--help' for usage") {
			t.Errorf("%q: exit %d, %q, expected %q", c.args, code, stderr, c.want)
		}
	}
}

func TestMistakesInTheConfigurationHaveTheirPosition(t *testing.T) {
	bad := writeFile(t, "edge.yaml", "routers: [domian]\n")
	code, _, stderr := command("", "eval", "-c", bad)
	if code != exitFailed || !strings.Contains(stderr, "edge.yaml:1:11: routers[0]: expected domain, header or session") {
		t.Errorf("exit %d, %q", code, stderr)
	}
	unserved := writeFile(t, "edge.yaml", "tenants: {www: {DOMAINS: [a.example.com], URLCONF: nothing}}\n")
	code, _, stderr = command("", "serve", "-c", unserved)
	if code != exitFailed || !strings.Contains(stderr, `tenants.www.URLCONF: expected an entry of urlconfs, found "nothing"`) {
		t.Errorf("exit %d, %q", code, stderr)
	}
	code, _, stderr = command("", "tenants", "-c", writeFile(t, "edge.yaml", "compat: strict\n"), "list")
	if code != exitFailed || !strings.Contains(stderr, "directory: expected source postgres or file, found none") {
		t.Errorf("exit %d, %q", code, stderr)
	}
	code, _, stderr = command("", "eval", "-c", filepath.Join(t.TempDir(), "missing.yaml"))
	if code != exitFailed || !strings.Contains(stderr, "missing.yaml") {
		t.Errorf("exit %d, %q", code, stderr)
	}
}

// A file that does not exist is reported with what was expected of it.
func TestErrorsOfFilesSayWhatWasExpected(t *testing.T) {
	missing := filepath.Join(t.TempDir(), "missing")
	config := writeFile(t, "edge.yaml", "tenants: {www: {DOMAINS: [a.example.com], URLCONF: app}}\nurlconfs: {app: {reply: {}}}\n")
	guest := "../../../assets/router.wasm"
	t.Setenv(defaultTokenEnv, "0123456789abcdef")
	for _, c := range []struct {
		want string
		args []string
	}{
		{"expected a file of requests: ", []string{"bench", "-c", config, "-r", missing}},
		{"expected a Wasm module: ", []string{"eval", "-c", config, "--guest", missing}},
		{"expected a Wasm module: ", []string{"guest", "inspect", missing}},
		{"expected a Wasm module: ", []string{"guest", "sign", missing, "--key", missing}},
		{"expected a Wasm module: ", []string{"guest", "rollout", missing}},
		{"expected a private key: ", []string{"guest", "sign", guest, "--key", missing}},
		{"expected a public key that begins with RW, or a file that has one: ", []string{"guest", "verify", guest, "--key", missing}},
		{"expected the folder of a guest: ", []string{"guest", "build", missing}},
		{"expected a log of requests, or a folder of logs: ", []string{"guest", "replay", "--guest", guest, missing}},
		{"expected a file that has the admin token: ", []string{"guest", "status", "--token-file", missing}},
		{"expected certificates in PEM: ", []string{"top", "--ca", missing}},
		{"expected settings.TENANTS as JSON: ", []string{"init", missing + ".yaml", "--django", missing}},
		{"expected a folder for the pages: ", []string{"man", missing}},
		{"expected a file that an edge has written to usage.folder, or that folder: ", []string{"usage", missing}},
		{"expected a file to store: ", []string{"files", "-c", config, "-t", "www", "-l", t.TempDir(), "put", missing}},
		{"expected a file of the tenant: ", []string{"files", "-c", config, "-t", "www", "-l", t.TempDir(), "get", "missing"}},
	} {
		if code, _, stderr := command("", c.args...); code == exitOK || !strings.Contains(stderr, c.want) || strings.Count(stderr, "\n") != 1 {
			t.Errorf("%q: exit %d, %q, expected %q", c.args, code, stderr, c.want)
		}
	}
}

func TestEveryCommandExplainsItselfWithAnExample(t *testing.T) {
	var visit func(args []string)
	visit = func(args []string) {
		c, _, err := newRoot().Find(args)
		if err != nil {
			t.Fatal(err)
		}
		code, stdout, _ := command("", append(args, "--help")...)
		if code != exitOK || c.Short == "" || c.Long == "" || c.Example == "" || !strings.Contains(stdout, "Examples:") {
			t.Errorf("%s: the help is incomplete:\n%s", c.CommandPath(), stdout)
		}
		for line := range strings.Lines(c.Long) {
			if n := utf8.RuneCountInString(line); n > 90 {
				t.Errorf("%s: a line of the help has %d characters, expected at most 90: %s", c.CommandPath(), n, line)
			}
		}
		if strings.Contains(stdout, "\t\t") {
			t.Errorf("%s: the help has the indentation of the Go code:\n%s", c.CommandPath(), stdout)
		}
		for _, sub := range c.Commands() {
			if sub.Name() != "help" && sub.Name() != "completion" {
				visit(append(args, sub.Name()))
			}
		}
	}
	visit(nil)
}

func TestVersionNamesProgramGoWazeroAndGuest(t *testing.T) {
	code, stdout, stderr := command("", "version")
	if code != exitOK {
		t.Fatal(stderr)
	}
	for _, want := range []string{"tenantedge ", "go         go1.", "wazero     ", "guest      tenantedge router", "sha256 "} {
		if !strings.Contains(stdout, want) {
			t.Errorf("%q is not in\n%s", want, stdout)
		}
	}
}

func TestShellsAreCompleted(t *testing.T) {
	for _, shell := range []string{"bash", "zsh", "fish", "powershell"} {
		if code, stdout, stderr := command("", "completion", shell); code != exitOK || len(stdout) < 1000 {
			t.Errorf("%s: exit %d, %d bytes, %q", shell, code, len(stdout), stderr)
		}
	}
	if code, stdout, _ := command("", "__complete", "tenants", "d"); code != exitOK || !strings.Contains(stdout, "domain\t") {
		t.Errorf("completing 'tenants d': %q", stdout)
	}
}

// replaceFile replaces the file at path by renaming another, as deployments do.
func replaceFile(t *testing.T, path string, data []byte) {
	t.Helper()
	if err := os.WriteFile(path+".new", data, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(path+".new", path); err != nil {
		t.Fatal(err)
	}
}
