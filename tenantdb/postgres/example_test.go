package postgres_test

import (
	"context"
	"fmt"
	"os"

	"github.com/tenantedge/tenantedge/tenantdb"
	"github.com/tenantedge/tenantedge/tenantdb/postgres"
)

// The tables of a django-pgschemas project.
func ExampleOpen() {
	follow := func(ctx context.Context, dir *tenantdb.Directory) error {
		db, err := postgres.Open(postgres.Config{
			DSN:       os.Getenv("DATABASE_URL"),
			Tables:    postgres.Tables{Tenant: "customers_tenant", Domain: "customers_domain", Attributes: []string{"schema_pathname"}},
			StateFile: "/var/lib/tenantedge/state",
		})
		if err != nil {
			return err
		}
		defer db.Close()
		if err := db.Source.Load(ctx, dir); err != nil {
			return err
		}
		go db.Source.Follow(ctx, dir)

		match, found := dir.ByDomain("acme.example.com", "")
		fmt.Println(match.Tenant.Schema, found)
		return nil
	}
	if err := follow(context.Background(), tenantdb.NewDirectory(tenantdb.Options{})); err != nil {
		fmt.Fprintln(os.Stderr, err)
	}
}

// Tables without Django.
func ExampleStore() {
	add := func(ctx context.Context) error {
		db, err := postgres.Open(postgres.Config{DSN: os.Getenv("DATABASE_URL")})
		if err != nil {
			return err
		}
		defer db.Close()
		steps, err := db.Init(ctx, false)
		if err != nil {
			return err
		}
		for _, s := range steps {
			fmt.Println(s.What)
		}
		added, err := db.Store.AddTenant(ctx, postgres.NewTenant{
			Schema: "acme",
			Domain: &tenantdb.Domain{Domain: "acme.example.com"},
		})
		fmt.Println(added.ID, err)
		return err
	}
	if err := add(context.Background()); err != nil {
		fmt.Fprintln(os.Stderr, err)
	}
}
