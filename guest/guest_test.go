//go:build !wasip1

package guest_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/tenantedge/tenantedge/guest"
	"github.com/tenantedge/tenantedge/guest/abi"
	"github.com/tenantedge/tenantedge/guest/guesttest"
	"github.com/tenantedge/tenantedge/guest/query"
	"github.com/tenantedge/tenantedge/guest/tck"
	"github.com/tenantedge/tenantedge/guest/tenancy"
)

// host is a World with some methods replaced.
type host struct {
	tck.World
	byDomain func(out []byte) int64
	query    func(schema, name, args string, out []byte) int64
	logged   []string
}

func (h *host) TenantByDomain(domain, folder string, out []byte) int64 {
	if h.byDomain != nil {
		return h.byDomain(out)
	}
	return h.World.TenantByDomain(domain, folder, out)
}

func (h *host) Query(schema, name, args string, out []byte) int64 {
	return h.query(schema, name, args, out)
}

func (h *host) Log(level int32, text string) {
	h.logged = append(h.logged, fmt.Sprint(level, " ", text))
}

func (h *host) Random(out []byte) uint32 {
	for i := range out {
		out[i] = 7
	}
	return uint32(abi.OK)
}

// request returns the message of a GET request.
func request(host, target string, headers ...string) []byte {
	b := abi.Begin(make([]byte, 1024+len(target)), 0, abi.ReqHeader0+len(headers))
	b.Put(abi.ReqMethod, "GET")
	b.Put(abi.ReqScheme, "http")
	b.Put(abi.ReqHost, host)
	b.Put(abi.ReqTarget, target)
	for i, h := range headers {
		b.Put(abi.ReqHeader0+i, h)
	}
	return b.Bytes()
}

// serve configures a guest with a small configuration and h as its host.
func serve(t *testing.T, handlers guest.Handlers, h guesttest.Host) abi.Configured {
	t.Helper()
	guesttest.Replace(t, h)
	guest.Serve(handlers)
	reply, err := guesttest.Call(abi.ExportConfigure, []byte(`{"abi":1,"default":{"urlconf":"app.urls"}}`))
	if err != nil {
		t.Fatal(err)
	}
	var configured abi.Configured
	if err := json.Unmarshal(reply, &configured); err != nil {
		t.Fatal(err)
	}
	return configured
}

