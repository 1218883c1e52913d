package storage_test

import (
	"context"
	"errors"
	"fmt"
	"log"
	"os"
	"strings"

	"github.com/tenantedge/tenantedge/edge/storage"
	"github.com/tenantedge/tenantedge/edge/storage/disk"
)

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

	_, err = storage.Django{View: view}.Size("../other/secret.pdf")
	fmt.Println(errors.Is(err, storage.ErrSuspicious))
	// Output:
	// /media/acme/reports/2026.pdf
	// true
}
