package serve

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"os"
	"time"

	"github.com/tenantedge/tenantedge/edge"
	"github.com/tenantedge/tenantedge/edge/config"
	"github.com/tenantedge/tenantedge/guest/abi"
)

// The environment variables of a process that runs serveUploads: the folder of its
// files, and the folder of compiled guests.
const (
	uploadServerVariable = "TENANTEDGE_UPLOAD_SERVER"
	compiledVariable     = "TENANTEDGE_COMPILED"
)

// serveUploads serves the files of the tenant www. It writes its address to
// standard output and ends when standard input is closed.
func serveUploads(location string) {
	s, err := newServer(context.Background(), edge.Config{
		GuestConfig:  abi.Config{Tenants: []abi.StaticTenant{{Schema: "www", Domains: []string{"127.0.0.1"}, URLConf: "files"}}},
		CompileCache: os.Getenv(compiledVariable), Logger: slog.New(slog.DiscardHandler),
	}, settings{
		Listeners: []config.Listener{{Address: "127.0.0.1:0"}}, Media: &config.Media{Location: location, BaseURL: "/media/"},
		URLConfs: map[string]config.URLConf{"files": {Media: true, Access: config.AccessPublic, Uploads: &config.Uploads{
			Resumable: true, Expiry: time.Hour, Timeout: time.Minute, Public: true,
		}}},
		Logger: slog.New(slog.DiscardHandler),
	})
	if err == nil {
		err = s.listen()
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	fmt.Println(s.Addrs()[0])
	ctx, cancel := context.WithCancel(context.Background())
	go func() {
		_, _ = io.Copy(io.Discard, os.Stdin) // until the test is over
		cancel()
	}()
	if err := s.serve(ctx); err != nil {
		fmt.Fprintln(os.Stderr, err)
	}
	os.Exit(0)
}
