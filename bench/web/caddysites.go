package web

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"github.com/tenantedge/tenantedge/bench/process"
	"github.com/tenantedge/tenantedge/bench/web/proxied"
)

// Ways in which Caddy serves tenants.
const (
	CaddyBare   = "bare"   // reverse_proxy, which knows no tenants
	CaddySites  = "sites"  // a site for each tenant, with Caddy's own host matchers
	CaddyRouted = "routed" // the directive tenantedge before reverse_proxy
	CaddyServe  = "serve"  // the directive tenantedge_serve
)

// CaddySite is Caddy with the modules of edge/caddy, for a number of tenants. All
// ways are served by the same program.
type CaddySite struct {
	Way     string
	Tenants int
	admin   string
	config  string
}

// TenantHost returns the host of a tenant of a CaddySite.
func TenantHost(n int) string { return fmt.Sprintf("t%d.test", n) }

// BuildCaddyModules builds Caddy with the modules into the folder work.
func BuildCaddyModules(ctx context.Context, work string) (version string, err error) {
	module, err := exec.CommandContext(ctx, "go", "list", "-m", "-f", "{{.Dir}}", "github.com/tenantedge/tenantedge").Output()
	if err != nil {
		return "", fmt.Errorf("web: finding the module of tenantedge: %w", err)
	}
	build := exec.CommandContext(ctx, "go", "build", "-trimpath", "-o", filepath.Join(work, "caddy-tenantedge"), "./cmd/caddy")
	build.Dir = filepath.Join(strings.TrimSpace(string(module)), "edge", "caddy")
	build.Env = append(os.Environ(), "CGO_ENABLED=0", "GOFLAGS=")
	if text, err := build.CombinedOutput(); err != nil {
		return "", fmt.Errorf("web: building Caddy with the modules: %w: %.300s", err, text)
	}
	return caddyPinned, nil
}

// Start starts Caddy for an upstream.
func (c *CaddySite) Start(ctx context.Context, work, upstream string) (*Server, error) {
	address, err := process.FreeAddress()
	if err != nil {
		return nil, err
	}
	if c.admin, err = process.FreeAddress(); err != nil {
		return nil, err
	}
	name := fmt.Sprintf("%s-%d", c.Way, c.Tenants)
	if c.config, err = c.caddyfile(work, name, address, upstream); err != nil {
		return nil, err
	}
	program := exec.CommandContext(ctx, filepath.Join(work, "caddy-tenantedge"), "run", "--config", "-", "--adapter", "caddyfile")
	program.Stdin = strings.NewReader(c.config)
	program.Env = append(os.Environ(), "HOME="+state(work), "XDG_DATA_HOME="+state(work), "XDG_CONFIG_HOME="+state(work), "XDG_CACHE_HOME="+state(work))
	return startUnprivileged(ctx, "caddy "+name, program, address)
}

// caddyfile returns the configuration, and writes that of the edge and its rows.
func (c *CaddySite) caddyfile(work, name, address, upstream string) (string, error) {
	host, port, _ := strings.Cut(address, ":")
	var b strings.Builder
	fmt.Fprintf(&b, "{\n\tadmin %s\n\tauto_https off\n\tpersist_config off\n\tlog {\n\t\tlevel ERROR\n\t}\n", c.admin)
	if c.Way == CaddyRouted || c.Way == CaddyServe {
		fmt.Fprintf(&b, "\ttenantedge {\n\t\tconfig %s\n\t}\n", filepath.Join(work, name+".yaml"))
	}
	b.WriteString("}\n")
	site := func(address, directives string) {
		fmt.Fprintf(&b, "http://%s:%s {\n\tbind %s\n\t%s\n}\n", address, port, host, directives)
	}
	switch c.Way {
	case CaddyBare:
		site("", "reverse_proxy "+upstream)
	case CaddySites:
		for n := range c.Tenants {
			site(TenantHost(n), fmt.Sprintf("reverse_proxy %s {\n\t\theader_up tenant t%d\n\t}", upstream, n))
		}
		return b.String(), nil
	case CaddyRouted:
		site("", "tenantedge\n\treverse_proxy "+upstream)
	case CaddyServe:
		site("", "tenantedge_serve")
	}
	return b.String(), c.writeEdge(work, name, upstream)
}

// writeEdge writes the configuration of the edge, and its rows.
func (c *CaddySite) writeEdge(work, name, upstream string) error {
	var rows strings.Builder
	rows.WriteString("tenants:\n")
	for n := range c.Tenants {
		fmt.Fprintf(&rows, "- {id: %d, schema_name: t%d}\n", n, n)
	}
	rows.WriteString("domains:\n")
	for n := range c.Tenants {
		fmt.Fprintf(&rows, "- {tenant_id: %d, domain: %s}\n", n, TenantHost(n))
	}
	config := fmt.Sprintf("tenants: {default: {URLCONF: app}}\ndirectory: {source: file, path: %s-rows.yaml}\nurlconfs: {app: \"http://%s\"}\n", name, upstream)
	return errors.Join(
		os.WriteFile(filepath.Join(work, name+"-rows.yaml"), []byte(rows.String()), 0o644),
		os.WriteFile(filepath.Join(work, name+".yaml"), []byte(config), 0o644))
}

// Reload loads the configuration again, with a change that matters to no request, and
// returns how long that takes.
func (c *CaddySite) Reload(ctx context.Context) (time.Duration, error) {
	began := time.Now()
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://"+c.admin+"/load", strings.NewReader(c.config))
	if err != nil {
		return 0, err
	}
	r.Header.Set("Content-Type", "text/caddyfile")
	r.Header.Set("Cache-Control", "must-revalidate") // reload although nothing has changed
	response, err := http.DefaultClient.Do(r)
	if err != nil {
		return 0, fmt.Errorf("web: reloading Caddy: %w", err)
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if err == nil && response.StatusCode != http.StatusOK {
		err = fmt.Errorf("web: reloading Caddy: expected 200, found %d %.200q", response.StatusCode, text)
	}
	return time.Since(began), err
}

// Load requests pages of all tenants in turn.
func (c *CaddySite) Load(ctx context.Context, address string, connections int, length time.Duration) (Result, error) {
	return Plan{Connections: connections, Length: length}.load(ctx, address, func(cl *client, n int) error {
		// A prime step, so that successive requests are for unrelated tenants.
		host := TenantHost((cl.first*7919 + n*104729) % c.Tenants)
		status, body, err := cl.get(host, proxyTarget)
		if want := proxied.Answer(host, proxyTarget); err == nil && (status != http.StatusOK || string(body) != want) {
			err = fmt.Errorf("web: expected 200 and the upstream's answer %q, found %d and %.200q", want, status, body)
		}
		return err
	})
}
