package edge

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"reflect"
	"testing"

	"github.com/tenantedge/tenantedge/edge/internal/wasm/wasmtest"
	"github.com/tenantedge/tenantedge/guest/abi"
)

// planner returns a handmade guest that routes every request to the static tenant
// www, says that it sets X-Plan and X-Class, and sets the headers in set.
func planner(set ...string) []byte {
	b := abi.Begin(make([]byte, 512), uint32(abi.Tenant)|200<<abi.DecStatusShift, abi.DecHeader0+len(set))
	b.Put(abi.DecSchema, "www")
	b.Put(abi.DecDomain, "example.com")
	for i, text := range set {
		b.Put(abi.DecHeader0+i, text)
	}
	return declares("X-Plan", "X-Class").Replies(abi.ExportRoute, string(b.Bytes())).Wasm()
}

// declares returns a handmade guest that says which headers it sets.
func declares(names ...string) *wasmtest.Handmade {
	const at = 8192
	configured, _ := json.Marshal(abi.Configured{SetHeaders: names}) // marshals always
	return wasmtest.Sound().WithData(at, string(configured)).
		With(abi.ExportConfigure, wasmtest.I64(abi.PackReply(at, uint32(len(configured))))...)
}

// What a client sends under a name that only the guest may set reaches no handler,
// whatever its spelling; what the guest sets reaches all.
func TestHandlersGetTheHeadersOfTheGuest(t *testing.T) {
	forged := http.Header{
		"X-Plan": {"forged", "twice"}, "X_plan": {"forged"}, "X!class": {"forged"}, "X-Class": {"forged"}, "X-Other": {"kept"},
	}
	for _, c := range []struct {
		name string
		set  []string
		want http.Header
	}{
		{"one is set", []string{"X-Plan", "gold"}, http.Header{"X-Plan": {"gold"}, "X-Other": {"kept"}}},
		{"both are set", []string{"X-Plan", "gold", "X-Class", "a"}, http.Header{"X-Plan": {"gold"}, "X-Class": {"a"}, "X-Other": {"kept"}}},
		{"none is set", nil, http.Header{"X-Other": {"kept"}}},
	} {
		t.Run(c.name, func(t *testing.T) {
			h := newHost(t, func(o *Config) { o.Guest = planner(c.set...) })
			r := httptest.NewRequest("GET", "http://example.com/", nil)
			r.Header = forged.Clone()
			var seen, forwarded http.Header
			h.Middleware(http.HandlerFunc(func(_ http.ResponseWriter, in *http.Request) {
				seen = in.Header
				out := in.Clone(in.Context())
				h.Forward(in, out, false)
				forwarded = out.Header
			})).ServeHTTP(httptest.NewRecorder(), r)
			if !reflect.DeepEqual(seen, c.want) {
				t.Errorf("the handler got %v, expected %v", seen, c.want)
			}
			for _, name := range []string{"X-Plan", "X_plan", "X-Class", "X!class", "X-Other"} {
				if !reflect.DeepEqual(forwarded[name], c.want[name]) {
					t.Errorf("the upstream got %s: %v, expected %v", name, forwarded[name], c.want[name])
				}
			}
			if !reflect.DeepEqual(r.Header, forged) {
				t.Errorf("the request's own headers changed to %v", r.Header)
			}
			q, err := h.RequestOf(t.Context(), r)
			if err != nil {
				t.Fatal(err)
			}
			if got := h.ApplicationHeader(&q); !reflect.DeepEqual(got, http.Header{"X-Other": {"kept"}}) {
				t.Errorf("ApplicationHeader returned %v", got)
			}
		})
	}
}

// An application that serves requests without a tenant must not believe them either.
func TestARefusedRequestCarriesNoHeaderOfTheGuest(t *testing.T) {
	var seen http.Header
	h := newHost(t, func(o *Config) {
		o.Guest = declares("X-Plan").Wasm()
		o.Refused = func(_ http.ResponseWriter, r *http.Request, _ *RouteError) { seen = r.Header }
	})
	r := httptest.NewRequest("GET", "http://example.com/", nil)
	r.Header = http.Header{"X-Plan": {"forged"}, "X-Other": {"kept"}}
	h.Middleware(http.NotFoundHandler()).ServeHTTP(httptest.NewRecorder(), r)
	if !reflect.DeepEqual(seen, http.Header{"X-Other": {"kept"}}) {
		t.Errorf("Refused got %v", seen)
	}
}
