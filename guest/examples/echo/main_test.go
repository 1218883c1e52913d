//go:build !wasip1

package main

import (
	"testing"

	"github.com/tenantedge/tenantedge/guest/guesttest"
	"github.com/tenantedge/tenantedge/guest/tck"
)

func TestTheEcho(t *testing.T) {
	suites, err := tck.Parse([]byte(`[{
		"name": "echo",
		"sockets": [
			{"name": "every handshake is accepted", "event": "open", "route": "echo", "protocols": ["chat"], "want": {}},
			{"name": "text", "event": "message", "data": "hello", "want": {"effects": [{"kind": "send_text", "data": "hello"}]}},
			{"name": "bytes", "event": "message", "binary": true, "hex": "ff 00", "want": {"effects": [{"kind": "send_binary", "hex": "ff 00"}]}},
			{"name": "empty text", "event": "message", "want": {"effects": [{"kind": "send_text"}]}},
			{"name": "a close", "event": "close", "code": 1001, "want": {}},
			{"name": "a group's message", "event": "group", "hex": "81 a4 74797065 a1 74", "want": {}},
			{"name": "a timer", "event": "timer", "want": {}}
		]
	}]`))
	if err != nil {
		t.Fatal(err)
	}
	tck.Run(t, suites, func(t *testing.T, w *tck.World) tck.Guest {
		guesttest.Replace(t, w)
		return tck.Func(guesttest.Call)
	})
}
