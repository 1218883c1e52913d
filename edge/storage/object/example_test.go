package object_test

import (
	"context"
	"fmt"
	"log"
	"strings"
	"time"

	"github.com/tenantedge/tenantedge/edge/storage"
	"github.com/tenantedge/tenantedge/edge/storage/object"
)

// It needs a server, so that it is only compiled.
func Example() {
	ctx := context.Background()
	files, err := object.New(object.Config{Endpoint: "https://s3.example.com", Bucket: "media", BaseURL: "/media/"})
	if err != nil {
		log.Fatal(err)
	}
	defer files.Close()
	if err := files.Check(ctx); err != nil { // that nothing can be overwritten
		log.Fatal(err)
	}

	view, err := files.For(ctx, storage.Tenant{Schema: "acme"})
	if err != nil {
		log.Fatal(err)
	}
	defer view.Close()
	name, err := view.Save(ctx, "reports/2026.pdf", strings.NewReader("figures"), 0)
	if err != nil {
		log.Fatal(err)
	}
	url, err := view.Presign(ctx, "GET", name, time.Hour)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(url)
}
