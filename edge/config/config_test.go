package config

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net/http"
	"net/netip"
	"net/url"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/tenantedge/tenantedge/edge"
	"github.com/tenantedge/tenantedge/edge/upstream"
	"github.com/tenantedge/tenantedge/edge/websocket"
	"github.com/tenantedge/tenantedge/guest/abi"
	"github.com/tenantedge/tenantedge/tenantdb"
)

// testdata/examples.json holds the configurations with which django-pgschemas was
// observed.
func TestEveryObservedConfigurationLoads(t *testing.T) {
	data, err := os.ReadFile("testdata/examples.json")
	if err != nil {
		t.Fatal(err)
	}
	var configs []json.RawMessage
	if err := json.Unmarshal(data, &configs); err != nil {
		t.Fatal(err)
	}
	if len(configs) != 40 {
		t.Errorf("%d configurations, want 40", len(configs))
	}
	for i, raw := range configs {
		for _, name := range []string{"example.json", "example", "example.yaml"} {
			f, err := Parse(name, raw)
			if err != nil {
				t.Errorf("configuration %d as %s: %v", i, name, err)
				continue
			}
			var want struct {
				Tenants   map[string]struct{ DOMAINS []string }
				Directory struct {
					Tenants []struct{ ID int }
					Domains []struct{ Domain, Folder string }
				}
			}
			if err := json.Unmarshal(raw, &want); err != nil {
				t.Fatal(err)
			}
			for _, s := range f.GuestConfig.Tenants {
				if !slices.Equal(s.Domains, want.Tenants[s.Schema].DOMAINS) {
					t.Errorf("configuration %d: domains of %s are %q, want %q", i, s.Schema, s.Domains, want.Tenants[s.Schema].DOMAINS)
				}
			}
			if got := len(f.Directory.Tenants); got != len(want.Directory.Tenants) {
				t.Errorf("configuration %d: %d dynamic tenants, want %d", i, got, len(want.Directory.Tenants))
			}
			for j, row := range want.Directory.Domains {
				if got := f.Directory.Domains[j]; got.Domain != row.Domain || got.Folder != row.Folder {
					t.Errorf("configuration %d: row %d is %+v, want %+v", i, j, got, row)
				}
			}
		}
	}
}

