//go:build !linux

package sockets

import (
	"errors"
	"net"
)

// poller is Linux's; elsewhere every connection has a goroutine.
type poller struct{}

type polled struct{ held }

func newPoller() (*poller, error) { return nil, errors.ErrUnsupported }

func (*poller) detach(net.Conn) *polled { return nil }
func (*poller) close()                  {}
func (*polled) start(*Conn)             {}
