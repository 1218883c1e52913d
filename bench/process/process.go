// Package process starts the servers that are measured as child processes and
// reads their processor time and memory.
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

// Server is a running server.
type Server struct {
	Address string
	process *exec.Cmd
	end     func() error
}

// Itself returns a command that runs this executable with args, as a server that
// ends when its standard input is closed, and a function that ends it.
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

// Start starts a server and waits until it writes its address: to standard
// output, or to descriptor 3 if c.Stdout is set. Close calls end.
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
		return nil, errors.Join(fmt.Errorf("process: expected the server to write its address: %w", err), s.Close())
	}
	return s, nil
}

// FreeAddress returns a loopback address with a port that is free at the moment.
func FreeAddress() (string, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	return l.Addr().String(), l.Close()
}

// startTimeout limits the start of a server.
const startTimeout = time.Minute

// StartAt starts a server that listens at address and waits until it accepts a
// connection there. Close calls end.
func StartAt(ctx context.Context, c *exec.Cmd, address string, end func() error) (*Server, error) {
	if err := c.Start(); err != nil {
		return nil, err
	}
	s := &Server{Address: address, process: c, end: end}
	ctx, cancel := context.WithTimeout(ctx, startTimeout)
	defer cancel()
	for {
		conn, err := (&net.Dialer{}).DialContext(ctx, "tcp", address)
		if err == nil {
			return s, conn.Close()
		}
		select {
		case <-ctx.Done():
			return nil, errors.Join(fmt.Errorf("process: expected a server at %s within a minute: %w", address, err), s.Close())
		case <-time.After(10 * time.Millisecond):
		}
	}
}

// StartInterruptible starts a server that listens at address and ends on an
// interrupt, which Close sends, and waits until it accepts a connection.
func StartInterruptible(ctx context.Context, c *exec.Cmd, address string) (*Server, error) {
	c.Stderr = os.Stderr
	return StartAt(ctx, c, address, func() error {
		if err := c.Process.Signal(os.Interrupt); err != nil {
			return err
		}
		_ = c.Wait() // reports the signal
		return nil
	})
}

// announced reads the line with the address, either the address itself or the
// JSON that workerd writes to its control descriptor.
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

// PID returns the id of the server's process.
func (s *Server) PID() int { return s.process.Process.Pid }

// OnClose makes Close call end after it has ended the server.
func (s *Server) OnClose(end func() error) {
	first := s.end
	s.end = func() error { return errors.Join(first(), end()) }
}
