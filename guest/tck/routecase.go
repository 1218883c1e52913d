package tck

import (
	"cmp"
	"strings"
	"testing"

	"github.com/tenantedge/tenantedge/guest/abi"
)

// RouteCase is a request and its expected decision.
type RouteCase struct {
	Name      string            `json:"name"`
	Method    string            `json:"method"` // default GET
	Host      *string           `json:"host"`   // null: the client sent none
	Target    string            `json:"target"` // default /
	Headers   map[string]string `json:"headers"`
	Session   *string           `json:"session"` // JSON
	Trusted   bool              `json:"trusted"`
	Websocket bool              `json:"websocket"`
	Want      Want              `json:"want"`
}

// Want is the expected decision. A nil field is not compared; an empty string
// expects a field that is absent or empty.
type Want struct {
	Outcome    string  `json:"outcome"`
	Status     int     `json:"status"`
	Schema     *string `json:"schema"`
	TenantID   *string `json:"tenant_id"`
	Dynamic    *bool   `json:"dynamic"`
	Domain     *string `json:"domain"`
	Folder     *string `json:"folder"`
	Reference  *string `json:"reference"`
	BySession  *bool   `json:"by_session"`
	URLConf    *string `json:"urlconf"`
	WSURLConf  *string `json:"ws_urlconf"`
	Path       *string `json:"path"`
	Location   *string `json:"location"`
	Identifier *string `json:"identifier"`
	Cache      *string `json:"cache_prefix"`
	Route      *string `json:"route"`
	Kwargs     *string `json:"kwargs"`
}

func (c *RouteCase) check(t *testing.T, g Guest, requested []string) {
	reply, err := g.Call(abi.ExportRoute, c.message(requested))
	if err != nil {
		t.Fatal(err)
	}
	m, err := abi.Parse(reply)
	if err != nil {
		t.Fatal(err)
	}
	word := m.Word()
	outcome := abi.Outcome(word & abi.DecOutcomeMask)
	if outcome.String() != c.Want.Outcome {
		t.Fatalf("outcome is %s (%s), expected %s", outcome, m.Get(abi.DecReason), c.Want.Outcome)
	}
	if status := int(word >> abi.DecStatusShift); c.Want.Status != 0 && status != c.Want.Status {
		t.Errorf("status is %d, expected %d", status, c.Want.Status)
	}
	flag(t, "dynamic", word&abi.DecDynamic != 0, c.Want.Dynamic)
	flag(t, "by_session", word&abi.DecBySession != 0, c.Want.BySession)
	for _, f := range []struct {
		name  string
		field int
		want  *string
	}{
		{"schema", abi.DecSchema, c.Want.Schema}, {"tenant_id", abi.DecTenantID, c.Want.TenantID},
		{"domain", abi.DecDomain, c.Want.Domain}, {"folder", abi.DecFolder, c.Want.Folder},
		{"reference", abi.DecReference, c.Want.Reference}, {"urlconf", abi.DecURLConf, c.Want.URLConf},
		{"ws_urlconf", abi.DecWSURLConf, c.Want.WSURLConf}, {"path", abi.DecPath, c.Want.Path},
		{"location", abi.DecLocation, c.Want.Location}, {"identifier", abi.DecIdentifier, c.Want.Identifier},
		{"cache_prefix", abi.DecCachePrefix, c.Want.Cache}, {"route", abi.DecRouteName, c.Want.Route},
		{"kwargs", abi.DecRouteKwargs, c.Want.Kwargs},
	} {
		if got := string(m.Get(f.field)); f.want != nil && got != *f.want {
			t.Errorf("%s is %q, expected %q", f.name, got, *f.want)
		}
	}
}

// message returns the request as the host encodes it. requested are the headers
// that the guest requested when it was configured.
func (c *RouteCase) message(requested []string) []byte {
	var word uint32 = abi.ReqExplain
	if c.Trusted {
		word |= abi.ReqTrusted
	}
	if c.Websocket {
		word |= abi.ReqWebsocket
	}
	return build(func(buf []byte) abi.Builder {
		b := abi.Begin(buf, word, abi.ReqHeader0+len(requested))
		b.Put(abi.ReqMethod, cmp.Or(c.Method, "GET"))
		b.Put(abi.ReqScheme, "http")
		b.Put(abi.ReqTarget, cmp.Or(c.Target, "/"))
		if c.Host != nil {
			b.Put(abi.ReqHost, *c.Host)
		}
		if c.Session != nil {
			b.Put(abi.ReqSession, *c.Session)
		}
		putHeaders(&b, abi.ReqHeader0, requested, c.Headers)
		return b
	})
}

// putHeaders puts the headers that the guest requested, from field first on.
func putHeaders(b *abi.Builder, first int, requested []string, headers map[string]string) {
	for i, name := range requested {
		for sent, value := range headers {
			if strings.EqualFold(sent, name) {
				b.Put(first+i, value)
			}
		}
	}
}

// build calls write to measure a message, and again with a buffer of that size.
func build(write func([]byte) abi.Builder) []byte {
	b := write(nil)
	b = write(make([]byte, b.Size()))
	return b.Bytes()
}

func flag(t *testing.T, name string, got bool, want *bool) {
	t.Helper()
	if want != nil && got != *want {
		t.Errorf("%s is %v, expected %v", name, got, *want)
	}
}

func contains(t *testing.T, name, got, want string) {
	t.Helper()
	if !strings.Contains(got, want) {
		t.Errorf("%s is %q, expected %q in it", name, got, want)
	}
}
