package channel_test

import (
	"context"
	"fmt"
	"log"

	"github.com/tenantedge/tenantedge/edge/channel"
)

// printer is a receiver that prints messages.
type printer struct{}

func (printer) Receive(m *channel.Message) bool {
	fmt.Println(m.Type(), m.Map()["text"])
	return true
}

func (printer) Interrupted(err error) { fmt.Println(err) }

func Example() {
	ctx := context.Background()
	layer, err := channel.NewMemory(channel.Config{})
	if err != nil {
		log.Fatal(err)
	}
	scope, err := layer.For("acme")
	if err != nil {
		log.Fatal(err)
	}
	ch, err := scope.Open(ctx, printer{})
	if err != nil {
		log.Fatal(err)
	}
	if err := scope.Add(ctx, "chat", ch); err != nil {
		log.Fatal(err)
	}
	hello, err := channel.NewMessage("chat.message", channel.Field{Name: "text", Value: "hi"})
	if err != nil {
		log.Fatal(err)
	}
	if err := scope.GroupSend(ctx, "chat", hello); err != nil {
		log.Fatal(err)
	}
	if err := layer.Close(); err != nil {
		log.Fatal(err)
	}
	// Output:
	// chat.message hi
	// channel: closed
}
