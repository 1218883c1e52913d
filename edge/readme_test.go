package edge_test

import (
	"context"
	"fmt"
	"net/http"
	"os"
	"strings"
	"testing"

	"github.com/tenantedge/tenantedge/edge"
	"github.com/tenantedge/tenantedge/edge/tenant"
	"github.com/tenantedge/tenantedge/guest/abi"
	"github.com/tenantedge/tenantedge/tenantdb"
	"github.com/tenantedge/tenantedge/tenantdb/file"
)

// An edge that reads its tenants from a file and follows its changes.
func Example_watchedFile() {
	serve := func(ctx context.Context) error {
		dir := tenantdb.NewDirectory(tenantdb.Options{})
		source := file.New(file.Options{Path: "tenants.yaml"})
		if err := source.Load(ctx, dir); err != nil {
			return err
		}
		go source.Follow(ctx, dir)

		host, err := edge.New(ctx, edge.Config{
			GuestConfig: abi.Config{
				Tenants: []abi.StaticTenant{{Schema: "www", Domains: []string{"example.com"}}},
				Default: &abi.DefaultTenant{},
			},
			Directory: dir,
		})
		if err != nil {
			return err
		}
		return http.ListenAndServe(":8080", host.Middleware(http.HandlerFunc(hello)))
	}
	_ = serve
}

func hello(w http.ResponseWriter, r *http.Request) {
	t, _ := tenant.From(r.Context())
	fmt.Fprintf(w, "%s sees %s\n", t.Schema, t.Path)
}

func TestTheGoInTheReadmeIsCompiled(t *testing.T) {
	read := func(name string) string {
		b, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		return string(b)
	}
	compiled := unindented(read("readme_test.go")) + unindented(read("../guest/example_test.go"))
	_, rest, found := strings.Cut(read("../README.md"), "```go\n")
	snippets := 0
	for ; found; snippets++ {
		var snippet string
		snippet, rest, _ = strings.Cut(rest, "```\n")
		// An init function in the README is an example in the code.
		snippet = strings.TrimPrefix(unindented(snippet), "func init() {\n")
		if !strings.Contains(compiled, snippet) {
			t.Errorf("no test compiles the snippet:\n%s", snippet)
		}
		_, rest, found = strings.Cut(rest, "```go\n")
	}
	if snippets < 3 {
		t.Errorf("found %d snippets, expected at least three", snippets)
	}
}

func unindented(text string) string {
	var b strings.Builder
	for line := range strings.Lines(text) {
		b.WriteString(strings.TrimLeft(line, "\t"))
	}
	return b.String()
}
