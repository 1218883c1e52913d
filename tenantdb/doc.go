// Package tenantdb indexes dynamic tenants and their domains, the rows that
// django-pgschemas keeps in Postgres, in memory: lookups need no I/O, no locks
// and no allocations. A [Source] fills a [Directory] and follows the changes:
//
//	dir := tenantdb.NewDirectory(tenantdb.Options{})
//	src := file.New(file.Options{Path: "tenants.yaml"})
//	if err := src.Load(ctx, dir); err != nil {
//		return err
//	}
//	go src.Follow(ctx, dir)
//	match, found := dir.ByDomain("acme.example.com", "shop")
//
// The packages file (YAML or JSON) and postgres have sources. README.md has
// recipes, RATIONALE.md the reasons for the design.
package tenantdb
