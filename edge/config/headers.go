package config

import (
	"slices"
	"strings"
)

// upstreamHeaders is upstream.Headers with the keys of the file.
type upstreamHeaders struct {
	Schema      string `key:"schema,header?"`
	ID          string `key:"id,header?"`
	Routing     string `key:"routing,header?"`
	Folder      string `key:"folder,header?"`
	CachePrefix string `key:"cache_prefix,header?"`
	Identifier  string `key:"identifier,header?"`
}

// notForUpstream are headers that HTTP or the edge sets, that apply to one hop, or
// that belong to the client. Sorted.
var notForUpstream = []string{
	"connection", "content-length", "content-type", "cookie", "forwarded", "host", "keep-alive",
	"proxy-connection", "te", "trailer", "transfer-encoding", "upgrade",
	"x-forwarded-for", "x-forwarded-host", "x-forwarded-port", "x-forwarded-proto",
}

func (h *upstreamHeaders) decode(v value) {
	found := v.object(h)
	if found == nil {
		return
	}
	names := map[string]string{}
	for _, f := range []struct{ key, name string }{
		{"schema", h.Schema}, {"id", h.ID}, {"routing", h.Routing}, {"folder", h.Folder},
		{"cache_prefix", h.CachePrefix}, {"identifier", h.Identifier},
	} {
		if f.name == "" {
			continue
		}
		lower := strings.ToLower(f.name)
		at, ok := found[f.key]
		if !ok {
			at = v
		}
		if _, reserved := slices.BinarySearch(notForUpstream, lower); reserved {
			at.fail("expected an unused header, found %q, which HTTP or the edge uses; choose another, such as \"X-Tenant-%s\"", f.name, f.key)
		}
		if other, taken := names[lower]; taken {
			at.fail("expected a different header for each key, found %q for %s and %s; change one of them", f.name, other, f.key)
		}
		names[lower] = f.key
	}
}
