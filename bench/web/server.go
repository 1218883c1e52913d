// Package web measures servers over HTTP on the loopback interface: each in a
// process of its own, each asked the same requests over kept connections.
//
//	servers, missing := web.Servers()
//	s, err := servers[0].Start(ctx, 100_000)
//	result, err := web.Load(ctx, s.Address, hosts, 16, time.Second)
package web

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strconv"
	"strings"

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
type Server struct {
	Address string
	process *exec.Cmd
	end     func() error
}

// itself starts this program as a server.
func itself(kind string) func(context.Context, int) (*exec.Cmd, func() error, error) {
	return func(ctx context.Context, domains int) (*exec.Cmd, func() error, error) {
		program, err := os.Executable()
		if err != nil {
			return nil, nil, err
		}
		c := exec.CommandContext(ctx, program, ServeCommand, kind, strconv.Itoa(domains))
		c.Stderr = os.Stderr
		stdin, err := c.StdinPipe()
		if err != nil {
			return nil, nil, err
		}
		// The end of its input ends it.
		return c, func() error { return errors.Join(stdin.Close(), c.Wait()) }, nil
	}
}

// Start starts a server with a table of that many domains and waits until it
// says where it listens.
func (e Entry) Start(ctx context.Context, domains int) (*Server, error) {
	c, end, err := e.command(ctx, domains)
	if err != nil {
		return nil, fmt.Errorf("web: %s: %w", e.Name, err)
	}
	read, write, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	defer read.Close()
	if c.ExtraFiles = []*os.File{write}; c.Stdout == nil {
		c.Stdout = write
	}
	if err := errors.Join(c.Start(), write.Close()); err != nil {
		return nil, fmt.Errorf("web: %s: %w", e.Name, err)
	}
	s := &Server{process: c, end: end}
	if s.Address, err = announced(read); err != nil {
		return nil, errors.Join(fmt.Errorf("web: %s did not say where it listens: %w", e.Name, err), s.Close())
	}
	return s, nil
}

// announced reads the line that tells the address: alone, or as workerd's
// control channel writes it.
func announced(r io.Reader) (string, error) {
	line, err := bufio.NewReader(r).ReadString('\n')
	if err != nil {
		return "", err
	}
	line = strings.TrimSpace(line)
	if _, port, ok := strings.Cut(line, `"port":`); ok {
		return "127.0.0.1:" + strings.TrimRight(port, "}"), nil
	}
	return line, nil
}

// Close ends the server.
func (s *Server) Close() error { return s.end() }

// PID is the id of its process.
func (s *Server) PID() int { return s.process.Process.Pid }
