// Package fmt replaces the standard library's in the default guest: see the rule for
// guest in the Makefile. golang.org/x/net/idna and golang.org/x/text format errors
// with it, which the guest does not print, and the functions that they call here
// return the format. So package fmt, and os, reflect and time, which it imports,
// are not linked: a quarter of the guest.
package fmt

import "errors"

// Errorf returns an error with the format as its text.
func Errorf(format string, _ ...any) error { return errors.New(format) }

// Sprintf returns the format.
func Sprintf(format string, _ ...any) string { return format }
