package redis

import (
	"testing"
	"time"

	"github.com/tenantedge/tenantedge/edge/channel/internal/message"
)

// FuzzDecode checks that any bytes in Redis are either rejected or a message
// that can be encoded and decoded again.
func FuzzDecode(f *testing.F) {
	for _, seed := range []string{"", "\x80", "\x82\xa4type\xa1t\xb0__asgi_channel__\x91\xa1a", "gAAAAA==", `{"type":"t","__asgi_channel__":["a!b"]}`} {
		for setting := range byte(4) {
			f.Add([]byte("123456789012"+seed), setting)
		}
	}
	f.Fuzz(func(t *testing.T, data []byte, setting byte) {
		c, err := newCodec(Config{JSON: setting&1 != 0, Keys: []string{"key"}[:setting>>1&1]}, 12, time.Minute)
		if err != nil {
			t.Fatal(err)
		}
		m, _, err := c.decode(data)
		if err != nil {
			return
		}
		again, err := message.Parse(m.AppendMsgPack(nil))
		if err != nil || again.Len() != m.Len() || again.Type != m.Type {
			t.Fatalf("decoded once, not twice: %v", err)
		}
		_ = m.Map()
	})
}