func route(t *testing.T, msg []byte) abi.Message {
	t.Helper()
	reply, err := guesttest.Call(abi.ExportRoute, msg)
	if err != nil {
		t.Fatal(err)
	}
	m, err := abi.Parse(reply)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func acme() *host {
	return &host{World: tck.World{
		Tenants: []tck.Tenant{{ID: "1", Schema: "acme", Attributes: map[string]string{"schema_pathname": "files"}}},
		Domains: []tck.Domain{{Tenant: "1", Domain: "acme.io", IsPrimary: true}},
	}}
}

func TestARecordHasTheColumnsOfTheDirectory_D8(t *testing.T) {
	many := map[string]string{"plan": "gold", "empty": ""}
	for n := range 40 {
		many[fmt.Sprint("column", n)] = fmt.Sprint(n)
	}
	serve(t, guest.Handlers{}, &host{World: tck.World{
		Tenants: []tck.Tenant{{ID: "1", Schema: "acme", Attributes: many}, {ID: "2", Schema: "bare"}},
		Domains: []tck.Domain{{Tenant: "1", Domain: "acme.io", IsPrimary: true}},
	}})
	for what, find := range map[string]func() (guest.Record, error){
		"by domain":    func() (guest.Record, error) { return guest.TenantByDomain("acme.io", "") },
		"by reference": func() (guest.Record, error) { return guest.TenantByReference("acme") },
		"primary":      func() (guest.Record, error) { return guest.PrimaryDomain("1") },
	} {
		row, err := find()
		if err != nil {
			t.Errorf("%s: %v", what, err)
		}
		for name, want := range many {
			if got, ok := row.Attribute(name); !ok || got != want {
				t.Errorf("%s: column %s is %q, present %v, want %q", what, name, got, ok, want)
			}
		}
		// Values and other fields are not column names.
		for _, name := range []string{"", "gold", "Plan", "acme", "1", "acme.io"} {
			if got, ok := row.Attribute(name); ok {
				t.Errorf("%s: column %q is %q, want none", what, name, got)
			}
		}
	}
	if row, err := guest.TenantByReference("bare"); err != nil || row.Row.Len() != 0 {
		t.Errorf("tenant without attributes: the row has %d fields, error %v, want none", row.Row.Len(), err)
	}
}

func TestAGuestReadsHeadersAndSetsOthers(t *testing.T) {
	configured := serve(t, guest.Handlers{
		Configure: func(c *abi.Config) (abi.Configured, error) {
			return abi.Configured{Headers: []string{"X-Plan"}, Name: c.Default.URLConf}, nil
		},
		Route: func(r *guest.Request, d *guest.Decision) {
			row, err := guest.TenantByDomain(r.Host, "")
			if err != nil {
				t.Error(err)
			}
			d.Serve(&row, tenancy.ByDomain, r.Host)
			d.Path = r.Target
			d.Headers = append(d.Headers, "X-Tenant-Plan", r.Headers[0].Value)
		},
	}, acme())
	if configured.Name != "app.urls" || strings.Join(configured.Headers, " ") != "X-Plan" {
		t.Errorf("configured %+v, want the name app.urls and the header X-Plan", configured)
	}
	m := route(t, request("acme.io", "/x", "gold"))
	want := map[int]string{
		abi.DecSchema: "acme", abi.DecTenantID: "1", abi.DecDomain: "acme.io", abi.DecFolder: "", abi.DecPath: "/x",
		abi.DecIdentifier: "files", abi.DecCachePrefix: "acme", abi.DecHeader0: "X-Tenant-Plan", abi.DecHeader0 + 1: "gold",
	}
	for i, w := range want {
		if got, ok := m.Field(i); !ok || string(got) != w {
			t.Errorf("field %d is %q, present %v, want %q", i, got, ok, w)
		}
	}
	if want := uint32(abi.Tenant) | abi.DecDynamic | 200<<abi.DecStatusShift; m.Word() != want {
		t.Errorf("word is %#x, want %#x", m.Word(), want)
	}
}

func TestADecisionMayHaveManyHeaders(t *testing.T) {
	serve(t, guest.Handlers{Route: func(_ *guest.Request, d *guest.Decision) {
		d.Serve(&guest.Record{ID: "1", Schema: "acme"}, tenancy.ByHeader, "acme")
		for i := range 100 {
			d.Headers = append(d.Headers, fmt.Sprint("X-", i), strings.Repeat("v", 1000))
		}
	}}, acme())
	m := route(t, request("acme.io", "/"))
	if got := m.Get(abi.DecHeader0 + 199); len(got) != 1000 {
		t.Errorf("the last header has %d bytes, want 1000", len(got))
	}
}

func TestAnEmptyDecisionMeansNoTenant(t *testing.T) {
	serve(t, guest.Handlers{Route: func(*guest.Request, *guest.Decision) {}}, acme())
	want := uint32(abi.Missing) | 404<<abi.DecStatusShift
	if word := route(t, request("acme.io", "/")).Word(); word != want {
		t.Errorf("word is %#x, want %#x", word, want)
	}
}

func TestARequestDoesNotSeeTheOneBefore(t *testing.T) {
	var seen []string
	serve(t, guest.Handlers{Route: func(r *guest.Request, _ *guest.Decision) {
		for _, h := range r.Headers {
			seen = append(seen, strings.Clone(h.Value))
		}
		seen = append(seen, strings.Clone(r.Session), "|")
	}}, acme())
	route(t, request("acme.io", "/", "a", "b", "c"))
	route(t, request("acme.io", "/", "d"))
	route(t, request("acme.io", "/", "e", "", "f"))
	if got, want := strings.Join(seen, ""), "abc|d|ef|"; got != want {
		t.Errorf("saw %q, want %q", got, want)
	}
}

func TestARequestFailsIfALookupFails(t *testing.T) {
	for name, answer := range map[string]func([]byte) int64{
		"the host is unavailable": func([]byte) int64 { return -int64(abi.Unavailable) },
		"the record is malformed": func(out []byte) int64 { return int64(copy(out, "no message at all")) },
		"the record never fits":   func(out []byte) int64 { return int64(len(out)) + 1 },
	} {
		t.Run(name, func(t *testing.T) {
			h := acme()
			h.byDomain = answer
			serve(t, guest.Handlers{}, h)
			if reply, err := guesttest.Call(abi.ExportRoute, request("acme.io", "/")); !errors.Is(err, guesttest.ErrNoAnswer) {
				t.Errorf("reply %q, error %v, want ErrNoAnswer", reply, err)
			}
		})
	}
}

func TestALargeRecordIsReadWithASecondCall(t *testing.T) {
	h := acme()
	h.Tenants[0].Attributes["notes"] = strings.Repeat("n", 3*abi.BufferSize)
	serve(t, guest.Handlers{}, h)
	m := route(t, request("acme.io", "/"))
	if string(m.Get(abi.DecSchema)) != "acme" || string(m.Get(abi.DecIdentifier)) != "files" {
		t.Errorf("schema %q and identifier %q, want acme and files", m.Get(abi.DecSchema), m.Get(abi.DecIdentifier))
	}
}

func TestARequestAsLargeAsTheBufferIsRouted(t *testing.T) {
	serve(t, guest.Handlers{}, acme())
	target := "/" + strings.Repeat("%41", (abi.BufferSize-1024)/3)
	m := route(t, request("acme.io", target))
	if got, want := len(m.Get(abi.DecPath)), 1+(abi.BufferSize-1024)/3; got != want {
		t.Errorf("the path has %d bytes, want %d", got, want)
	}
}

func TestTheErrorOfAConfigurationNamesTheKey(t *testing.T) {
	guest.Serve(guest.Handlers{})
	for config, want := range map[string]string{
		`{"abi":1,"compat":"loose"}`: "compat: ",
		`{`:                          "configuration: ",
		``:                           "configuration: ",
	} {
		reply, err := guesttest.Call(abi.ExportConfigure, []byte(config))
		var configured abi.Configured
		if err != nil || json.Unmarshal(reply, &configured) != nil || !strings.HasPrefix(configured.Error, want) {
			t.Errorf("configuration %q: reply %q, error %v, want an error that begins with %q", config, reply, err, want)
		}
	}
	if _, err := guesttest.Call(abi.ExportRoute, request("acme.io", "/")); err == nil {
		t.Error("a guest without a configuration routes a request")
	}
}

func TestOptionalHandlersReplaceTheDefaults(t *testing.T) {
	serve(t, guest.Handlers{
		CacheKey:   func(schema, _, _, key string) (string, error) { return schema + "/" + key, nil },
		ReverseKey: func(string) (string, error) { return "", errors.New("not reversible") },
		Pathname: func(q *guest.PathQuery) guest.Pathname {
			return guest.Pathname{Identifier: "id-" + q.Schema, Path: "/x", HasPath: true}
		},
	}, acme())
	b := abi.Begin(make([]byte, 256), 0, 4)
	b.Put(abi.KeySchema, "acme")
	b.Put(abi.KeyKey, "k")
	for export, want := range map[string]map[int]string{
		abi.ExportCacheKey:   {abi.KeyResult: "acme/k"},
		abi.ExportReverseKey: {abi.KeyError: "not reversible"},
		abi.ExportPathname:   {abi.PathIdentifier: "id-acme", abi.PathPath: "/x"},
	} {
		reply, err := guesttest.Call(export, b.Bytes())
		if err != nil {
			t.Fatal(err)
		}
		m, err := abi.Parse(reply)
		if err != nil {
			t.Fatal(err)
		}
		for i, w := range want {
			if got := string(m.Get(i)); got != w {
				t.Errorf("%s: field %d is %q, want %q", export, i, got, w)
			}
		}
	}
}

func TestAFailedSelfTestIsLogged(t *testing.T) {
	h := acme()
	serve(t, guest.Handlers{SelfTest: func() error { return errors.New("two and two are five") }}, h)
	if guesttest.SelfTest() == 0 || strings.Join(h.logged, "") != "8 self-test: two and two are five" {
		t.Errorf("logged %q, want the error at level 8", h.logged)
	}
	serve(t, guest.Handlers{}, h)
	if guesttest.SelfTest() != 0 {
		t.Error("the self-test of a guest without a handler fails")
	}
}

func TestHostFunctions(t *testing.T) {
	h := acme()
	h.query = func(schema, name, args string, out []byte) int64 {
		if name != "plan" {
			return -int64(abi.NotFound)
		}
		return int64(copy(out, `[{"plan":"`+schema+args[1:2]+`"}]`))
	}
	serve(t, guest.Handlers{}, h)
	rows, err := query.Rows("acme", "plan", 7)
	if err != nil || len(rows) != 1 || string(rows[0].JSON("plan")) != `"acme7"` {
		t.Errorf("Query: rows %+v, error %v, want the plan acme7", rows, err)
	}
	if _, err := query.Rows("acme", "other"); !errors.Is(err, abi.NotFound) {
		t.Errorf("Query of an unknown statement: error %v, want NotFound", err)
	}
	if _, err := guest.PrimaryDomain("9"); !errors.Is(err, abi.NotFound) {
		t.Errorf("PrimaryDomain of an unknown tenant: error %v, want NotFound", err)
	}
	if row, err := guest.PrimaryDomain("1"); err != nil || row.Domain != "acme.io" || !row.Primary {
		t.Errorf("PrimaryDomain: %+v, error %v, want the primary row acme.io", row, err)
	}
	guest.Log(guest.LevelWarn, "careful")
	if strings.Join(h.logged, "|") != "4 careful" {
		t.Errorf("logged %q, want 4 careful", h.logged)
	}
	b := make([]byte, 1<<17)
	if err := guest.Random(b); err != nil || b[len(b)-1] != 7 {
		t.Errorf("Random: last byte %v, error %v, want 7", b[len(b)-1], err)
	}
	if year := time.Unix(0, guest.Now()).UTC().Year(); year != 2026 {
		t.Errorf("the year is %d, want 2026", year)
	}
	guesttest.Replace(t, guesttest.Unavailable{})
	if err := guest.Random(b); !errors.Is(err, abi.Unavailable) {
		t.Errorf("Random without a host: error %v, want Unavailable", err)
	}
}

func FuzzCall(f *testing.F) {
	f.Add(request("acme.io", "/x", "a"))
	f.Add([]byte{0, 0, 0, 0, 0xff, 0xff, 0xff, 0x1f})
	guesttest.Replace(f, acme())
	guest.Serve(guest.Handlers{})
	if _, err := guesttest.Call(abi.ExportConfigure, []byte(`{"abi":1,"routers":["domain","header","session"],"default":{}}`)); err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, msg []byte) {
		_, malformed := abi.Parse(msg)
		for _, export := range []string{abi.ExportRoute, abi.ExportCacheKey, abi.ExportReverseKey, abi.ExportPathname} {
			reply, err := guesttest.Call(export, msg)
			if (err == nil) != (malformed == nil) {
				t.Fatalf("%s: error %v, while abi.Parse of the message has %v", export, err, malformed)
			}
			if err != nil {
				continue
			}
			if _, err := abi.Parse(reply); err != nil {
				t.Fatalf("%s: reply %x: %v", export, reply, err)
			}
		}
	})
}

func (h *host) LogAttrs(level int32, text string, attrs []byte) {
	m, err := abi.Parse(attrs)
	if err != nil {
		h.logged = append(h.logged, err.Error())
		return
	}
	line := fmt.Sprint(level, " ", text)
	for i := range m.Len() {
		line += fmt.Sprintf(" %q", m.Get(i))
	}
	h.logged = append(h.logged, line)
}

func TestLogAttrs(t *testing.T) {
	h := &host{}
	guesttest.Replace(t, h)
	long := strings.Repeat("x", 3*abi.BufferSize)
	guest.LogAttrs(guest.LevelWarn, "a", "name", "value", "last")
	guest.LogAttrs(guest.LevelInfo, "b")
	guest.LogAttrs(guest.LevelInfo, "c", "long", long)
	want := []string{`4 a "name" "value" "last" ""`, "0 b", `0 c "long" "` + long + `"`}
	if !slices.Equal(h.logged, want) {
		t.Errorf("logged %.300q, want %.300q", h.logged, want)
	}
}
