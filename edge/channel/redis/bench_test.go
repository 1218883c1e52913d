//go:build unix

package redis

import (
	"fmt"
	"sync/atomic"
	"testing"

	"github.com/tenantedge/tenantedge/edge/channel"
	"github.com/tenantedge/tenantedge/edge/channel/redistest"
)

// tally is a receiver that gives one permit back for each message that all
// members have had.
type tally struct {
	members int64
	n       atomic.Int64
	permits chan struct{}
}

func (y *tally) Receive(*channel.Message) bool {
	if y.n.Add(1)%y.members == 0 {
		<-y.permits
	}
	return true
}
func (*tally) Interrupted(error) {}

// BenchmarkGroupSend measures a group of one process, from the send to the
// last member, with one message under way and with 16.
func BenchmarkGroupSend(b *testing.B) {
	server := redistest.Start(b)
	for _, kind := range kinds {
		for _, members := range []int{1, 1000, 10_000} {
			for _, outstanding := range []int{1, 16} {
				b.Run(fmt.Sprintf("%s/%d members/%d outstanding", kind.name, members, outstanding), func(b *testing.B) {
					layer := open(b, kind.make, Config{Hosts: []string{server.URL()}, Prefix: redistest.Prefix()})
					s, err := layer.For("acme")
					if err != nil {
						b.Fatal(err)
					}
					y := &tally{members: int64(members), permits: make(chan struct{}, outstanding)}
					for range members {
						ch, err := s.Open(b.Context(), y)
						if err == nil {
							err = s.Add(b.Context(), "chat", ch)
						}
						if err != nil {
							b.Fatal(err)
						}
					}
					m, err := channel.NewMessage("chat.message", channel.Field{Name: "text", Value: "hi"})
					if err != nil {
						b.Fatal(err)
					}
					work := make(chan struct{})
					for range outstanding {
						go func() {
							for range work {
								if err := s.GroupSend(b.Context(), "chat", m); err != nil {
									b.Error(err)
								}
							}
						}()
					}
					for b.Loop() {
						y.permits <- struct{}{}
						work <- struct{}{}
					}
					for range outstanding { // the last ones have arrived
						y.permits <- struct{}{}
					}
					close(work)
					b.ReportMetric(float64(members)*float64(b.N)/b.Elapsed().Seconds(), "deliveries/s")
				})
			}
		}
	}
}
