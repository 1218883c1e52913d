package main

import (
	"errors"
	"fmt"

	"github.com/tenantedge/tenantedge/edge"
)

// withPrinted adds what the guest printed to the error of a call at which it failed.
// Commands that serve no requests write no log, which would have it.
func withPrinted(err error) error {
	var guest *edge.GuestError
	if errors.As(err, &guest) && guest.Printed != "" {
		return fmt.Errorf("%w; the guest printed %q", err, guest.Printed)
	}
	return err
}
