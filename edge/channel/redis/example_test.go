package redis_test

import (
	"context"
	"fmt"

	"github.com/tenantedge/tenantedge/edge/channel"
	"github.com/tenantedge/tenantedge/edge/channel/redis"
)

// The Django setting for the same Redis is
//
//	CHANNEL_LAYERS = {"default": {
//	    "BACKEND": "channels_redis.core.RedisChannelLayer",
//	    "CONFIG": {"hosts": ["redis://127.0.0.1:6379/0"]},
//	}}
func Example() {
	layer, err := redis.NewCore(redis.Config{Hosts: []string{"redis://127.0.0.1:6379/0"}})
	if err != nil {
		panic(err)
	}
	defer layer.Close()
	scope, err := layer.For("acme")
	if err != nil {
		panic(err)
	}
	hello, err := channel.NewMessage("chat.message", channel.Field{Name: "text", Value: "hi"})
	if err != nil {
		panic(err)
	}
	// A Django consumer receives this after group_add("acme.chat", self.channel_name).
	if err := scope.GroupSend(context.Background(), "chat", hello); err != nil {
		fmt.Println("not sent:", err)
	}
}
