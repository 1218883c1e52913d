// Package storage keeps the files of tenants on disk, each tenant's below a
// folder of its own, with what Django's FileSystemStorage does and a wall
// around it.
//
//	files, err := storage.New(storage.Config{Location: "/srv/media", BaseURL: "/media/"})
//	…
//	view, err := files.For(ctx, storage.Tenant{Schema: "acme"})
//	…
//	defer view.Close()
//	name, err := view.Save(ctx, "reports/2026.pdf", upload, 0)
//
// A [View] has two ways to name a file. Open, Stat and ReadDir make it an
// [io/fs.FS] and take names by the rules of that package. All others take
// names as Django does: "a//b", "./a/b" and "/srv/media/acme/a/b" are the same
// file, and a name that leaves the tenant's files is [ErrSuspicious].
//
// Whatever the name, every access goes through an [os.Root] of the tenant's
// folder: a symbolic link leads nowhere outside of it, even one that is put in
// place while a file is being opened.
package storage
