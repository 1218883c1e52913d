package upstream

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/tenantedge/tenantedge/edge/tenant"
)

// host is a Host that records how Forward is called.
type host struct{ inner []bool }

func (h *host) Forward(in, out *http.Request, inner bool) {
	h.inner = append(h.inner, inner)
	out.Host = in.Host
}

func parsed(t *testing.T, s string) *url.URL {
	t.Helper()
	u, err := url.Parse(s)
	if err != nil {
		t.Fatal(err)
	}
	return u
}

func TestNewRejectsInvalidConfigurations(t *testing.T) {
	for _, c := range []struct {
		config Config
		want   string
	}{
		{Config{}, "expected a URL such as http://127.0.0.1:8000"},
		{Config{URL: parsed(t, "ws://app")}, "found ws://app"},
		{Config{URL: parsed(t, "http:///path")}, "found http:///path"},
		{Config{URL: parsed(t, "http://app")}, "expected a Host"},
		{Config{URL: parsed(t, "http://app"), Host: &host{}, Reuse: "always"}, `found "always"`},
		{Config{URL: parsed(t, "http://app"), Host: &host{}, Reuse: PerClient}, "expected the function Client"},
	} {
		if _, err := New(c.config); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("New(%+v): %v, expected %q", c.config, err, c.want)
		}
	}
}

func TestTheRequestOfATarget(t *testing.T) {
	in := httptest.NewRequest("GET", "http://acme.test/folder/a%2Fb?q", nil)
	in.RequestURI = "/folder/a%2Fb?q"
	in.Header = http.Header{
		"Connection": {"X-Hop, sec-websocket-key"}, "X-Hop": {"1"}, "Te": {"trailers"}, "Sec-Websocket-Key": {"k"}, "X-End": {"2"},
	}
	in = in.WithContext(tenant.NewContext(in.Context(), &tenant.Tenant{Path: "/a/b", Routing: tenant.Routing{Folder: "folder"}}))
	for _, c := range []struct {
		target           Target
		uri, url, host   string
		inner            bool
		withoutTheTenant bool
	}{
		{target: Target{URL: parsed(t, "ws://app:1/base")}, uri: "/base/folder/a%2Fb?q", host: "acme.test"},
		{target: Target{URL: parsed(t, "ws://app:1"), Inner: true}, uri: "/a%2Fb?q", host: "acme.test", inner: true},
		{target: Target{URL: parsed(t, "ws://app:1"), Inner: true, OwnHost: true}, uri: "/a%2Fb?q", host: "app:1", inner: true},
		{target: Target{URL: parsed(t, "ws://app:1"), Inner: true}, uri: "/folder/a%2Fb?q", host: "acme.test", withoutTheTenant: true},
	} {
		r := in
		if c.withoutTheTenant {
			r = in.WithContext(t.Context())
		}
		h := &host{}
		out := c.target.Request(h, r)
		if out.URL.RequestURI() != c.uri || out.Host != c.host || out.URL.Host != "app:1" || len(h.inner) != 1 || h.inner[0] != c.inner {
			t.Errorf("%+v: %s at %s (%s), inner %v", c.target, out.URL.RequestURI(), out.Host, out.URL.Host, h.inner)
		}
		if len(out.Header) != 2 || out.Header.Get("Sec-Websocket-Key") != "k" || out.Header.Get("X-End") != "2" {
			t.Errorf("%+v: header %v, expected no hop-by-hop fields", c.target, out.Header)
		}
		if len(in.Header) != 5 {
			t.Fatalf("the incoming header was changed: %v", in.Header)
		}
	}
}

func TestEveryCauseHasAStatusAndAReason(t *testing.T) {
	for c := ApplicationFailed; c <= Closing; c++ {
		if c.Status() < 400 || c.String() == "" || c.Client() != (c.Status() < 500) {
			t.Errorf("cause %d: %d %q, the client's: %v", c, c.Status(), c, c.Client())
		}
	}
}
