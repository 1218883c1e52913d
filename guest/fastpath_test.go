//go:build !wasip1

package guest

import (
	"fmt"
	"strings"
	"testing"

	"github.com/tenantedge/tenantedge/guest/abi"
	"github.com/tenantedge/tenantedge/guest/internal/native"
	"github.com/tenantedge/tenantedge/guest/tck"
)

// town has rows of each kind. Long names are longer than the eight bytes that the
// fast path reads at a time.
var town = &tck.World{
	Tenants: []tck.Tenant{
		{ID: "1", Schema: "acme"},
		{ID: "22", Schema: "files", Attributes: map[string]string{"schema_pathname": "own"}},
		{ID: "3", Schema: "badfiles", Attributes: map[string]string{"plan": "gold", "schema_pathname": "../x"}},
		{ID: "4", Schema: "plan", Attributes: map[string]string{"plan": "gold"}},
		{ID: "5", Schema: "paused", Attributes: map[string]string{"a": "x", "plan": "gold", "status": "paused"}},
		{ID: "6", Schema: "silver", Attributes: map[string]string{"plan": "silver", "schema_pathname": "own", "status": ""}},
	},
	Domains: []tck.Domain{
		{Tenant: "1", Domain: "acme.example.com", IsPrimary: true},
		{Tenant: "1", Domain: "a-rather-long-name-of-a-tenant.example.com"},
		{Tenant: "1", Domain: "old.example.com", RedirectToPrimary: true},
		{Tenant: "1", Domain: "shared.example.com", Folder: "acme"},
		{Tenant: "1", Domain: "shared.example.com", Folder: "a-folder-of-some-length"},
		{Tenant: "6", Domain: "shared.example.com", Folder: "a folder"},
		{Tenant: "22", Domain: "shared.example.com", Folder: "a%20folder"},
		{Tenant: "4", Domain: "shared.example.com", Folder: "moved", RedirectToPrimary: true},
		{Tenant: "4", Domain: "shared.example.com"},
		{Tenant: "22", Domain: "files.io"},
		{Tenant: "3", Domain: "badfiles.io"},
		{Tenant: "4", Domain: "plan.io", IsPrimary: true, RedirectToPrimary: true},
		{Tenant: "1", Domain: "fallback.example.com"},
		{Tenant: "1", Domain: "a_b.c"},
		{Tenant: "1", Domain: "a--b.c"},
		{Tenant: "5", Domain: "paused.io"},
		{Tenant: "6", Domain: "silver.io"},
		{Tenant: "6", Domain: "acme.example.com:81"}, // no lookup has a port
	},
}

var townHosts = []string{
	"acme.example.com", "www.acme.example.com", "a-rather-long-name-of-a-tenant.example.com", "old.example.com", "shared.example.com",
	"files.io", "badfiles.io", "plan.io", "paused.io", "silver.io", "a_b.c", "a--b.c", "static.example.com", "www.static.example.com", "fallback.example.com",
	"other.example.com", "unknown.example.com", "Acme.example.com", "acme.example.com:80", "acme.example.com.", "acme..example.com", ".acme", "-acme",
	"acme-", "acme-.io", "acme.-io", "www.", "www.www.acme.example.com", "a", "", "[::1]", "\x80", "acme.example.com\n", "bücher.io", "abcdefg.", "abcdefg-",
	strings.Repeat("a", 63), strings.Repeat("a", 64), strings.Repeat("a.", 40) + "a",
	"acme.example.com:8080", "acme.example.com:81", "www.acme.example.com:8080", "www.acme.example.com:80:80", "static.example.com:8080", "fallback.example.com:65535",
	"shared.example.com:1", "unknown.example.com:8080", "acme.example.com:", "acme.example.com:0080", "acme.example.com:000080", "acme.example.com:65536",
	"acme.example.com:8o", "acme.example.com:-1", "acme.example.com.:80", "Acme.example.com:80", "a_b.c:80", "%61.io:80", "acme.example.com%3A80", "bücher.io:80",
	"[::1]:80", "[::1]:", "[::1", "::1", "[a]:80", ":", ":80", "1:2", "127.0.0.1:80", "www.:80", "acme.example.com:80\nacme.example.com:80",
}

