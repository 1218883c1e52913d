// Package scaffold creates, builds and watches the projects of guests, for the
// commands `tenantedge guest new`, build and dev.
package scaffold
