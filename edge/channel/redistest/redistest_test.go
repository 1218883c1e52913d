//go:build unix

package redistest_test

import (
	"errors"
	"testing"

	"github.com/redis/go-redis/v9"

	"github.com/tenantedge/tenantedge/edge/channel/redistest"
)

func client(t *testing.T, s *redistest.Server) *redis.Client {
	t.Helper()
	options, err := redis.ParseURL(s.URL())
	if err != nil {
		t.Fatal(err)
	}
	options.MaxRetries = -1
	c := redis.NewClient(options)
	t.Cleanup(func() {
		if err := c.Close(); err != nil {
			t.Error(err)
		}
	})
	return c
}

func TestAServerComesBackEmptyAfterStopAndKill(t *testing.T) {
	s := redistest.StartOwn(t)
	if redistest.Start(t) == s || redistest.Start(t) != redistest.StartTwo(t)[0] {
		t.Error("expected Start to share a server and StartOwn to start another")
	}
	for _, end := range []func(testing.TB){s.Stop, s.Kill} {
		if err := client(t, s).Set(t.Context(), "key", "value", 0).Err(); err != nil {
			t.Fatal(err)
		}
		end(t)
		if err := client(t, s).Ping(t.Context()).Err(); err == nil {
			t.Fatal("the server still answers")
		}
		s.Restart(t)
		if err := client(t, s).Get(t.Context(), "key").Err(); !errors.Is(err, redis.Nil) {
			t.Errorf("got %v, expected an empty server", err)
		}
	}
}
