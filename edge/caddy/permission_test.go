package tenantedge_test

import (
	"context"
	"encoding/json"
	"errors"
	"path/filepath"
	"strings"
	"testing"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/modules/caddytls"
)

func TestThePermissionAllowsDomainsOfTenantsOnly(t *testing.T) {
	for _, www := range []bool{false, true} {
		w := newWorld(t)
		file := filepath.Join(w.dir, "rows.yaml")
		w.write(file, rows)
		w.edgeFile("tenants:\n  www: {DOMAINS: [static.test], FALLBACK_DOMAINS: [fallback.test], URLCONF: app}\n  default: {URLCONF: app}\ndirectory: {source: file, path: rows.yaml}\nurlconfs: {app: {reply: {}}}\n")
		w.load(oneEdge, "tenantedge\nrespond ok")
		ctx, cancel := caddy.NewContext(caddy.ActiveContext())
		defer cancel()
		config, err := json.Marshal(map[string]any{"www": www})
		if err != nil {
			t.Fatal(err)
		}
		module, err := ctx.LoadModuleByID("tls.permission.tenantedge", config)
		if err != nil {
			t.Fatal(err)
		}
		allowed := func(name string) bool {
			err := module.(caddytls.OnDemandPermission).CertificateAllowed(context.Background(), name)
			if err != nil && !errors.Is(err, caddytls.ErrPermissionDenied) {
				t.Errorf("%s: %v is not caddytls.ErrPermissionDenied", name, err)
			}
			return err == nil
		}
		for name, want := range map[string]bool{
			"acme.test": true, "ACME.test": true, "acme.test.": true, "static.test": true, "fallback.test": true, "shared.test": true,
			"www.acme.test": www, "www.shared.test": www, "www.www.acme.test": false,
			"unknown.test": false, "test": false, "x.acme.test": false, "*.acme.test": false, "acme.test:443": false, "acme.test/x": false,
			"": false, "127.0.0.1": false, "later.example": false, strings.Repeat("a.", 5000) + "acme.test": false,
		} {
			if got := allowed(name); got != want {
				t.Errorf("www %v: %.40q is allowed: %v, expected %v", www, name, got, want)
			}
		}
		// The directory is followed, also for domains whose rows have folders.
		w.write(file, strings.NewReplacer("acme.test", "moved.test", "shared.test", "common.test").Replace(rows))
		eventually(t, "the permission to follow the directory", func() error {
			if allowed("acme.test") || !allowed("moved.test") || allowed("shared.test") || !allowed("common.test") {
				return errors.New("it has the old domains")
			}
			return nil
		})
	}
}
