// Package web measures servers over HTTP on the loopback interface: each in a
// process of its own, each asked the same requests over kept connections.
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
	// Prepare fetches what the server needs; nil: nothing.
	Prepare func(ctx context.Context) (version string, err error)
	command func(ctx context.Context, domains int) (*exec.Cmd, func() error, error)
}

// Servers lists the servers, the baseline first.
func Servers() []Entry {
	return []Entry{
		{Name: rivals.Native, Title: "net/http, native routing", command: itself(rivals.Native)},
		{Name: rivals.Edge, Title: "net/http, tenantedge", command: itself(rivals.Edge)},
		{Name: "http-wasm", Title: "net/http, http-wasm-host-go", command: itself("http-wasm")},
		{Name: "workerd", Title: "workerd, JavaScript", Prepare: installWorkerd, command: workerdCommand},
	}
}

// Server is a server that runs.
type Server struct{ *process.Server }

// itself starts this program as a server.
func itself(kind string) func(context.Context, int) (*exec.Cmd, func() error, error) {
	return func(ctx context.Context, domains int) (*exec.Cmd, func() error, error) {
		return process.Itself(ctx, ServeCommand, kind, strconv.Itoa(domains))
	}
}

// Start starts a server with a table of that many domains and waits until it
// says where it listens.
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
