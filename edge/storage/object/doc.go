// Package object keeps the files of tenants in a bucket of an S3-compatible server,
// with the same names and errors as package disk. It never overwrites a file.
//
//	files, err := object.New(object.Config{Endpoint: "https://s3.example.com", Bucket: "media", BaseURL: "/media/"})
//	…
//	view, err := files.For(ctx, storage.Tenant{Schema: "acme"})
//	…
//	name, err := view.Save(ctx, "reports/2026.pdf", upload, 0)
//
// The key of that file is "acme/reports/2026.pdf". Every request for a tenant is
// confined to keys that begin with its identifier and a slash, so that tenant "a"
// has no access to "ab" and "a-b".
//
// The server must honour If-None-Match when objects are created; [Storage.Check]
// checks this. To replace files it must honour If-Match too; see
// [Storage.CheckReplace].
package object
