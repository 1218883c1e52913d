package channel_test

import (
	"context"
	"fmt"

	"github.com/tenantedge/tenantedge/edge/channel"
)

func Example() {
	ctx := context.Background()
	layer, err := channel.NewMemory(channel.Config{})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer layer.Close()
	scope, err := layer.For("acme")
	if err != nil {
		fmt.Println(err)
		return
	}
	box := channel.NewMailbox(channel.MailboxConfig{})
	ch, err := scope.Open(ctx, box)
	if err == nil {
		err = scope.Add(ctx, "chat", ch)
	}
	hello, err2 := channel.NewMessage("chat.message", channel.Field{Name: "text", Value: "hi"})
	if err != nil || err2 != nil {
		fmt.Println(err, err2)
		return
	}
	if err := scope.GroupSend(ctx, "chat", hello); err != nil {
		fmt.Println(err)
		return
	}
	message, err := box.Next(ctx)
	fmt.Println(message.Type(), message.Map()["text"], err)
	// Output: chat.message hi <nil>
}
