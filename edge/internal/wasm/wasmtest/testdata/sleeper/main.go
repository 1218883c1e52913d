// Command sleeper is a Go guest for tests. It sleeps in every call of the host:
// for 36 s during its setup, and during a request for the time in the host name.
// Its version is the time that the setup took by the guest's clock.
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

// sleep runs four sleeping goroutines, of which the last sleeps for long.
func sleep(long time.Duration) {
	var all sync.WaitGroup
	for n := range 4 {
		all.Go(func() { time.Sleep(long * time.Duration(n+1) / 4) })
	}
	all.Wait()
}
