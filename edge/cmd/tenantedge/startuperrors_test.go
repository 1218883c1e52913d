package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// An error that keeps serve from starting is reported once, with its location, by
// serve and by check.
func TestStartupErrorsHaveTheirPosition_F5(t *testing.T) {
	const rest = "\nurlconfs: {app: {reply: {}}}\nlisteners: [\"127.0.0.1:0\"]\nadmin: \"off\"\ntenants: {www: {domains: [a.example.com], urlconf: app}}\n"
	for name, c := range map[string]struct{ text, want string }{
		"a converter that the guest does not know": {`ws_urlconfs: {"a.b": [{path: "a/", name: a, upstream: "ws://127.0.0.1:1"}, {path: "<date:d>", name: b, upstream: "ws://127.0.0.1:1"}]}`, `:1:76: ws_urlconfs."a.b"[1].path: "<date:d>" has the converter`},
		"an invalid regular expression":            {`ws_urlconfs: {a: [{regex: "(", name: a, consumer: true}]}`, `:1:19: ws_urlconfs.a[0].regex: "(": expected a )`},
		"a missing guest":                          {`guest: {path: no.wasm}`, `:1:9: guest.path: expected a Wasm module`},
		"a file that is not a guest":               {`guest: {path: file.yaml}`, `:1:9: guest.path: expected a Wasm module, found`},
	} {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "file.yaml")
			if err := os.WriteFile(path, []byte(c.text+rest), 0o600); err != nil {
				t.Fatal(err)
			}
			code, _, stderr := command("", "serve", "-c", path)
			if want := "tenantedge: " + path + c.want; code != exitFailed || !strings.HasPrefix(stderr, want) || strings.Count(stderr, "\n") != 1 {
				t.Errorf("serve: exit %d, %q, expected one line that begins with %q", code, stderr, want)
			}
			code, stdout, _ := command("", "check", "-c", path)
			if code != exitFailed || !strings.HasPrefix(stdout, path+c.want) || strings.Count(stdout, "\n") != 1 {
				t.Errorf("check: exit %d, %q", code, stdout)
			}
		})
	}
}
