// Command tenantedge routes requests of a multi-tenant application: serve does
// it, check finds what is wrong with its configuration, eval explains it and bench measures it; tenants and db look after the
// tables it follows, files after what tenants store, and ws talks to websockets.
//
//	tenantedge serve --demo
//	tenantedge eval --config tenantedge.yaml --request 'GET http://acme.example.com/'
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"

	goredis "github.com/redis/go-redis/v9/logging"

	"github.com/tenantedge/tenantedge/edge"
	"github.com/tenantedge/tenantedge/edge/internal/logs"
	"github.com/tenantedge/tenantedge/edge/smoke"
)

func main() {
	smoke.Main(edge.Try) // in a child that tries a guest
	goredis.Disable()    // it logs each failed attempt; the layer logs outages
	os.Exit(run(context.Background(), os.Args[1:], os.Stdin, os.Stdout, os.Stderr))
}

// Exit codes.
const (
	exitOK      = 0
	exitFailed  = 1
	exitUsage   = 2 // the command line is wrong
	exitRefused = 3 // ws connect: the handshake was refused
)

func run(ctx context.Context, args []string, stdin io.Reader, stdout, stderr io.Writer) int {
	root := newRoot()
	root.SetArgs(args)
	root.SetIn(stdin)
	root.SetOut(stdout)
	root.SetErr(stderr)
	command, err := root.ExecuteContextC(ctx)
	// A command that serves has put queues before both; nothing may wait for
	// their readers at the end either.
	stderr = root.ErrOrStderr()
	for _, w := range []io.Writer{stderr, root.OutOrStdout()} {
		if queue, ok := w.(*logs.Writer); ok {
			defer func() { _ = queue.Close(flushLogs) }() // there is no other place to report it
		}
	}
	if err == nil {
		return exitOK
	}
	fmt.Fprintf(stderr, "tenantedge: %v\n", err)
	var usage *usageError
	if errors.As(err, &usage) {
		fmt.Fprintf(stderr, "Run '%s --help' for what it takes.\n", command.CommandPath())
		return exitUsage
	}
	var refused *refusedError
	if errors.As(err, &refused) {
		return exitRefused
	}
	return exitFailed
}

// usageError is a mistake on the command line.
type usageError struct{ problem string }

func (e *usageError) Error() string { return e.problem }

func usagef(format string, args ...any) error {
	return &usageError{fmt.Sprintf(format, args...)}
}
