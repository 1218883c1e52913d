package tenantdb_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"

	"github.com/tenantedge/tenantedge/tenantdb"
)

func ExampleDirectory() {
	dir := tenantdb.NewDirectory(tenantdb.Options{})
	report := dir.Replace(tenantdb.State{
		Tenants: []tenantdb.Tenant{{ID: "1", Schema: "acme"}, {ID: "2", Schema: "pg_x"}},
		Domains: []tenantdb.Domain{
			{TenantID: "1", Domain: "acme.example.com", IsPrimary: true},
			{TenantID: "1", Domain: "shared.example.com", Folder: "acme", RedirectToPrimary: true},
		},
	})
	fmt.Println(report)

	match, found := dir.ByDomain("shared.example.com", "acme")
	fmt.Println(match.Tenant.Schema, match.RedirectToPrimary, found)

	dir.Apply([]tenantdb.Change{{Tenant: tenantdb.Tenant{ID: "1"}, Removed: true}})
	_, found = dir.ByReference("acme")
	fmt.Println(found)
	// Output:
	// 1 tenants, 2 domains, 1 rows left out; tenant "2" (schema "pg_x"): schema names that start with pg_ are reserved by Postgres
	// acme true true
	// false
}

func ExampleDirectory_Changed() {
	dir := tenantdb.NewDirectory(tenantdb.Options{})
	ctx, cancel := context.WithCancel(context.Background())
	rebuilt := make(chan int)
	rebuild := func(dir *tenantdb.Directory) { rebuilt <- dir.Stats().Tenants }
	follow := func() {
		for {
			changed := dir.Changed()
			rebuild(dir)
			select {
			case <-changed:
			case <-ctx.Done():
				return
			}
		}
	}
	go follow()
	fmt.Println(<-rebuilt)
	dir.Apply([]tenantdb.Change{{Tenant: tenantdb.Tenant{ID: "1", Schema: "acme"}}})
	fmt.Println(<-rebuilt)
	cancel()
	// Output:
	// 0
	// 1
}

func ExampleSaveState() {
	folder, err := os.MkdirTemp("", "state")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer os.RemoveAll(folder)
	path := filepath.Join(folder, "state")
	dir := tenantdb.NewDirectory(tenantdb.Options{})
	dir.Replace(tenantdb.State{Tenants: []tenantdb.Tenant{{ID: "1", Schema: "acme"}}})
	restore := func() error {
		if err := tenantdb.SaveState(path, dir); err != nil {
			return err
		}
		state, err := tenantdb.LoadState(path)
		if err != nil {
			return err
		}
		report := dir.Replace(state)
		fmt.Println(report)
		return nil
	}
	if err := restore(); err != nil {
		fmt.Println(err)
	}
	// Output: 1 tenants, 0 domains
}
