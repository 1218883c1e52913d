//go:build !wasip1

package main

import (
	"testing"

	"github.com/tenantedge/tenantedge/guest"
	"github.com/tenantedge/tenantedge/guest/abi"
)

func TestAMessageComesBackAsItWas(t *testing.T) {
	for _, m := range []guest.Message{{Data: []byte("hello")}, {Data: []byte{0xff}, Binary: true}, {}} {
		s := &guest.Socket{Route: "echo"}
		echo{}.Message(s, m)
		kind := abi.SendText
		if m.Binary {
			kind = abi.SendBinary
		}
		if e := s.Effects(); len(e) != 1 || e[0].Kind != kind || e[0].Data != string(m.Data) {
			t.Errorf("%v gives %v", m, e)
		}
	}
}
