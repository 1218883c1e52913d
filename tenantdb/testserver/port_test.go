//go:build unix

package testserver

import (
	"fmt"
	"net"
	"testing"
)

func TestAFreePortCanBeListenedOnAndIsNotEphemeral(t *testing.T) {
	for range 20 {
		port, err := freePort()
		if err != nil {
			t.Fatal(err)
		}
		if port < firstPort || port >= lastPort {
			t.Errorf("found %d", port)
		}
		l, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", port))
		if err != nil {
			t.Fatal(err)
		}
		defer l.Close()
	}
}
