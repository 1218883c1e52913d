package sockets

import (
	"testing"

	"github.com/tenantedge/tenantedge/edge/internal/sockets/autobahn"
)

func TestEveryCoreCaseOfAutobahnHasAnAcceptedOutcome(t *testing.T) {
	eachKind(t, func(t *testing.T, w connKind) {
		world := newWorld(t, w, Config{}, Options{Handler: echo{}})
		replayAll(t, world)
		stats := world.hub.Stats()
		if wrong := stats.Goroutines; w.polled() && wrong > 0 || !w.polled() && stats.Polled > 0 {
			t.Errorf("connections have the other kind: %+v", stats)
		}
	})
}

func TestARelayPassesEveryCoreCaseOfAutobahn(t *testing.T) {
	eachKind(t, func(t *testing.T, w connKind) {
		replayAll(t, newRelay(t, w, Config{}, Options{}, newWorld(t, w, Config{}, Options{Handler: echo{}})))
	})
}

// replayAll expects replies to the messages before an error, as plain servers
// send.
func replayAll(t *testing.T, world *world) {
	cases, err := autobahn.Cases()
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range cases {
		t.Run(c.ID, func(t *testing.T) {
			client := world.dial(t, nil)
			if err := c.Strict().Replay(client, client.r); err != nil {
				t.Error(err)
			}
		})
	}
}
