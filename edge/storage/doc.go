// Package storage keeps the files of tenants, with the semantics of Django's
// FileSystemStorage, and confines each tenant to its own files.
//
//	files, err := disk.New(disk.Config{Location: "/srv/media", BaseURL: "/media/"})
//	…
//	view, err := files.View(ctx, storage.Tenant{Schema: "acme"})
//	…
//	defer view.Close()
//	name, err := view.Save(ctx, "reports/2026.pdf", upload, 0)
//
// A [Storage] keeps the files of all tenants, and its [View] those of one.
// Package disk implements them for a folder, package object for an S3 bucket. A
// View is an [io/fs.FS], so that net/http can serve it, and [Django] gives it
// the operations of Django's storages. A [Signer] signs URLs of files.
package storage
