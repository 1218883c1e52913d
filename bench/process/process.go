// Package process starts the servers that are measured, each a process of its
// own, and tells what they use.
//
//	s, err := process.Start(command, end)
//	before, err := s.CPUTime()
package process

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"strings"
	"time"
)

// Server is a server that runs.
type Server struct {
	Address string
	process *exec.Cmd
	end     func() error
}

// Itself is this program as a server: what runs by a command and its
// arguments. It ends when its standard input does.
func Itself(ctx context.Context, args ...string) (*exec.Cmd, func() error, error) {
	program, err := os.Executable()
	if err != nil {
		return nil, nil, err
	}
	c := exec.CommandContext(ctx, program, args...)
	c.Stderr = os.Stderr
	stdin, err := c.StdinPipe()
	if err != nil {
		return nil, nil, err
	}
	return c, func() error { return errors.Join(stdin.Close(), c.Wait()) }, nil
}

// Start starts a server and waits until it says where it listens: on standard
// output, or on descriptor 3 if the command has another use for its output.
func Start(c *exec.Cmd, end func() error) (*Server, error) {
	read, write, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	defer read.Close()
	if c.ExtraFiles = []*os.File{write}; c.Stdout == nil {
		c.Stdout = write
	}
	if err := errors.Join(c.Start(), write.Close()); err != nil {
		return nil, err
	}
	s := &Server{process: c, end: end}
	if s.Address, err = announced(read); err != nil {
		return nil, errors.Join(fmt.Errorf("process: it did not say where it listens: %w", err), s.Close())
	}
	return s, nil
}

// FreeAddress is a loopback address that nobody listens at for the moment.
func FreeAddress() (string, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	return l.Addr().String(), l.Close()
}

// patience is how long a server may take to start.
const patience = time.Minute

// StartAt starts a server that is told where to listen, and waits until it
// takes connections there.
func StartAt(ctx context.Context, c *exec.Cmd, address string, end func() error) (*Server, error) {
	if err := c.Start(); err != nil {
		return nil, err
	}
	s := &Server{Address: address, process: c, end: end}
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	for {
		conn, err := (&net.Dialer{}).DialContext(ctx, "tcp", address)
		if err == nil {
			return s, conn.Close()
		}
		select {
		case <-ctx.Done():
			return nil, errors.Join(fmt.Errorf("process: %s takes no connections: %w", address, err), s.Close())
		case <-time.After(10 * time.Millisecond):
		}
	}
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

// After has something ended behind the server.
func (s *Server) After(end func() error) {
	first := s.end
	s.end = func() error { return errors.Join(first(), end()) }
}
