// Command server runs the upstream of the compared proxies, or the proxy of the
// standard library, until it is interrupted.
package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"

	"github.com/tenantedge/tenantedge/bench/web/proxied"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	err := proxied.Serve(ctx, os.Args[1:])
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}
