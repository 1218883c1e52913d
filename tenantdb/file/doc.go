// Package file reads tenants and domains from a YAML or JSON file, and follows
// its changes:
//
//	tenants:
//	  - {id: 1, schema_name: acme, schema_pathname: acme-files}
//	domains:
//	  - {tenant_id: 1, domain: acme.example.com, is_primary: true}
//	  - {tenant_id: 1, domain: shared.example.com, folder: acme}
//
// Other keys of a tenant become its attributes. A file that cannot be read or is
// not valid changes nothing: the last good state stays, and the log and
// [tenantdb.Directory.Stats] report the error and its position.
//
//	src := file.New(file.Options{Path: "tenants.yaml"})
//	err := src.Load(ctx, dir)
package file