var townTargets = []string{
	"/", "", "*", "/x", "//", "//x", "/x//y", "/acme", "/acme/", "/acme//evil.com", `/acme/\x`, `/acme\x`, `/\acme`, "/acme/x/y?z", "/acme?x=1", "/acme/../x",
	"/acme/.well-known/x", "/acme/x.html", "/acmes/x", "/a-folder-of-some-length/and/more?a=b&c=%20", "/moved/x", "/invoices/2026?page=2", "/%61cme/x", "/x?a=%zz",
	"/x?\x7f", "/x?é", "/é", "/x y", "/x?a b", "/abcdefg?", "/abcdef?x", "/x\x00", "http://acme.example.com/x", "/a?b?c//d", "/?", "?", "x", "/acme/~", "/.", "/..",
	"/.well-known/x", "/acme/.x/..y", "/acme/my%20file?a", "/my%20file", "/caf%C3%A9/%D0%B6", "/acm%65/x", "/acme%2fx", "/acme%20/x", "/acme%3bx/y", "/acme/x%20", "/acme/%2e%2e/x",
	"/acme/..%3b/x", "/%E2%80%A5/x", "/%c0%ae%c0%ae/", "/%ff", "/%", "/%4", "/a%00b", "/a%252fb", "/a%5cb", "/acme%5cx", "/%3facme", "/moved/my%20file", "/acme;x/%41", "/acme/%20x",
	"/a-folder-of-some-length/%41", "/invoices/" + strings.Repeat("%41", 300), "/acme%", "/acme/%41/../x", "/%2e/x", "/acme//%41", `/acme\%41`, "/a%20folder/x",
}

// townConfigs are configurations with and without a fast path.
var townConfigs = []string{
	`{"abi":1,"default":{"urlconf":"app.urls","ws_urlconf":"app.ws"}}`,
	`{"abi":1,"default":{}}`,
	`{"abi":1,"routers":["domain","header","session"],"default":{"urlconf":"app.urls"},"tenants":[
		{"schema":"www","domains":["static.example.com","files.io"],"fallback_domains":["fallback.example.com","static.example.com"],"urlconf":"www.urls"},
		{"schema":"other","fallback_domains":["other.example.com"],"urlconf":"other.urls","ws_urlconf":"other.ws"}]}`,
	`{"abi":1,"routers":["session","domain"],"conflicts":"last-wins","default":{"urlconf":"` + strings.Repeat("u", 300) + `"}}`,
	`{"abi":1,"default":{"urlconf":"app.urls","status":{"attribute":"status","values":{"paused":"page"}},
		"urlconf_by":{"attribute":"plan","values":{"gold":"gold.urls"}},"ws_urlconf_by":{"attribute":"plan","values":{"gold":"gold.ws","silver":"silver.ws"}}}}`,
	`{"abi":1,"default":{"ws_urlconf":"app.ws","urlconf_by":{"attribute":"plan","values":{"gold":"` + strings.Repeat("g", 300) + `"}}}}`,
	`{"abi":1,"default":{"status":{"attribute":"plan","values":{"silver":"page"}},"ws_urlconf_by":{"attribute":"a","values":{"x":"x.ws"}}}}`,
	`{"abi":1,"tenants":[{"schema":"www","domains":["static.example.com"],"fallback_domains":["other.example.com"],"urlconf":"www.urls"}]}`,
	`{"abi":1,"compat":"strict","default":{"urlconf":"app.urls"}}`,
	`{"abi":1,"routers":["header"],"default":{"urlconf":"app.urls"}}`,
}

func configure(t testing.TB, config string) {
	t.Helper()
	Serve(Handlers{})
	reply, err := call(abi.ExportConfigure, []byte(config))
	if err != nil || strings.Contains(string(reply), "error") {
		t.Fatalf("configuration %s: reply %s, error %v", config, reply, err)
	}
}

// compare compares the replies to msg with and without the fast path, and reports
// whether the fast path was used.
func compare(t *testing.T, msg []byte) (used bool) {
	t.Helper()
	enabled := served.fast.enabled
	got := format(call(abi.ExportRoute, msg))
	used = enabled && served.fast.answer(uint32(len(msg))) != nil
	served.fast.enabled = false
	want := format(call(abi.ExportRoute, msg))
	served.fast.enabled = enabled
	if got != want {
		t.Fatalf("request %q:\nfast path %s\nslow path %s", msg, got, want)
	}
	return used
}

func format(reply []byte, err error) string {
	if err != nil {
		return err.Error()
	}
	m, err := abi.Parse(reply)
	if err != nil {
		return err.Error()
	}
	var b strings.Builder
	fmt.Fprintf(&b, "%#x %d", m.Word(), m.Len())
	for i := range m.Len() {
		if f, ok := m.Field(i); ok {
			fmt.Fprintf(&b, " %d:%q", i, f)
		}
	}
	return b.String()
}

