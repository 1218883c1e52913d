// Package postgres reads tenants and domains from Postgres, from the tables of
// a django-pgschemas project as they are or from tables of our own, and follows
// their changes:
//
//	src, err := postgres.New(postgres.Options{
//		DSN:    "postgres://edge@db/app",
//		Tables: postgres.Tables{Tenant: "customers_tenant", Domain: "customers_domain"},
//	})
//	if err != nil {
//		return err
//	}
//	defer src.Close()
//	if err := src.Load(ctx, dir); err != nil {
//		return err
//	}
//	go src.Follow(ctx, dir)
//
// Beside the source there are [Init], which makes tables and the triggers that
// notify of changes; [Store], which writes tenants and domains; [Queries], the
// named read-only statements of guests; and [Sessions], Django's sessions in
// the database. No error text of this package has a password in it.
package postgres
