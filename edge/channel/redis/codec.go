package redis

import (
	"crypto/rand"
	"fmt"
	"io"
	"time"

	"github.com/tenantedge/tenantedge/edge/channel"
	"github.com/tenantedge/tenantedge/edge/channel/internal/message"
)

// codec encodes and decodes payloads: random bytes, then the message, encrypted if
// there are keys.
type codec struct {
	json   bool
	prefix int // number of random bytes
	keys   []fernetKey
	maxAge time.Duration // of an encrypted message; 0: any
	random io.Reader
	now    func() time.Time
}

func newCodec(c Config, prefix int, life time.Duration) (codec, error) {
	all := codec{json: c.JSON, prefix: prefix, maxAge: life, random: rand.Reader, now: time.Now}
	for _, secret := range c.Keys {
		key, err := newFernetKey(secret)
		if err != nil {
			return all, fmt.Errorf("channel/redis: %w", err)
		}
		all.keys = append(all.keys, key)
	}
	return all, nil
}

// encode returns the payload of a message, addressed to channels if there are any:
// as a list, or, if direct, as send() of channels_redis addresses its only one.
func (c *codec) encode(m *message.Entries, direct bool, channels ...string) ([]byte, error) {
	size := c.prefix + m.Len() + 32
	for _, name := range channels {
		size += len(name) + 3
	}
	b := make([]byte, c.prefix, size)
	if _, err := io.ReadFull(c.random, b); err != nil {
		return nil, fmt.Errorf("channel/redis: %w", err)
	}
	switch {
	case c.json:
		text, err := m.AddressedJSON(direct, channels...)
		if err != nil {
			return nil, fmt.Errorf("%w: %w", channel.ErrMessage, err)
		}
		b = append(b, text...)
	case len(channels) == 0:
		b = m.AppendMsgPack(b)
	default:
		b = m.AppendAddressed(b, direct, channels...)
	}
	if len(c.keys) == 0 {
		return b, nil
	}
	token, err := c.keys[0].encrypt(b[c.prefix:], c.random, c.now())
	if err != nil {
		return nil, fmt.Errorf("channel/redis: %w", err)
	}
	return append(b[:c.prefix], token...), nil
}

// decode returns the message of a payload and the channels it is addressed to. It
// keeps b.
func (c *codec) decode(b []byte) (m message.Entries, to []string, err error) {
	if len(b) < c.prefix {
		return m, nil, fmt.Errorf("%w: expected %d random bytes and a message, found %d bytes", channel.ErrMessage, c.prefix, len(b))
	}
	b = b[c.prefix:]
	if len(c.keys) > 0 {
		if b, err = c.decrypt(b); err != nil {
			return m, nil, err
		}
	}
	if c.json {
		m, to, err = message.ParseAddressedJSON(b)
	} else {
		m, to, err = message.ParseAddressed(b)
	}
	if err != nil {
		err = fmt.Errorf("%w: %w", channel.ErrMessage, err)
	}
	return m, to, err
}

func (c *codec) decrypt(b []byte) ([]byte, error) {
	for _, key := range c.keys {
		if plain, err := key.decrypt(b, c.maxAge, c.now()); err == nil {
			return plain, nil
		}
	}
	return nil, fmt.Errorf("%w: %w", channel.ErrMessage, errFernet)
}
