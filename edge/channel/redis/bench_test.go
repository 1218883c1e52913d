//go:build unix

package redis

import (
	"fmt"
	"os"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/tenantedge/tenantedge/edge/channel"
	"github.com/tenantedge/tenantedge/edge/channel/redistest"
)

// countingReceiver is a receiver that returns a permit after all members received a
// message.
type countingReceiver struct {
	members int64
	n       atomic.Int64
	permits chan struct{}
}

func (y *countingReceiver) Receive(*channel.Message) bool {
	if y.n.Add(1)%y.members == 0 {
		<-y.permits
	}
	return true
}
func (*countingReceiver) Interrupted(error) {}

// BenchmarkGroupSend measures a group of one process, from the send to the last
// member, with 1 and 16 concurrent messages.
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
					y := &countingReceiver{members: int64(members), permits: make(chan struct{}, outstanding)}
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

// BenchmarkTenants measures what tenants with one socket each, in one group,
// cost the process: descriptors, goroutines, memory, and the time to join.
func BenchmarkTenants(b *testing.B) {
	for _, kind := range kinds {
		for _, tenants := range []int{100, 1000, 10_000} {
			b.Run(fmt.Sprintf("%s/%d tenants", kind.name, tenants), func(b *testing.B) {
				layer := open(b, kind.make, Config{Hosts: []string{redistest.Start(b).URL()}, Prefix: redistest.Prefix()})
				before := usage(b)
				for b.Loop() {
					var all sync.WaitGroup
					for worker := range 100 {
						all.Go(func() {
							for i := worker; i < tenants; i += 100 {
								s, err := layer.For(fmt.Sprint("tenant", i))
								if err != nil {
									b.Error(err)
									return
								}
								ch, err := s.Open(b.Context(), discardReceiver{})
								if err == nil {
									err = s.Add(b.Context(), "chat", ch)
								}
								if err != nil {
									b.Error(err)
									return
								}
								b.Cleanup(func() { ch.Close() })
							}
						})
					}
					all.Wait()
				}
				after := usage(b)
				b.ReportMetric(float64(after.descriptors-before.descriptors), "descriptors")
				b.ReportMetric(float64(after.goroutines-before.goroutines), "goroutines")
				b.ReportMetric(float64(after.bytes-before.bytes)/float64(tenants*b.N), "B/tenant")
			})
		}
	}
}

type discardReceiver struct{}

func (discardReceiver) Receive(*channel.Message) bool { return true }
func (discardReceiver) Interrupted(error)             {}

type used struct {
	descriptors, goroutines int
	bytes                   int64
}

// usage returns the resources of the process; the bytes include stacks.
func usage(tb testing.TB) used {
	tb.Helper()
	open, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		tb.Skip("descriptors cannot be counted: ", err)
	}
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return used{len(open), runtime.NumGoroutine(), int64(m.HeapAlloc + m.StackInuse)}
}
