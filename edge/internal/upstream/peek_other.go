//go:build !unix

package upstream

import "net"

// peeker cannot look at connections here, so none is used again.
type peeker struct{}

func (p *peeker) init(net.Conn) {}

func (p *peeker) waiting() waiting { return ended }
