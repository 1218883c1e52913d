package postgres_test

import (
	"context"
	"fmt"
	"os"

	"github.com/tenantedge/tenantedge/tenantdb"
	"github.com/tenantedge/tenantedge/tenantdb/postgres"
)

func ExampleOpen() {
	db, err := postgres.Open(postgres.Config{
		DSN:       os.Getenv("DATABASE_URL"),
		Tables:    postgres.Tables{Tenant: "customers_tenant", Domain: "customers_domain", Attributes: []string{"schema_pathname"}},
		StateFile: "/var/lib/tenantedge/state",
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer db.Close()
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	dir := tenantdb.NewDirectory(tenantdb.Options{})
	if err := db.Source.Load(ctx, dir); err != nil {
		fmt.Println(err)
		return
	}
	go db.Source.Follow(ctx, dir)
	match, found := dir.ByDomain("acme.example.com", "")
	fmt.Println(match.Tenant.Schema, found)
}