func parse(t *testing.T, name, text string) *File {
	t.Helper()
	f, err := Parse(name, []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return f
}

// dumped is the output of json.dumps(settings.TENANTS) for the settings of a
// project.
const dumped = `{"public": {"APPS": ["django.contrib.contenttypes", "django_pgschemas", "tenants"]}, "www": {"APPS": ["main"], ` +
	`"DOMAINS": ["example.com", "second.example.com"], "FALLBACK_DOMAINS": ["tenants.example.com"], "URLCONF": "main.urls", ` +
	`"WS_URLCONF": "main.ws", "HEADER": "main", "SESSION_KEY": null}, "blog": {"APPS": ["blog"], "URLCONF": "blog.urls", ` +
	`"DOMAINS": ["blog.example.com"]}, "about": {"URLCONF": "\ud83d\ude00.urls"}, "default": {"TENANT_MODEL": "tenants.Tenant", ` +
	`"DOMAIN_MODEL": "tenants.Domain", "APPS": ["customers"], "URLCONF": "customers.urls", "CLONE_REFERENCE": "sample"}}`

func TestTheTenantsTableOfDjangoLoadsAsItIs(t *testing.T) {
	main := "main"
	want := []abi.StaticTenant{
		{
			Schema: "www", Domains: []string{"example.com", "second.example.com"}, FallbackDomains: []string{"tenants.example.com"},
			URLConf: "main.urls", WSURLConf: "main.ws", Header: &main,
		},
		{Schema: "blog", Domains: []string{"blog.example.com"}, URLConf: "blog.urls"},
		{Schema: "about", URLConf: "😀.urls"},
	}
	f := parse(t, "tenants.json", `{"tenants": `+dumped+`}`)
	if !reflect.DeepEqual(f.GuestConfig.Tenants, want) {
		t.Errorf("tenants are\n%+v, want\n%+v", f.GuestConfig.Tenants, want)
	}
	if want := (abi.DefaultTenant{URLConf: "customers.urls", CloneReference: "sample"}); f.GuestConfig.Default == nil || *f.GuestConfig.Default != want {
		t.Errorf("default is %+v, want %+v", f.GuestConfig.Default, want)
	}
}

func TestKeysOfTenantsMayBeInLowerCase(t *testing.T) {
	f := parse(t, "x.yaml", `
tenants:
  zoo: {domains: [a.com], urlconf: z, header: "1"}
  ant: {DOMAINS: [b.com], session_key: s}
`)
	one, s := "1", "s"
	want := []abi.StaticTenant{
		{Schema: "zoo", Domains: []string{"a.com"}, URLConf: "z", Header: &one},
		{Schema: "ant", Domains: []string{"b.com"}, SessionKey: &s},
	}
	if !reflect.DeepEqual(f.GuestConfig.Tenants, want) {
		t.Errorf("tenants are %+v, want %+v", f.GuestConfig.Tenants, want)
	}
	if f.GuestConfig.Default != nil {
		t.Errorf("default is %+v, want none", f.GuestConfig.Default)
	}
}

func TestEveryPartOfAFileIsDecoded(t *testing.T) {
	f := parse(t, "/etc/tenantedge/tenantedge.yaml", `
compat: strict
routers: [session, header]
conflicts: last-wins
tenant_header: X-Tenant
tenant_session_key: t
trusted_peers: [10.0.0.0/8, 192.0.2.7, "2001:db8::/32", "::ffff:192.0.2.8", loopback]
tenant_header_proof: [{id: a, secret_file: /run/a}, {id: b, secret_env: B}]
directory:
  source: postgres
  dsn_file: dsn
  tenant_table: app_tenant
  domain_table: public.app_domain
  attributes: [schema_pathname, plan]
  state_file: state/tenants
  state_wait: 4s
  poll_interval: 2s
urlconfs:
  short: http://127.0.0.1:8000
  app: {upstream: "h2c://app/base/", path: inner, host: upstream, reuse: never, media: true, access: signed, accel: {prefix: /sent/, location: private}}
  site: {files: ../public}
  media: {media: true, access: private, uploads: {max_bytes: 5MB, resumable: false, expiry: 2d, timeout: 10s}}
  drop: {media: true, uploads: {public: true}}
  gone: {reply: {status: 410, headers: {content-type: text/plain}, body: "gone\n"}}
fallback: gone
media: {location: media, base_url: /m/files/, active_content: inline, precompressed: false, max_file_bytes: 1GB, min_free: 2GiB, quota_bytes: 10GB, quota_files: 7, max_depth: 9}
signing_keys: [{id: new, secret_env: NEW}, {id: old, secret_file: old}]
ws_urlconfs:
  ws: [{path: "ws/<int:n>/", name: a}, {regex: "^x$", name: ""}]
upstream_headers: {schema: "", id: X-Id, routing: X-Routing, folder: X-Folder, cache_prefix: X-Prefix, identifier: X-Ident}
listeners:
  - 127.0.0.1:80
  - {address: ":443", tls: {cert: a.pem, key: a.key}}
  - {address: "[::1]:8443", tls: [{cert: a.pem, key: a.key}, {cert: /b.pem, key: /b.key}], h2: false}
  - {address: ":8081", h2c: true}
admin: off
sessions:
  backend: db
  cookie_name: sid
  cookie_age: 1d12h
  salt: mine
  secret_key_file: secrets/key
  fallbacks_env: [OLD, OLDER]
  fallbacks_file: [secrets/old]
  dsn_env: SESSIONS
  cache_age: 5s
  unavailable: ignore
  table: other.django_session
queries: {plan: {sql: select 1, schema: public, timeout: 250ms, max_rows: 5}, all: {sql: select 2}}
admin_hosts: [metrics.internal]
limits:
  read_header_timeout: 0
  idle_timeout: 1m30s
  max_header_bytes: 32KiB
  max_body_bytes: 10MB
  dial_timeout: 1s
  response_header_timeout: 1h
  max_answer_header_bytes: 16KiB
  max_answer_headers: 100
  body_timeout: 30s
  answer_timeout: 45s
  min_rate: 2KiB
  connections: 1000
  tenant_requests: 300
  file_cache: 1MiB
  shutdown_timeout: 0s
  shutdown_linger: 2s
  guest: {instances: 8, queue_timeout: 20ms, fuel: 1000000, deadline: 5ms, memory: 1MiB, stack: 10, audit: 1, file_bytes: 2KiB, open_files: 3, log_rate: 4KiB}
logs: {format: json, level: warn, access: true, cost: true}
server_timing: trusted
usage: {enabled: false, window: 5m, folder: usage, max_bytes: 1MiB, max_files: 3, memory: 2MiB, metrics_tenants: 5}
tracing: {endpoint: "https://otel.example.com:4318/custom", protocol: http/protobuf, sample: 5%, parent: ignore, headers_env: OTEL, service: edge}
on_guest_error: previous
guest: {path: router.wasm, settings: {b: [1, 2.50, 0x10, true, null, "<é>"], a: {}}}
`)
	parsed := func(s string) *url.URL {
		u, err := url.Parse(s)
		if err != nil {
			t.Fatal(err)
		}
		return u
	}
	path, regex := "ws/<int:n>/", "^x$"
	want := &File{
		Name: "/etc/tenantedge/tenantedge.yaml",
		GuestConfig: abi.Config{
			ABI: abi.Version, Compat: abi.Strict, Routers: []abi.Router{abi.BySession, abi.ByHeader}, Conflicts: abi.LastWins,
			TenantHeader: "X-Tenant", TenantSessionKey: "t",
			WSURLConfs: map[string][]abi.WSRoute{"ws": {{Path: &path, Name: "a"}, {Regex: &regex}}},
			Settings:   abi.JSON(`{"b":[1,2.50,16,true,null,"<é>"],"a":{}}`),
		},
		TrustedPeers: []netip.Prefix{
			netip.MustParsePrefix("10.0.0.0/8"), netip.MustParsePrefix("192.0.2.7/32"), netip.MustParsePrefix("2001:db8::/32"),
			netip.MustParsePrefix("192.0.2.8/32"), netip.MustParsePrefix("127.0.0.0/8"), netip.MustParsePrefix("::1/128"),
		},
		TenantHeaderProof: []ProofKey{{ID: "a", SecretFile: "/run/a"}, {ID: "b", SecretEnv: "B"}},
		Directory: Directory{
			Source: "postgres", Database: Database{DSNFile: "/etc/tenantedge/dsn"}, TenantTable: "app_tenant",
			DomainTable: "public.app_domain", Attributes: []string{"schema_pathname", "plan"},
			StateFile: "/etc/tenantedge/state/tenants", StateWait: 4 * time.Second, PollInterval: 2 * time.Second,
		},
		Fallback: "gone",
		URLConfs: map[string]URLConf{
			"short": {Upstream: parsed("http://127.0.0.1:8000"), Path: "original", Host: "client", Reuse: "tenant"},
			"app": {
				Upstream: parsed("h2c://app/base/"), Path: "inner", Host: "upstream", Reuse: "never",
				Media: true, Access: AccessSigned, Accel: &Accel{Prefix: "/sent/", Location: "/etc/tenantedge/private"},
			},
			"site":  {Files: "/etc/public", Access: AccessPublic},
			"media": {Media: true, Access: AccessPrivate, Uploads: &Uploads{MaxBytes: 5e6, Expiry: 48 * time.Hour, Timeout: 10 * time.Second}},
			"drop":  {Media: true, Access: AccessPublic, Uploads: &Uploads{Resumable: true, Expiry: 24 * time.Hour, Timeout: time.Minute, Public: true}},
			"gone":  {Reply: &Reply{Status: 410, Header: http.Header{"Content-Type": {"text/plain"}}, Body: "gone\n"}},
		},
		Media: &Media{
			Location: "/etc/tenantedge/media", BaseURL: "/m/files/", ActiveContent: "inline",
			MaxFileBytes: 1e9, MinFree: 2 << 30, QuotaBytes: 10e9, QuotaFiles: 7, MaxDepth: 9,
		},
		SigningKeys: []ProofKey{{ID: "new", SecretEnv: "NEW"}, {ID: "old", SecretFile: "/etc/tenantedge/old"}},

		UpstreamHeaders: upstream.Headers{
			ID: "X-Id", Routing: "X-Routing", Folder: "X-Folder", CachePrefix: "X-Prefix", Identifier: "X-Ident",
		},
		Listeners: []Listener{
			{Address: "127.0.0.1:80", H2: true},
			{Address: ":443", H2: true, TLS: []Certificate{{"/etc/tenantedge/a.pem", "/etc/tenantedge/a.key"}}},
			{Address: "[::1]:8443", TLS: []Certificate{{"/etc/tenantedge/a.pem", "/etc/tenantedge/a.key"}, {"/b.pem", "/b.key"}}},
			{Address: ":8081", H2: true, H2C: true},
		},
		Sessions: &Sessions{
			Backend: "db", CookieName: "sid", CookieAge: 36 * time.Hour, Salt: "mine",
			SecretKeyFile: "/etc/tenantedge/secrets/key", FallbacksEnv: []string{"OLD", "OLDER"},
			FallbacksFile: []string{"/etc/tenantedge/secrets/old"}, Database: Database{DSNEnv: "SESSIONS"}, Table: "other.django_session", CacheAge: 5 * time.Second, IgnoreUnreadable: true,
		},
		Queries: map[string]Query{
			"plan": {SQL: "select 1", Schema: SchemaPublic, Timeout: 250 * time.Millisecond, MaxRows: 5},
			"all":  {SQL: "select 2", Schema: SchemaTenant, Timeout: time.Second, MaxRows: 1000},
		},
		AdminHosts: []string{"metrics.internal"},
		Limits: Limits{
			IdleTimeout: 90 * time.Second, BodyTimeout: 30 * time.Second, AnswerTimeout: 45 * time.Second, MinRate: 2 << 10, Connections: 1000, TenantRequests: 300, FileCache: 1 << 20, ShutdownLinger: 2 * time.Second, MaxAnswerHeaderBytes: 16 << 10, MaxAnswerHeaders: 100, MaxHeaderBytes: 32 << 10, MaxBodyBytes: 10e6, DialTimeout: time.Second,
			ResponseHeaderTimeout: time.Hour,
			Guest:                 GuestLimits{Fuel: 1000000, Deadline: 5 * time.Millisecond, Memory: 1 << 20, Stack: 10, Instances: 8, QueueTimeout: 20 * time.Millisecond, Audit: 1, FileBytes: 2 << 10, OpenFiles: 3, LogRate: 4 << 10},
			Websocket: WebsocketLimits{
				Message: 16 << 20, Queue: 256 << 10, PingInterval: 30 * time.Second, PongTimeout: 20 * time.Second,
				HandshakeTimeout: 10 * time.Second, WriteTimeout: 10 * time.Second, CloseTimeout: 5 * time.Second,
			},
		},
		Logs:                    Logs{Format: "json", Level: slog.LevelWarn, Access: true, Cost: true},
		ServerTiming:            "trusted",
		Usage:                   Usage{Window: 5 * time.Minute, Folder: "/etc/tenantedge/usage", MaxBytes: 1 << 20, MaxFiles: 3, Memory: 2 << 20, MetricsTenants: 5},
		Tracing:                 &Tracing{Endpoint: "https://otel.example.com:4318/custom", Protocol: "http/protobuf", Sample: new(Share(0.05)), IgnoreParent: true, HeadersEnv: "OTEL", Service: "edge"},
		FallBackToPreviousGuest: true,
		Websockets:              Websockets{Compression: "off"},
		WSTargets:               map[string]map[string]websocket.Target{},
		Guest:                   Guest{Path: "/etc/tenantedge/router.wasm"},
	}
	f.marks = nil
	if !reflect.DeepEqual(f, want) {
		t.Errorf("decoded\n%+v\nwant\n%+v", f, want)
	}
}

func TestRowsOfTheDirectoryKeepTheirText(t *testing.T) {
	f := parse(t, "x.yaml", `
directory:
  source: file
  tenants:
    - {id: 18446744073709551616, schema_name: t1, plan: gold, seats: 1.50, active: true, note: null}
    - {id: 5f0c1c1e-8f1a-4d0b-9c5e-2d6f3a1b7c9d, schema_name: t2}
  domains:
    - {id: 1, tenant_id: 18446744073709551616, domain: a.com, folder: x, is_primary: true}
    - {tenant_id: 5F0C1C1E-8f1a-4d0b-9c5e-2d6f3a1b7c9d, domain: b.com, redirect_to_primary: true}
`)
	want := Directory{
		Source: "file",
		Tenants: []tenantdb.Tenant{
			{ID: "18446744073709551616", Schema: "t1", Attributes: []tenantdb.Attribute{{Name: "active", Value: "true"}, {Name: "plan", Value: "gold"}, {Name: "seats", Value: "1.50"}}},
			{ID: "5f0c1c1e-8f1a-4d0b-9c5e-2d6f3a1b7c9d", Schema: "t2"},
		},
		Domains: []tenantdb.Domain{
			{TenantID: "18446744073709551616", Domain: "a.com", Folder: "x", IsPrimary: true},
			{TenantID: "5F0C1C1E-8f1a-4d0b-9c5e-2d6f3a1b7c9d", Domain: "b.com", RedirectToPrimary: true},
		},
	}
	if !reflect.DeepEqual(f.Directory, want) {
		t.Errorf("directory is\n%+v, want\n%+v", f.Directory, want)
	}
}

func TestAliasesAreFollowed(t *testing.T) {
	f := parse(t, "x.yaml", `
tenants:
  www: {DOMAINS: &hosts [a.com, &b b.com], URLCONF: &conf main}
  blog: {FALLBACK_DOMAINS: *hosts, URLCONF: *conf, DOMAINS: [*b]}
`)
	if got := f.GuestConfig.Tenants[1]; got.URLConf != "main" || !slices.Equal(got.FallbackDomains, []string{"a.com", "b.com"}) || !slices.Equal(got.Domains, []string{"b.com"}) {
		t.Errorf("blog is %+v", got)
	}
}

func TestAnAliasBombIsRejectedQuickly(t *testing.T) {
	var b strings.Builder
	b.WriteString("guest:\n  settings:\n    a0: &a0 [x]\n")
	for i := 1; i < 30; i++ {
		fmt.Fprintf(&b, "    a%d: &a%d [*a%d, *a%d, *a%d, *a%d]\n", i, i, i-1, i-1, i-1, i-1)
	}
	_, err := Parse("x.yaml", []byte(b.String()))
	if err == nil || !strings.Contains(err.Error(), "through aliases") {
		t.Errorf("error is %v, want one about aliases", err)
	}
}

func TestAFlowMappingIsYAMLAndABracedTextThatIsValidIsJSON(t *testing.T) {
	for _, text := range []string{`{compat: strict}`, `{"compat": "strict"}`, "\ufeff{\"compat\": \"strict\"}", "{\n# why\ncompat: strict}"} {
		if f := parse(t, "tenantedge.conf", text); f.GuestConfig.Compat != "strict" {
			t.Errorf("%q: compat is %q", text, f.GuestConfig.Compat)
		}
	}
}

func TestAFileWithoutContentIsTheDefaults(t *testing.T) {
	for name, text := range map[string]string{"a.yaml": "", "b.yaml": "# nothing\n", "c.yaml": "tenants:\nlimits:\n", "d.json": " ", "e.json": "{}", "f.json": "null"} {
		f := parse(t, name, text)
		if len(f.Listeners) != 1 || f.Listeners[0].Address != ":8080" || f.GuestConfig.Compat != abi.Hardened || f.Admin != "127.0.0.1:8081" {
			t.Errorf("%s: %+v", name, f)
		}
		if err := f.CheckServe(); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestEdgeTakesOverWhatNeedsNoIO(t *testing.T) {
	f := parse(t, "x.json", `{"compat": "strict", "tenants": `+dumped+`, "routers": ["header"], "conflicts": "last-wins", "tenant_header": "x",
		"tenant_session_key": "y", "trusted_peers": ["10.0.0.0/8"], "guest": {"settings": {"a": 1}},
		"limits": {"guest": {"instances": 3, "queue_timeout": "2s"}, "websocket": {"connections": 5}}, "upstream_headers": {"id": "X-Id"},
		"ws_urlconfs": {"w": [{"path": "room/", "name": "room", "upstream": "ws://127.0.0.1:8001", "upstream_path": "inner", "origins": ["*"]}]},
		"websockets": {"origins": ["https://app.example.net"], "without_origin": true}}`)
	room := "room/"
	want := edge.Config{
		GuestConfig: abi.Config{
			ABI: abi.Version, Compat: abi.Strict, Routers: []abi.Router{abi.ByHeader}, Conflicts: abi.LastWins, TenantHeader: "x", TenantSessionKey: "y",
			Tenants: f.GuestConfig.Tenants, Default: f.GuestConfig.Default, WSURLConfs: map[string][]abi.WSRoute{"w": {{Path: &room, Name: "room"}}},
			Settings: abi.JSON(`{"a":1}`),
		},
		TrustedPeers: []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8")},
		Upstream:     &upstream.Headers{Schema: "tenant", ID: "X-Id"},
		Limits: edge.GuestLimits{
			Fuel: 20_000_000, Deadline: 100 * time.Millisecond, Memory: 64 << 20, Stack: 20_000,
			Instances: 3, QueueTimeout: 2 * time.Second, Audit: 10_000,
		},
		GuestLogRate: 16 << 10, FileLimits: edge.FileLimits{Bytes: 1 << 20, Open: 16},
		Websockets: websocket.Config{
			Targets: map[string]map[string]websocket.Target{"w": {
				"room": {Upstream: &url.URL{Scheme: "ws", Host: "127.0.0.1:8001"}, Inner: true, Origins: []string{"*"}},
			}},
			Origins: []string{"https://app.example.net"}, WithoutOrigin: true, Compression: "off",
			Limits: websocket.Limits{
				Connections: 5, Message: 16 << 20, Queue: 256 << 10, PingInterval: 30 * time.Second, PongTimeout: 20 * time.Second,
				HandshakeTimeout: 10 * time.Second, DialTimeout: 5 * time.Second, WriteTimeout: 10 * time.Second, CloseTimeout: 5 * time.Second,
				AnswerHeaderBytes: 64 << 10, AnswerHeaders: 500,
			},
		},
	}
	if got := f.Edge(); !reflect.DeepEqual(got, want) {
		t.Errorf("Edge is\n%+v, want\n%+v", got, want)
	}
}

func TestAPolicyForSessionsThatIsNoneIsRefused_G3(t *testing.T) {
	for unavailable, ignore := range map[string]bool{"": false, ", unavailable: refuse": false, ", unavailable: ignore": true} {
		f := parse(t, "x.yaml", "sessions: {backend: db, secret_key_env: KEY"+unavailable+"}")
		if got := f.Edge().IgnoreUnreadableSessions; got != ignore {
			t.Errorf("%q: unreadable sessions are ignored: %v, expected %v", unavailable, got, ignore)
		}
	}
	_, err := Parse("x.yaml", []byte("sessions: {backend: db, secret_key_env: KEY, unavailable: skip}"))
	if err == nil || err.Error() != `x.yaml:1:59: sessions.unavailable: expected refuse or ignore, found the string "skip"` {
		t.Errorf("the error is %v", err)
	}
}

// Keys with two words, whose fields are bools.
func TestTheZeroValueOfAPolicyIsRefuse(t *testing.T) {
	for text, want := range map[string]edge.Config{
		"forwarded_host: refuse":   {},
		"forwarded_host: route":    {RouteByForwardedHost: true},
		"on_guest_error: refuse":   {},
		"on_guest_error: previous": {FallBackToPreviousGuest: true},
	} {
		c := parse(t, "x.yaml", text)
		got := c.Edge()
		if got.RouteByForwardedHost != want.RouteByForwardedHost || got.FallBackToPreviousGuest != want.FallBackToPreviousGuest {
			t.Errorf("%s: %v and %v", text, got.RouteByForwardedHost, got.FallBackToPreviousGuest)
		}
	}
	for _, text := range []string{"forwarded_host: skip", "on_guest_error: true"} {
		if _, err := Parse("x.yaml", []byte(text)); err == nil {
			t.Errorf("%s is accepted", text)
		}
	}
}

func TestLoadNamesTheFileInErrors(t *testing.T) {
	if _, err := Load(filepath.Join(t.TempDir(), "no.yaml")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("error is %v", err)
	}
	name := filepath.Join(t.TempDir(), "yes.yaml")
	if err := os.WriteFile(name, []byte("compat: loose\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	_, err := Load(name)
	var e *Error
	if !errors.As(err, &e) || e.File != name || e.Line != 1 || e.Column != 9 || e.Path != "compat" {
		t.Errorf("error is %+v", err)
	}
}

func TestTheReadmesConfigurationIsRead(t *testing.T) {
	readme, err := os.ReadFile("../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	_, text, _ := strings.Cut(string(readme), "```yaml\nlisteners:")
	text, _, _ = strings.Cut(text, "```")
	if f := parse(t, "README.md", "listeners:"+text); f.Directory.Source != "postgres" || len(f.URLConfs) != 2 {
		t.Errorf("read %+v", f)
	} else if err := f.CheckServe(); err != nil {
		t.Error(err)
	}
}
