//go:build !linux

package sockets

import (
	"errors"
	"net"
)

// Listen returns l: on systems other than Linux every connection has a goroutine.
func Listen(l net.Listener) net.Listener { return l }

func newSwitchable(conn net.Conn) net.Conn { return conn }

type poller struct{}

func newPoller() (*poller, error) { return nil, errors.ErrUnsupported }

func (*poller) attach(net.Conn) startable { return nil }
func (*poller) close()                    {}
