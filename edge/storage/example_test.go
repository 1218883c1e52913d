package storage_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log"
	"os"
	"strings"
	"time"

	"github.com/tenantedge/tenantedge/edge/storage"
	"github.com/tenantedge/tenantedge/edge/storage/backend"
	"github.com/tenantedge/tenantedge/edge/storage/disk"
)

// open returns the files of a tenant in a temporary folder.
func open(c disk.Config) (view *disk.View, cleanup func()) {
	location, err := os.MkdirTemp("", "media-")
	if err != nil {
		log.Fatal(err)
	}
	c.Location, c.BaseURL = location, "/media/"
	files, err := disk.New(c)
	if err != nil {
		log.Fatal(err)
	}
	view, err = files.For(context.Background(), storage.Tenant{Schema: "acme"})
	if err != nil {
		log.Fatal(err)
	}
	return view, func() {
		if err := errors.Join(view.Close(), files.Close(), os.RemoveAll(location)); err != nil {
			log.Fatal(err)
		}
	}
}

func Example() {
	location, err := os.MkdirTemp("", "media-")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(location)

	files, err := disk.New(disk.Config{Location: location, BaseURL: "/media/"})
	if err != nil {
		log.Fatal(err)
	}
	defer files.Close()

	ctx := context.Background()
	view, err := files.For(ctx, storage.Tenant{Schema: "acme"})
	if err != nil {
		log.Fatal(err)
	}
	defer view.Close()

	name, err := view.Save(ctx, "reports/2026.pdf", strings.NewReader("figures"), 0)
	if err != nil {
		log.Fatal(err)
	}
	url, err := view.URL(ctx, name)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(url)

	_, err = view.Resolve("../other/secret.pdf")
	fmt.Println(errors.Is(err, storage.ErrSuspicious))
	// Output:
	// /media/acme/reports/2026.pdf
	// true
}

// Django's names may be relative to the tenant's folder in any way.
func ExampleDjango() {
	view, cleanup := open(disk.Config{})
	defer cleanup()
	if _, err := view.Save(context.Background(), "reports/2026.pdf", strings.NewReader("figures"), 0); err != nil {
		log.Fatal(err)
	}
	django := storage.Django{View: view}
	fmt.Println(django.ListDir("./reports//"))
	fmt.Println(django.Size("reports/../reports/2026.pdf"))
	// Output:
	// [] [2026.pdf] <nil>
	// 7 <nil>
}

func ExampleSigner() {
	signer, err := storage.NewSigner(storage.Key{ID: "2026", Secret: []byte("a secret of 16 bytes or more")})
	if err != nil {
		log.Fatal(err)
	}
	now := time.Unix(1_800_000_000, 0)
	grant := storage.Grant{Tenant: "acme", Method: "GET", Path: "/media/acme/a.txt", Expires: now.Add(time.Hour)}
	query := signer.Sign(grant).Encode()
	fmt.Println(signer.Verify(grant, query, now))

	grant.Tenant = "other"
	fmt.Println(errors.Is(signer.Verify(grant, query, now), storage.ErrSignature))
	// Output:
	// <nil>
	// true
}

func ExampleQuota() {
	view, cleanup := open(disk.Config{Quota: func(storage.Tenant) storage.Quota { return storage.Quota{Bytes: 10} }})
	defer cleanup()
	_, err := view.Save(context.Background(), "a", strings.NewReader("more than ten bytes"), 0)
	fmt.Println(errors.Is(err, storage.ErrQuota))
	// Output: true
}

// Replace fails if the file is not the one that was seen.
func ExampleView() {
	view, cleanup := open(disk.Config{})
	defer cleanup()
	ctx := context.Background()
	seen, err := view.Create(ctx, "a", strings.NewReader("first"))
	if err != nil {
		log.Fatal(err)
	}
	isSeen := func(found fs.FileInfo) bool { return os.SameFile(seen, found) }
	for _, content := range []string{"second", "third"} {
		_, err := view.Replace(ctx, "a", strings.NewReader(content), isSeen)
		fmt.Println(errors.Is(err, storage.ErrChanged))
	}
	content, err := fs.ReadFile(view, "a")
	fmt.Println(string(content), err)
	// Output:
	// false
	// true
	// second <nil>
}

func Example_parts() {
	view, cleanup := open(disk.Config{})
	defer cleanup()
	ctx := context.Background()
	begun, err := view.NewPartial(ctx, backend.Record{Name: "big.bin", Size: 10, Expires: time.Now().Add(time.Hour)})
	if err != nil {
		log.Fatal(err)
	}
	if err := begun.Close(); err != nil {
		log.Fatal(err)
	}
	for _, part := range []io.Reader{strings.NewReader("01234"), strings.NewReader("56789")} {
		p, err := view.Partial(begun.ID()) // in any process
		if err != nil {
			log.Fatal(err)
		}
		if _, err := p.Append(ctx, p.Offset(), part, nil); err != nil {
			log.Fatal(err)
		}
		fmt.Printf("%d %q\n", p.Offset(), p.Record().Saved)
		if err := p.Close(); err != nil {
			log.Fatal(err)
		}
	}
	// Output:
	// 5 ""
	// 10 "big.bin"
}
