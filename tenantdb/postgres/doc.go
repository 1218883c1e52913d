// Package postgres reads tenants and domains from Postgres, from the tables of a
// django-pgschemas project or from tables that it creates, and follows their
// changes:
//
//	db, err := postgres.Open(postgres.Config{
//		DSN:    "postgres://edge@db/app",
//		Tables: postgres.Tables{Tenant: "customers_tenant", Domain: "customers_domain"},
//	})
//	if err != nil {
//		return err
//	}
//	defer db.Close()
//	if err := db.Source.Load(ctx, dir); err != nil {
//		return err
//	}
//	go db.Source.Follow(ctx, dir)
//
// A [DB] also creates tables and the triggers that notify of changes ([DB.Init]),
// writes tenants and domains ([Store]), runs named read-only statements
// ([Queries]), and reads Django's sessions ([Sessions]). No error text of this
// package contains a password.
package postgres
