package guest

import (
	"github.com/tenantedge/tenantedge/guest/abi"
	"github.com/tenantedge/tenantedge/guest/tenancy"
)

func (g *guest) cacheKey(m abi.Message) []byte {
	schema, prefix := text(m.Get(abi.KeySchema)), text(m.Get(abi.KeyPrefix))
	version, key := text(m.Get(abi.KeyVersion)), text(m.Get(abi.KeyKey))
	if g.CacheKey == nil {
		return keyReply(tenancy.CacheKey(schema, prefix, version, key), nil)
	}
	return keyReply(g.CacheKey(schema, prefix, version, key))
}

func (g *guest) reverseKey(m abi.Message) []byte {
	reverse := g.ReverseKey
	if reverse == nil {
		reverse = tenancy.ReverseKey
	}
	return keyReply(reverse(text(m.Get(abi.KeyKey))))
}

func keyReply(result string, err error) []byte {
	return memory.reply(func(buf []byte) abi.Builder {
		b := abi.Begin(buf, 0, abi.KeyError+1)
		if err != nil {
			b.Put(abi.KeyError, reason(err))
		} else {
			b.Put(abi.KeyResult, result)
		}
		return b
	})
}
