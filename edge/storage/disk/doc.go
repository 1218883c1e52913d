// Package disk keeps the files of tenants in a folder, each tenant's in a folder
// below it, as Django's FileSystemStorage does.
//
//	files, err := disk.New(disk.Config{Location: "/srv/media", BaseURL: "/media/"})
//	…
//	view, err := files.For(ctx, storage.Tenant{Schema: "acme"})
//	…
//	defer view.Close()
//	name, err := view.Save(ctx, "reports/2026.pdf", upload, 0)
//
// Every access goes through an [os.Root] of the tenant's folder. So a symbolic
// link leads nowhere outside of it, not even one that is created while a file is
// being opened.
package disk
