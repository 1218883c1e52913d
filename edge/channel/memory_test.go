package channel_test

import (
	"testing"

	"github.com/tenantedge/tenantedge/edge/channel"
	"github.com/tenantedge/tenantedge/edge/channel/channeltest"
)

func newMemory(t *testing.T, c channel.Config) (a, b channel.Layer) {
	t.Helper()
	layer, err := channel.NewMemory(c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := layer.Close(); err != nil {
			t.Error(err)
		}
	})
	return layer, layer
}

func TestMemory(t *testing.T) { channeltest.Run(t, newMemory) }
