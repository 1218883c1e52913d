package web

import (
	"context"
	"embed"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"github.com/tenantedge/tenantedge/bench/table"
)

// workerdFiles holds the worker and the pinned version of workerd.
//
//go:embed workerd
var workerdFiles embed.FS

// workerdConfig serves the worker on a free port of the loopback interface.
const workerdConfig = `using Workerd = import "/workerd/workerd.capnp";
const config :Workerd.Config = (
  services = [ (name = "main", worker = (
    modules = [
      (name = "worker.js", esModule = embed "worker.js"),
      (name = "table.json", json = embed "table.json"),
    ],
    compatibilityDate = "2026-11-01",
  )) ],
  sockets = [ (name = "http", address = "127.0.0.1:0", http = (), service = "main") ],
);
`

// workerdFolder returns the folder in the user's cache where npm installs workerd.
func workerdFolder() (string, error) {
	cache, err := os.UserCacheDir()
	return filepath.Join(cache, "tenantedge-bench", "workerd"), err
}

// installWorkerd installs the pinned version with npm, if necessary, and returns
// the version found. There is no lock file: the package pins the versions of its
// binaries, and npm writes a different lock file on each platform.
func installWorkerd(ctx context.Context) (string, error) {
	folder, err := workerdFolder()
	if err != nil {
		return "", err
	}
	if err := writeWorkerdFiles(folder, "package.json"); err != nil {
		return "", err
	}
	var pinned struct{ Dependencies map[string]string }
	b, err := workerdFiles.ReadFile("workerd/package.json")
	if err == nil {
		err = json.Unmarshal(b, &pinned)
	}
	if err != nil {
		return "", err
	}
	if _, err := exec.LookPath("npm"); err != nil {
		return "", errors.New("installing workerd needs npm, which is not on PATH")
	}
	npm := exec.CommandContext(ctx, "npm", "install", "--no-package-lock", "--ignore-scripts", "--no-audit", "--no-fund")
	npm.Dir = folder
	if text, err := npm.CombinedOutput(); err != nil {
		return "", fmt.Errorf("npm install: %w: %.300s", err, text)
	}
	binary, err := workerdBinary()
	if err != nil {
		return "", err
	}
	output, err := exec.CommandContext(ctx, binary, "--version").Output()
	if err != nil {
		return "", fmt.Errorf("running workerd --version: %w", err)
	}
	return fmt.Sprintf("%s (%s)", pinned.Dependencies["workerd"], strings.TrimSpace(string(output))), nil
}

// workerdBinary returns the path of the binary in the package of this platform,
// which needs no Node.js.
func workerdBinary() (string, error) {
	folder, err := workerdFolder()
	if err != nil {
		return "", err
	}
	found, err := filepath.Glob(filepath.Join(folder, "node_modules", "@cloudflare", "workerd-*", "bin", "workerd*"))
	if err == nil && len(found) == 0 {
		err = errors.New("npm has no workerd for this platform")
	}
	if err != nil {
		return "", err
	}
	return found[0], nil
}

func writeWorkerdFiles(folder string, names ...string) error {
	if err := os.MkdirAll(folder, 0o755); err != nil {
		return err
	}
	for _, name := range names {
		b, err := fs.ReadFile(workerdFiles, "workerd/"+name)
		if err == nil {
			err = os.WriteFile(filepath.Join(folder, name), b, 0o644)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func workerdCommand(ctx context.Context, domains int) (*exec.Cmd, func() error, error) {
	binary, err := workerdBinary()
	if err != nil {
		return nil, nil, err
	}
	dir, err := os.MkdirTemp("", "bench-workerd-")
	if err != nil {
		return nil, nil, err
	}
	remove := func() error { return os.RemoveAll(dir) }
	if err := errors.Join(writeWorkerdFiles(dir, "worker.js"), writeTable(dir, domains),
		os.WriteFile(filepath.Join(dir, "config.capnp"), []byte(workerdConfig), 0o644)); err != nil {
		return nil, nil, errors.Join(err, remove())
	}
	// workerd writes its port to descriptor 3.
	c := exec.CommandContext(ctx, binary, "serve", "--control-fd=3", filepath.Join(dir, "config.capnp"))
	c.Stdout, c.Stderr = os.Stderr, os.Stderr
	return c, func() error {
		if err := c.Process.Kill(); err != nil {
			return errors.Join(err, remove())
		}
		_ = c.Wait() // reports the signal
		return remove()
	}, nil
}

// writeTable writes the table in the format of the worker.
func writeTable(dir string, domains int) error {
	t, err := table.New(domains)
	if err != nil {
		return err
	}
	var out struct {
		Rows    [][3]string `json:"rows"`
		Statics [][2]string `json:"statics"`
	}
	schemas := map[string]string{}
	for tenant := range t.Directory.Tenants() {
		schemas[tenant.ID] = tenant.Schema
	}
	for d := range t.Directory.Domains() {
		out.Rows = append(out.Rows, [3]string{d.Domain, d.Folder, schemas[d.TenantID]})
	}
	for _, s := range t.Config.Tenants {
		for _, d := range s.Domains {
			out.Statics = append(out.Statics, [2]string{d, s.Schema})
		}
	}
	b, err := json.Marshal(out)
	if err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(dir, "table.json"), b, 0o644)
}