func message(word uint32, host, target string, more ...string) []byte {
	b := abi.Begin(make([]byte, 256+len(host)+len(target)+len(strings.Join(more, ""))), word, max(abi.ReqHeader0, abi.ReqSession+len(more)))
	b.Put(abi.ReqMethod, "GET")
	b.Put(abi.ReqScheme, "http")
	if host != "-" {
		b.Put(abi.ReqHost, host)
	}
	b.Put(abi.ReqTarget, target)
	for i, s := range more {
		if s != "" {
			b.Put(abi.ReqSession+i, s)
		}
	}
	return b.Bytes()
}

// prefetchedMessage returns a message with the record that a host prefetches.
func prefetchedMessage(word uint32, host, target string) []byte {
	last := abi.ReqHeader0 + served.fast.headers
	b := abi.Begin(make([]byte, 1024+len(host)+len(target)), word, last+1)
	b.Put(abi.ReqMethod, "GET")
	b.Put(abi.ReqScheme, "http")
	b.Put(abi.ReqHost, host)
	b.Put(abi.ReqTarget, target)
	if folder, ok := abi.FirstSegment(target); ok {
		name := host
		if colon := strings.LastIndexByte(host, ':'); colon >= 0 {
			name = host[:colon]
		}
		if n := town.TenantByDomain(name, folder, b.Rest()); n > 0 {
			b.Keep(last, int(n))
		}
	}
	return b.Bytes()
}

func TestTheFastPathDecidesLikeTheSlowPath(t *testing.T) {
	defer native.Replace(town)()
	for _, config := range townConfigs {
		configure(t, config)
		for _, host := range townHosts {
			for _, target := range townTargets {
				for word := range uint32(8) {
					compare(t, message(word, host, target))
				}
				compare(t, prefetchedMessage(0, host, target))
				compare(t, prefetchedMessage(abi.ReqTrusted, host, target))
				compare(t, message(0, host, target, "", ""))
				compare(t, message(1, host, target, `"acme"`, "files"))
			}
		}
	}
}

func TestPlainRequestsUseTheFastPath(t *testing.T) {
	defer native.Replace(town)()
	configure(t, townConfigs[2])
	for _, c := range []struct {
		host, target string
		fast         bool
	}{
		{"acme.example.com", "/", true},
		{"www.acme.example.com", "/invoices/2026?page=2", true},
		{"a-rather-long-name-of-a-tenant.example.com", "/x/y/z.html?a=%20", true},
		{"a--b.c", "/", true},
		{"old.example.com", "/", false},
		{"files.io", "/", true},
		{"badfiles.io", "/", false},
		{"static.example.com", "/", true},
		{"www.static.example.com", "/x", true},
		{"other.example.com", "/x", true},
		{"unknown.example.com", "/x", true},
		{"shared.example.com", "/acme/x?y", true},
		{"shared.example.com", "/acme", true},
		{"shared.example.com", "/acme/../x", false},
		{"shared.example.com", "/acme//x", false},
		{"acme.example.com:8080", "/", true},
		{"www.acme.example.com:8080", "/x", true},
		{"static.example.com:8080", "/", true},
		{"other.example.com:8080", "/x", true},
		{"unknown.example.com:8080", "/x", true},
		{"shared.example.com:8080", "/acme/x?y", true},
		{"acme.example.com:", "/", false},
		{"acme.example.com:65536", "/", false},
		{"Acme.example.com", "/", false},
		{"acme.example.com", "/%41", true},
		{"acme.example.com", "/my%20file.pdf?x", true},
		{"acme.example.com", "/.well-known/x", true},
		{"static.example.com", "/caf%C3%A9", true},
		{"unknown.example.com", "/%41", true},
		{"www.acme.example.com:8080", "/%41", true},
		{"shared.example.com", "/acme/my%20file", true},
		{"shared.example.com", "/acme/.well-known/x", true},
		{"shared.example.com", "/acm%65/x", true},
		{"acme.example.com", "/a%2fb", false},
		{"acme.example.com", "/x;y", false},
	} {
		if used := compare(t, message(0, c.host, c.target, "", "")); used != c.fast {
			t.Errorf("%s%s: fast path used %v, want %v", c.host, c.target, used, c.fast)
		}
	}
}

