package upstream_test

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"

	"github.com/tenantedge/tenantedge/edge"
	"github.com/tenantedge/tenantedge/edge/upstream"
	"github.com/tenantedge/tenantedge/guest/abi"
)

// An application behind the edge learns the tenant from a header.
func Example() {
	app := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprintf(w, "%s asks for %s", r.Header.Get("tenant"), r.URL.Path)
	}))
	defer app.Close()
	u, err := url.Parse(app.URL)
	if err != nil {
		fmt.Println(err)
		return
	}
	host, err := edge.New(context.Background(), edge.Config{
		GuestConfig: abi.Config{Tenants: []abi.StaticTenant{{Schema: "www", Domains: []string{"example.com"}}}},
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer host.Close()
	handler, err := upstream.New(upstream.Config{URL: u, Host: host})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer handler.Close()

	server := httptest.NewServer(host.Middleware(handler))
	defer server.Close()
	r, _ := http.NewRequest("GET", server.URL+"/orders", nil)
	r.Host = "example.com"
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		fmt.Println(err)
		return
	}
	defer resp.Body.Close()
	text, _ := io.ReadAll(resp.Body)
	fmt.Println(string(text))
	// Output: www asks for /orders
}
