// Command sleeper is a Go guest for tests. It sleeps wherever the host calls
// it: for 36 s while it is set up, and in a request for as long as the host
// name says. Its version is how long its clock says that the setup took.
package main

import (
	"flag"
	"sync"
	"time"

	"github.com/tenantedge/tenantedge/guest"
	"github.com/tenantedge/tenantedge/guest/abi"
)

func init() {
	began := time.Now()
	sleep(36 * time.Second)
	guest.Serve(guest.Handlers{
		Configure: func(*abi.Config) (abi.Configured, error) {
			flag.Parse() // needs the name of the program
			sleep(36 * time.Second)
			return abi.Configured{Name: "sleeper", Version: time.Since(began).String()}, nil
		},
		Route: func(r *guest.Request, d *guest.Decision) {
			if long, err := time.ParseDuration(r.Host); err == nil {
				sleep(long)
			}
			d.Refuse(abi.Missing, "always")
		},
		SelfTest: func() error {
			sleep(36 * time.Second)
			return nil
		},
	})
}

func main() {}

// sleep has four goroutines sleep side by side, the last of them for so long.
func sleep(long time.Duration) {
	var all sync.WaitGroup
	for n := range 4 {
		all.Go(func() { time.Sleep(long * time.Duration(n+1) / 4) })
	}
	all.Wait()
}
