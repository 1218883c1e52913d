// Package web measures HTTP servers on the loopback interface. Each is a separate
// process and gets the same requests over keep-alive connections.
//
//	s, err := web.Servers()[0].Start(ctx, 100_000)
//	result, err := web.Load(ctx, s.Address, web.Plan{Hosts: hosts, Connections: 16, Length: time.Second})
package web

import (
	"context"
	"fmt"
	"os/exec"
	"strconv"

	"github.com/tenantedge/tenantedge/bench/process"
	"github.com/tenantedge/tenantedge/bench/rivals"
)

// Entry is a server that can be started.
type Entry struct {
	Name  string
	Title string
	// Prepare installs the server and returns its version; nil if it is part of
	// this executable.
	Prepare func(ctx context.Context) (version string, err error)
	command func(ctx context.Context, domains int) (*exec.Cmd, func() error, error)
}

// Servers returns the servers, the baseline first.
func Servers() []Entry {
	return []Entry{
		{Name: rivals.Native, Title: "net/http, native routing", command: itself(rivals.Native)},
		{Name: rivals.Edge, Title: "net/http, tenantedge", command: itself(rivals.Edge)},
		{Name: "http-wasm", Title: "net/http, http-wasm-host-go", command: itself("http-wasm")},
		{Name: "workerd", Title: "workerd, JavaScript", Prepare: installWorkerd, command: workerdCommand},
	}
}

// Server is a running server.
type Server struct{ *process.Server }

// itself returns a function that runs this executable as a server.
func itself(kind string) func(context.Context, int) (*exec.Cmd, func() error, error) {
	return func(ctx context.Context, domains int) (*exec.Cmd, func() error, error) {
		return process.Itself(ctx, ServeCommand, kind, strconv.Itoa(domains))
	}
}

// Start starts a server with a table of domains and waits until it has announced
// its address.
func (e Entry) Start(ctx context.Context, domains int) (*Server, error) {
	c, end, err := e.command(ctx, domains)
	if err != nil {
		return nil, fmt.Errorf("web: %s: %w", e.Name, err)
	}
	s, err := process.Start(c, end)
	if err != nil {
		return nil, fmt.Errorf("web: %s: %w", e.Name, err)
	}
	return &Server{s}, nil
}
