package serve_test

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"os/signal"
	"strings"

	"github.com/tenantedge/tenantedge/edge"
	"github.com/tenantedge/tenantedge/edge/config"
	"github.com/tenantedge/tenantedge/edge/serve"
	"github.com/tenantedge/tenantedge/guest/abi"
)

const file = `
tenants:
  www: {DOMAINS: [www.example.com], URLCONF: site}
urlconfs:
  site: {reply: {body: "hello\n"}}
admin: off
`

func ExampleRun() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	file, err := config.Load("tenantedge.yaml")
	if err == nil {
		err = serve.Run(ctx, file, serve.Options{})
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// A Server without listeners is an http.Handler.
func ExampleNew() {
	ctx := context.Background()
	f, err := config.Parse("tenantedge.yaml", []byte(file))
	if err != nil {
		fmt.Println(err)
		return
	}
	s, err := serve.New(ctx, f, serve.Options{})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer s.Close()
	if err := s.Start(ctx); err != nil {
		fmt.Println(err)
		return
	}
	w := httptest.NewRecorder()
	s.ServeHTTP(w, httptest.NewRequest("GET", "http://www.example.com/", nil))
	fmt.Print(w.Code, " ", w.Body)
	// Output: 200 hello
}

// Open opens the services of a file for a Host that the caller makes.
func ExampleOpen() {
	ctx := context.Background()
	f, err := config.Parse("tenantedge.yaml", []byte(file))
	if err != nil {
		fmt.Println(err)
		return
	}
	parts, err := serve.Open(f, serve.Options{})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer parts.Close()
	if err := parts.Load(ctx); err != nil {
		fmt.Println(err)
		return
	}
	host, err := edge.New(ctx, parts.Config)
	if err != nil {
		fmt.Println(err)
		return
	}
	defer host.Close()
	d, err := host.Route(ctx, &edge.Request{Method: "GET", Scheme: "http", Host: "www.example.com", Target: "/"})
	fmt.Println(d.Tenant.Schema, d.Tenant.URLConf, err)
	// Output: www site <nil>
}

// A program that embeds package edge serves the files of its tenants.
func ExampleNewMedia() {
	ctx := context.Background()
	c := edge.Config{GuestConfig: abi.Config{Tenants: []abi.StaticTenant{{Schema: "www", Domains: []string{"www.example.com"}}}}}
	host, err := edge.New(ctx, c)
	if err != nil {
		fmt.Println(err)
		return
	}
	defer host.Close()
	location, err := os.MkdirTemp("", "media")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer os.RemoveAll(location)
	media, err := serve.NewMedia(host, http.NotFoundHandler(), serve.MediaOptions{
		Files:   config.Media{Location: location, BaseURL: "/media/"},
		Uploads: &config.Uploads{},
		Tenants: c.GuestConfig.Tenants,
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer media.Close()
	if err := media.Check(ctx); err != nil {
		fmt.Println(err)
		return
	}
	handler := host.Middleware(media)
	for _, method := range []string{"PUT", "GET"} {
		w := httptest.NewRecorder()
		handler.ServeHTTP(w, httptest.NewRequest(method, "http://www.example.com/media/www/a.txt", nil))
		fmt.Println(method, w.Code)
	}
	// Output:
	// PUT 201
	// GET 200
}

// A program reloads the configuration at a time of its choice. Server.Follow does it
// when the file changes.
func ExampleServer_Reload() {
	ctx := context.Background()
	parse := func(body string) *config.File {
		f, err := config.Parse("tenantedge.yaml", []byte(strings.Replace(file, "hello", body, 1)))
		if err != nil {
			panic(err)
		}
		return f
	}
	s, err := serve.New(ctx, parse("hello"), serve.Options{Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		panic(err)
	}
	defer s.Close()
	if err := s.Start(ctx); err != nil {
		panic(err)
	}
	get := func() {
		r := httptest.NewRequest(http.MethodGet, "http://www.example.com/", nil)
		w := httptest.NewRecorder()
		s.ServeHTTP(w, r)
		fmt.Print(w.Body)
	}
	get()
	if err := s.Reload(ctx, parse("hello again")); err != nil {
		panic(err) // the configuration before serves on
	}
	get()
	// Output:
	// hello
	// hello again
}
