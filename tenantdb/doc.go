// Package tenantdb holds the dynamic tenants and their domains: the tables
// that django-pgschemas keeps in Postgres, as an index in memory that answers
// without I/O, locks or allocations. A [Source] fills a [Directory] and follows
// the changes; everyone else only reads:
//
//	dir := tenantdb.NewDirectory(tenantdb.Options{})
//	src := file.New(file.Options{Path: "tenants.yaml"})
//	if err := src.Load(ctx, dir); err != nil {
//		return err
//	}
//	go src.Follow(ctx, dir)
//	match, found := dir.ByDomain("acme.example.com", "shop")
//
// Sources are in the packages below this one: file (YAML or JSON) and postgres.
// Why the index looks as it does is told in RATIONALE.md.
package tenantdb
