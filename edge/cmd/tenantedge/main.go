// Command tenantedge routes the requests of a multi-tenant application. serve
// serves them, check checks a configuration, eval explains and compares decisions,
// guest inspects and tests guests, and bench measures them; db and tenants manage
// the tables of the directory, files manages the tenants' files, and ws opens
// websockets.
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
	smoke.Main(edge.Try) // returns unless the process is a child that tries a guest
	goredis.Disable()    // it logs each failed attempt; the layer logs outages
	os.Exit(run(context.Background(), os.Args[1:], os.Stdin, os.Stdout, os.Stderr))
}

// Exit codes.
const (
	exitOK        = 0
	exitFailed    = 1
	exitUsage     = 2 // the command line is wrong
	exitHandshake = 3 // ws connect: the handshake was refused
	exitReplay    = 2 // guest replay: no comparison was possible; 1: decisions differ
)

func run(ctx context.Context, args []string, stdin io.Reader, stdout, stderr io.Writer) int {
	root := newRoot()
	root.SetArgs(args)
	root.SetIn(stdin)
	root.SetOut(stdout)
	root.SetErr(stderr)
	escapeInFish(root)
	command, err := root.ExecuteContextC(ctx)
	// A command that serves has put queues in front of both, so that slow readers do
	// not delay the end of the process.
	stderr = root.ErrOrStderr()
	for _, w := range []io.Writer{stderr, root.OutOrStdout()} {
		if queue, ok := w.(*logs.Writer); ok {
			defer func() { _ = queue.Close(flushLogs) }() // an error could be reported nowhere else
		}
	}
	if err == nil {
		return exitOK
	}
	fmt.Fprintf(terminal{stderr}, "tenantedge: %v\n", err)
	var usage *usageError
	if errors.As(err, &usage) {
		fmt.Fprintf(stderr, "Run '%s --help' for usage.\n", command.CommandPath())
		return exitUsage
	}
	var replay *replayError
	if errors.As(err, &replay) {
		return exitReplay
	}
	var refused *handshakeError
	if errors.As(err, &refused) {
		return exitHandshake
	}
	return exitFailed
}

// usageError is a mistake on the command line.
type usageError struct{ problem string }

func (e *usageError) Error() string { return e.problem }

func usagef(format string, args ...any) error {
	return &usageError{fmt.Sprintf(format, args...)}
}
