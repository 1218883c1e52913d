// Package object keeps the files of tenants in a bucket of an S3-compatible
// server, as package storage keeps them on a disk: the same names, the same
// errors, and no file that is overwritten.
//
//	files, err := object.New(object.Config{Endpoint: "https://s3.example.com", Bucket: "media", BaseURL: "/media/"})
//	…
//	view, err := files.For(ctx, storage.Tenant{Schema: "acme"})
//	…
//	name, err := view.Save(ctx, "reports/2026.pdf", upload, 0)
//
// The key of that file is "acme/reports/2026.pdf". All that is asked of the
// server for a tenant is below its identifier and a slash, so that tenant "a"
// sees nothing of "ab" and "a-b".
//
// A [Storage] is a [storage.Storage]. The server must honour If-None-Match when
// objects are made; [Storage.Check] reports whether it does. Where files are
// replaced it must honour If-Match too: [Storage.CheckReplace].
package object