func TestAttributesChooseOnTheFastPath(t *testing.T) {
	defer native.Replace(town)()
	configure(t, townConfigs[4])
	for host, want := range map[string]string{
		"acme.example.com": "app.urls ", "plan.io": "gold.urls gold.ws", "www.silver.io": "app.urls silver.ws", "paused.io": "page ",
	} {
		if used := compare(t, message(0, host, "/x", "", "")); used != (host != "paused.io") {
			t.Errorf("%s: fast path used %v", host, used)
		}
		reply, err := call(abi.ExportRoute, message(0, host, "/x", "", ""))
		if err != nil {
			t.Fatal(err)
		}
		m, err := abi.Parse(reply)
		if err != nil {
			t.Fatal(err)
		}
		if got := string(m.Get(abi.DecURLConf)) + " " + string(m.Get(abi.DecWSURLConf)); got != want {
			t.Errorf("%s is served by %q, want %q", host, got, want)
		}
	}
}

// lookupCounter counts lookups by domain.
type lookupCounter struct {
	*tck.World
	lookups int
}

func (c *lookupCounter) TenantByDomain(domain, folder string, out []byte) int64 {
	c.lookups++
	return c.World.TenantByDomain(domain, folder, out)
}

func TestAPrefetchedRecordSavesTheLookup(t *testing.T) {
	c := &lookupCounter{World: town}
	defer native.Replace(c)()
	configure(t, townConfigs[2])
	for _, q := range []struct {
		host, target string
		want         int
	}{
		{"acme.example.com", "/x?y", 0},
		{"shared.example.com", "/acme/x", 0},
		{"shared.example.com", `/acme\x`, 1}, // the slow path looks the folder up
		{"www.acme.example.com", "/x", 2},    // as sent, then without www.
		{"unknown.example.com", "/x", 1},
		{"static.example.com", "/x", 0},
		{"Acme.example.com", "/x", 1},
		{"acme.example.com:81", "/x", 0},
		{"acme.example.com", "/my/%20file", 0},
		{"acme.example.com", "/my%20file", 1}, // the record is for the folder my%20file
	} {
		c.lookups = 0
		if _, err := call(abi.ExportRoute, prefetchedMessage(0, q.host, q.target)); err != nil {
			t.Errorf("%s%s: %v", q.host, q.target, err)
		}
		if c.lookups != q.want {
			t.Errorf("%s%s: %d lookups, want %d", q.host, q.target, c.lookups, q.want)
		}
	}
}

func TestTheFastPathTreatsMalformedRecordsLikeTheSlowPath(t *testing.T) {
	for _, host := range []string{"acme.example.com", "files.io", "badfiles.io"} {
		record := make([]byte, 256)
		record = record[:town.TenantByDomain(host, "", record)]
		for at := range record {
			for _, by := range []byte{1, 2, 8, 0x80, 0xff} {
				row := &fixedRecord{record: append([]byte(nil), record...)}
				row.record[at] += by
				restore := native.Replace(row)
				configure(t, townConfigs[0])
				compare(t, message(0, host, "/x"))
				prefetched := prefetchedMessage(0, host, "/x")
				copy(prefetched[len(prefetched)-len(record):], row.record)
				compare(t, prefetched)
				restore()
			}
		}
	}
}

// fixedRecord answers every lookup by domain with the same record.
type fixedRecord struct {
	native.Unavailable
	record []byte
}

func (f *fixedRecord) TenantByDomain(_, _ string, out []byte) int64 {
	return int64(copy(out, f.record))
}

func FuzzFastPath(f *testing.F) {
	for i, host := range townHosts {
		f.Add(uint8(i), uint8(0), host, townTargets[i%len(townTargets)], "", "")
	}
	f.Add(uint8(2), uint8(1), "acme.example.com", "/x", `"files"`, "acme")
	f.Fuzz(func(t *testing.T, which, word uint8, host, target, session, header string) {
		if len(host)+len(target)+len(session)+len(header) > abi.BufferSize/2 {
			return
		}
		defer native.Replace(town)()
		configure(t, townConfigs[int(which)%len(townConfigs)])
		compare(t, message(uint32(word), host, target, session, header))
	})
}

func FuzzFastPathMessages(f *testing.F) {
	for _, target := range townTargets {
		f.Add(message(0, "acme.example.com", target))
	}
	f.Add(message(1, "shared.example.com", "/acme/x", "", ""))
	f.Add([]byte{})
	f.Fuzz(func(t *testing.T, msg []byte) {
		defer native.Replace(town)()
		configure(t, townConfigs[0])
		if m, err := abi.Parse(msg); err == nil && m.Len() == abi.ReqHeader0+1 && m.Get(abi.ReqHeader0) != nil {
			return // the prefetched record is not the one that the host would return
		}
		compare(t, msg)
	})
}
