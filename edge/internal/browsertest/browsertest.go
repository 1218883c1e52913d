// Package browsertest runs scripts that drive a real Chromium against pages of a
// test's server, with playwright-core and axe-core:
//
//	browsertest.Run(t, "testdata/page.cjs", map[string]string{"url": server.URL})
//
// A script exports a function, which harness.cjs calls with what it needs. Its checks
// become subtests. `make browser` installs what is missing.
package browsertest

import (
	"bufio"
	"bytes"
	_ "embed"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

//go:embed package-lock.json
var lock []byte

//go:embed harness.cjs
var harness []byte

// Run runs a script with values. It skips the test with a reason where Chromium,
// Node.js or the packages are missing, unless TENANTEDGE_BROWSER is all.
func Run(t *testing.T, script string, values map[string]string) {
	t.Helper()
	chromium, modules, missing := find()
	if missing != "" {
		if os.Getenv("TENANTEDGE_BROWSER") == "all" {
			t.Fatalf("expected a browser, found that %s", missing)
		}
		t.Skipf("%s; `make browser` installs what is missing", missing)
	}
	script, err := filepath.Abs(script)
	if err != nil {
		t.Fatal(err)
	}
	main := filepath.Join(t.TempDir(), "harness.cjs")
	if err := os.WriteFile(main, harness, 0o600); err != nil {
		t.Fatal(err)
	}
	args, err := json.Marshal(values)
	if err != nil {
		t.Fatal(err)
	}
	c := exec.CommandContext(t.Context(), "node", main, script, string(args))
	c.Env = append(os.Environ(), "NODE_PATH="+modules, "CHROMIUM="+chromium, "HOME="+t.TempDir())
	var stderr bytes.Buffer
	c.Stderr = &stderr
	out, err := c.Output()
	checks := 0
	for lines := bufio.NewScanner(bytes.NewReader(out)); lines.Scan(); {
		var check struct{ Name, Failure string }
		if json.Unmarshal(lines.Bytes(), &check) != nil || check.Name == "" {
			t.Log(lines.Text())
			continue
		}
		checks++
		t.Run(check.Name, func(t *testing.T) {
			if check.Failure != "" {
				t.Error(check.Failure)
			}
		})
	}
	if err != nil || checks == 0 {
		t.Fatalf("%s: %v after %d checks: %s", script, err, checks, stderr.String())
	}
}

// folder has the installed packages. Tests that start programs change the variable, so
// it is read first.
var folder = func() string {
	cache := os.Getenv("XDG_CACHE_HOME")
	if cache == "" {
		home, _ := os.UserHomeDir()
		cache = filepath.Join(home, ".cache")
	}
	return filepath.Join(cache, "tenantedge", "browser")
}()

// find returns the programs and the folder of the packages, or what is missing.
func find() (chromium, modules, missing string) {
	for _, name := range []string{"chromium", "google-chrome", "chrome"} {
		if path, err := exec.LookPath(name); err == nil {
			chromium = path
			break
		}
	}
	if chromium == "" {
		return "", "", "chromium is not on PATH"
	}
	if _, err := exec.LookPath("node"); err != nil {
		return "", "", "node is not on PATH"
	}
	installed, err := os.ReadFile(filepath.Join(folder, "package-lock.json"))
	if modules = filepath.Join(folder, "node_modules"); err != nil || !bytes.Equal(installed, lock) {
		return "", "", "the packages of edge/internal/browsertest/package-lock.json are not installed in " + folder
	}
	return chromium, modules, ""
}
