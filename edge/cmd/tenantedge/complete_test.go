package main

import (
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
)

// What tenants have chosen is offered to a shell only if it is nothing but text there.
func TestNamesThatAShellOrATerminalWouldTakeForMoreAreNotCompleted(t *testing.T) {
	path := writeFile(t, "tenantedge.yaml", `listeners: [":8080"]
tenants: {public: {}, www: {DOMAINS: [www.example.com], URLCONF: app}, default: {URLCONF: app}}
urlconfs: {app: {reply: {body: x}}}
directory:
  source: file
  tenants: [{id: 1, schema_name: acme}]
  domains:
    - {tenant_id: 1, domain: acme.example.com}
    - {tenant_id: 1, domain: müller.example.com}
    - {tenant_id: 1, domain: "$(id).example.com"}
    - {tenant_id: 1, domain: "`+"`id`"+`"}
    - {tenant_id: 1, domain: "a;id"}
    - {tenant_id: 1, domain: "a'b"}
    - {tenant_id: 1, domain: "a b"}
    - {tenant_id: 1, domain: "a\tdescription"}
    - {tenant_id: 1, domain: "_activeHelp_ text"}
    - {tenant_id: 1, domain: "a\e]0;title\a"}
    - {tenant_id: 1, domain: "a\u202eb"}
    - {tenant_id: 1, domain: "~root"}
    - {tenant_id: 1, domain: "{a,b}"}
`)
	domains := "acme.example.com\nmüller.example.com\nwww.example.com\n"
	for _, c := range []struct {
		args []string
		want string
	}{
		{[]string{"tenants", "--config", path, "domain", "rm", ""}, domains},
		{[]string{"tenants", "--config", path, "rm", ""}, "acme\nwww\n"},
		{[]string{"eval", "--config", path, "--request", "GET http://a"}, "GET http://acme.example.com/\n"},
	} {
		code, stdout, _ := command("", append([]string{"__complete"}, c.args...)...)
		if got, _, _ := strings.Cut(stdout, ":"+stdout[strings.LastIndex(stdout, ":")+1:]); code != exitOK || got != c.want {
			t.Errorf("%q: exit %d, %q, expected %q", c.args, code, got, c.want)
		}
	}
}

// Pressing Tab in a folder connects to no database that a configuration there names,
// unless the command line names the configuration.
func TestTabConnectsOnlyToTheDatabaseOfANamedConfiguration(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var connections atomic.Int32
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			connections.Add(1)
			c.Close()
		}
	}()
	defer l.Close()
	folder := t.TempDir()
	t.Chdir(folder)
	for name, text := range map[string]string{
		"dsn": "postgres://app@" + l.Addr().String() + "/db?sslmode=disable",
		"tenantedge.yaml": `listeners: [":8080"]
tenants: {www: {DOMAINS: [www.example.com], URLCONF: app}, default: {URLCONF: app}}
urlconfs: {app: {reply: {body: x}}}
directory: {source: postgres, dsn_file: dsn}
`,
	} {
		if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for _, c := range []struct {
		args     []string
		connects bool
	}{
		{[]string{"tenants", "rm", ""}, false},
		{[]string{"tenants", "--config", "tenantedge.yaml", "rm", ""}, true},
	} {
		connections.Store(0)
		code, stdout, _ := command("", append([]string{"__complete"}, c.args...)...)
		if code != exitOK || !strings.HasPrefix(stdout, "www\n") || (connections.Load() > 0) != c.connects {
			t.Errorf("%q: exit %d, %q, %d connections", c.args, code, stdout, connections.Load())
		}
	}
}

// The scripts for fish evaluate the words of the command line. A word is one argument,
// whatever it has.
func TestFishRunsNothingOfTheWordsThatWereCompleted(t *testing.T) {
	fish, err := exec.LookPath("fish")
	if err != nil {
		t.Skip("fish is not installed")
	}
	folder := t.TempDir()
	for _, flag := range []string{"--no-descriptions=false", "--no-descriptions"} {
		code, script, stderr := command("", "completion", "fish", flag)
		if code != exitOK {
			t.Fatal(stderr)
		}
		ran := filepath.Join(folder, "ran")
		err = os.WriteFile(filepath.Join(folder, "tenantedge"), []byte("#!/bin/sh\nfor word; do printf '<%s>' \"$word\"; done >"+folder+"/words\nprintf 'done\\n:4\\n'\n"), 0o700)
		if err != nil {
			t.Fatal(err)
		}
		c := exec.Command(fish, "--no-config", "-c", script+"\ncomplete -C \"tenantedge eval 'GET http://a/;touch $ran' 'b \\$(touch $ran)' \\\"c d\\\" \"")
		c.Dir = folder // where a word that is run leaves its files
		c.Env = []string{"PATH=" + folder + ":" + os.Getenv("PATH"), "HOME=" + folder, "ran=" + ran}
		out, err := c.CombinedOutput()
		if err != nil || !strings.Contains(string(out), "done") {
			t.Fatalf("%v: %s", err, out)
		}
		words, err := os.ReadFile(filepath.Join(folder, "words"))
		if want := "<eval><GET http://a/;touch " + ran + "><b $(touch " + ran + ")><c d><>"; err != nil || !strings.HasSuffix(string(words), want) {
			t.Errorf("%s: %v, the command got %s, expected %s", flag, err, words, want)
		}
		if _, err := os.Stat(ran); err == nil {
			t.Errorf("%s: fish ran a part of a word", flag)
		}
	}
}
