package main

import (
	"encoding/json"
	"fmt"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/tenantedge/tenantedge/edge/config"
	"github.com/tenantedge/tenantedge/edge/serve"
	"github.com/tenantedge/tenantedge/edge/websocket"
)

// runCheck runs check with --json and returns its exit code and what it found.
func runCheck(t *testing.T, config string, flags ...string) (code int, r checkReport) {
	t.Helper()
	code, stdout, stderr := command("", append([]string{"check", "-c", config, "--json"}, flags...)...)
	if err := json.Unmarshal([]byte(stdout), &r); err != nil {
		t.Fatalf("%v: %s%s", err, stdout, stderr)
	}
	return code, r
}

// has reports whether a finding of a kind contains all words in its message or its
// location.
func (r *checkReport) has(kind string, words ...string) bool {
	return slices.ContainsFunc(r.Findings, func(f finding) bool {
		text := fmt.Sprintf("%s:%d: %s: %s %s", f.File, f.Line, f.Key, f.Row, f.Message)
		return f.Kind == kind && !slices.ContainsFunc(words, func(w string) bool { return !strings.Contains(text, w) })
	})
}

const validConfig = `
tenants:
  www: {DOMAINS: [www.test], URLCONF: site}
  default: {URLCONF: site}
directory:
  source: file
  tenants: [{id: 1, schema_name: acme}]
  domains:
    - {tenant_id: 1, domain: acme.test, is_primary: true}
    - {tenant_id: 1, domain: old.test, redirect_to_primary: true}
urlconfs: {site: {reply: {body: hello}}}
`

func TestCheckAcceptsAValidConfiguration(t *testing.T) {
	path := writeFile(t, "tenantedge.yaml", validConfig)
	code, stdout, stderr := command("", "check", "-c", path, "--strict", "--online")
	if code != exitOK || stdout != path+": no errors, 0 warnings\n" || stderr != "" {
		t.Errorf("exit %d, %q %q", code, stdout, stderr)
	}
}

func TestCheckReportsAllThatServeWouldRejectInOnePass(t *testing.T) {
	folder := t.TempDir()
	path := filepath.Join(folder, "tenantedge.yaml")
	text := `
tenants:
  www: {DOMAINS: [www.test], URLCONF: nothing, WS_URLCONF: nowhere}
routers: [domain, session]
directory: {source: file, path: rows.yaml}
tenant_header_proof: [{id: k, secret_env: TENANTEDGE_NOT_SET}]
signing_keys: [{id: s, secret_file: no-such-secret}]
admin_token_env: TENANTEDGE_NOT_SET
urlconfs:
  site: {files: no-such-folder}
  app: {upstream: "http://127.0.0.1:1", media: true}
ws_urlconfs:
  room: [{path: x, name: a, consumer: true}, {path: y, name: b}]
listeners: [{address: "127.0.0.1:0", tls: {cert: c.pem, key: k.pem}}]
guest: {path: guest.wasm}
`
	for name, content := range map[string]string{"tenantedge.yaml": text, "guest.wasm": "no module"} {
		if err := os.WriteFile(filepath.Join(folder, name), []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	code, r := runCheck(t, path)
	if code != exitFailed || r.OK {
		t.Errorf("exit %d, ok %v", code, r.OK)
	}
	for _, want := range [][]string{
		{"yaml:3: tenants.www.URLCONF", "nothing"}, {"yaml:3: tenants.www.WS_URLCONF", "nowhere"}, {"yaml:4: routers", "sessions"},
		{"yaml:5: directory:", "tenants.default"}, {"yaml:5: directory.path", "no such file"}, {"yaml:6: tenant_header_proof[0]", "TENANTEDGE_NOT_SET"},
		{"yaml:7: signing_keys[0]", "no such file"}, {"yaml:8: admin_token_env", "TENANTEDGE_NOT_SET"}, {"yaml:10: urlconfs.site.files", "no-such-folder"},
		{"yaml:11: urlconfs.app.media", "media"}, {"yaml:13: ws_urlconfs.room[1]", "upstream, consumer"}, {"yaml:14: listeners[0].tls", "c.pem"},
		{"yaml:15: guest.path", "expected a Wasm module, found text that begins with"},
	} {
		if !r.has(kindConfig, want...) {
			t.Errorf("expected a finding with %q, found %+v", want, r.Findings)
		}
	}
	if serve, _, _ := command("", "serve", "-c", path); serve != exitFailed {
		t.Errorf("serve: exit %d, expected a failure", serve)
	}
}

func TestCheckTriesTheGuestAndLocatesItsErrors(t *testing.T) {
	folder := t.TempDir()
	path := filepath.Join(folder, "tenantedge.yaml")
	for name, content := range map[string]string{"tenantedge.yaml": validConfig + "guest: {path: guest.wasm}\n", "guest.wasm": "\x00asm\x01\x00\x00\x00"} {
		if err := os.WriteFile(filepath.Join(folder, name), []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if code, r := runCheck(t, path); code != exitFailed || r.Errors != 1 || !r.has(kindSetup, "yaml:12: guest.path") {
		t.Errorf("exit %d, %+v", code, r)
	}
}

func TestCheckFindsTenantsThatWouldShareAFolder(t *testing.T) {
	text := strings.Replace(validConfig, "[{id: 1, schema_name: acme}]", "[{id: 1, schema_name: acme}, {id: 2, schema_name: beta, schema_pathname: acme}]", 1)
	text = strings.Replace(text, "site: {", "site: {media: true, ", 1) + "media: {location: files, base_url: /media/}\n"
	path := writeFile(t, "tenantedge.yaml", text)
	if err := os.Mkdir(filepath.Join(filepath.Dir(path), "files"), 0o700); err != nil {
		t.Fatal(err)
	}
	if code, r := runCheck(t, path); code != exitFailed || !r.has(kindSetup, "media", "acme", "beta") {
		t.Errorf("exit %d, %+v", code, r)
	}
}

func TestCheckWarnsAboutLikelyMistakes_B4(t *testing.T) {
	const rows = `
directory:
  source: file
  tenants: [{id: 1, schema_name: one}, {id: 2, schema_name: two}, {id: 3, schema_name: three}, {id: 4, schema_name: four}, {id: alias, schema_name: five}]
  domains:
    - {tenant_id: 1, domain: static.test, is_primary: true}
    - {tenant_id: 1, domain: dead.test, redirect_to_primary: true}
    - {tenant_id: 2, domain: slash.test, folder: a/b, is_primary: true}
    - {tenant_id: 2, domain: dead2.test, redirect_to_primary: true}
    - {tenant_id: 2, domain: slash.test, folder: /x/}
    - {tenant_id: 3, domain: www.dead.test}
    - {tenant_id: 3, domain: dead3.test, redirect_to_primary: true}
    - {tenant_id: 3, domain: "no host"}
    - {tenant_id: 4, domain: Twice.test}
    - {tenant_id: 4, domain: twice.test.}
    - {tenant_id: 4, domain: www.prim.test, is_primary: true}
    - {tenant_id: 4, domain: prim.test, redirect_to_primary: true}
urlconfs: {site: {reply: {body: hello}}}
`
	const tenants = `
tenants:
  a: {DOMAINS: [static.test, Static.test], URLCONF: site, HEADER: alias}
  b: {DOMAINS: [static.test, www.b.test], FALLBACK_DOMAINS: [static.test], URLCONF: site, HEADER: a}
  default: {URLCONF: site}
`
	hardened, strict := writeFile(t, "tenantedge.yaml", tenants+rows), writeFile(t, "tenantedge.yaml", "compat: strict\n"+tenants+rows)
	code, r := runCheck(t, hardened)
	if code != exitOK || !r.OK || r.Errors != 0 {
		t.Errorf("exit %d, %d errors", code, r.Errors)
	}
	if code, _ := runCheck(t, hardened, "--strict"); code != exitFailed {
		t.Errorf("--strict: exit %d", code)
	}
	wanted := map[string][][]string{
		"static_domain": {{"yaml:3: tenants.a.DOMAINS[1]: "}, {"yaml:4: tenants.b.DOMAINS[0]: ", "leads to a"}, {"yaml:4: tenants.b.FALLBACK_DOMAINS[0]: "}},
		"static_alias":  {{"yaml:4: tenants.b.HEADER", "refers to a"}},
		"row_left_out":  {{"no host"}, {"twice.test."}, {"alias", "five"}},
		"row_shadowed":  {{`"static.test" of tenant "1"`}},
		"row_folder":    {{`folder "a/b"`}, {`folder "/x/"`}},
		"row_www":       {{`"www.dead.test"`}},
		"row_redirect":  {{`"dead.test"`, "static.test"}, {`"dead2.test"`, "a/b"}, {`"dead3.test"`, "no primary"}},
	}
	for kind, all := range wanted {
		for _, words := range all {
			if !r.has(kind, words...) {
				t.Errorf("expected a warning of kind %s with %q, found none", kind, words)
			}
		}
	}
	if r.has("row_redirect", `"prim.test"`) {
		t.Error("expected no warning about a valid redirect, found one")
	}
	_, r = runCheck(t, strict)
	for kind, words := range map[string][]string{"row_alias": {"alias", "five"}, "row_www": {"www.prim.test"}, "row_redirect": {`"prim.test"`, "endlessly"}, "row_domain": {"no host"}, "static_domain": {"www.b.test"}} {
		if !r.has(kind, words...) {
			t.Errorf("with strict rules: expected a warning of kind %s with %q, found %+v", kind, words, r.Findings)
		}
	}
}

func TestCheckOnlineContactsServers(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	closedListener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	closed := closedListener.Addr().String()
	if err := closedListener.Close(); err != nil {
		t.Fatal(err)
	}
	path := writeFile(t, "tenantedge.yaml", strings.Replace(validConfig, "urlconfs: {", "channels: {redis: {hosts: [redis://"+closed+"/0]}}\nurlconfs: {up: http://"+l.Addr().String()+", down: http://"+closed+", ", 1))
	began := time.Now()
	code, r := runCheck(t, path, "--online")
	if code != exitFailed || r.Errors != 2 || !r.has(kindOnline, "urlconfs.down", closed) || !r.has(kindOnline, "channels.redis") {
		t.Errorf("after %v: exit %d, %+v", time.Since(began), code, r.Findings)
	}
	if code, r := runCheck(t, path); code != exitOK {
		t.Errorf("without --online: exit %d, %+v", code, r.Findings)
	}
}

func TestCheckOnlineReportsInAFixedOrder(t *testing.T) {
	one, other := &url.URL{Scheme: "http", Host: "one.test"}, &url.URL{Scheme: "http", Host: "other.test"}
	websockets := &url.URL{Scheme: "ws", Host: "one.test"}
	file := &config.File{URLConfs: map[string]config.URLConf{}, WSTargets: map[string]map[string]websocket.Target{}}
	for _, name := range strings.Split("abcdefgh", "") {
		file.URLConfs[name] = config.URLConf{Upstream: one}
		file.WSTargets[name] = map[string]websocket.Target{"r1": {Upstream: websockets}, "r2": {Upstream: other}}
	}
	var keys []string
	for _, p := range probesOf(file, &serve.Parts{}) {
		keys = append(keys, strings.Join(p.key, "."))
	}
	if want := []string{"urlconfs.a", "ws_urlconfs.a", "ws_urlconfs.a"}; !slices.Equal(keys, want) {
		t.Errorf("check contacts the servers at the keys %q, want %q", keys, want)
	}
}

func TestCheckOnlineReportsAnUnreachableDatabase(t *testing.T) {
	path := writeFile(t, "tenantedge.yaml", "directory: {source: postgres, dsn: 'postgres://u@127.0.0.1:1/db'}\ntenants: {default: {URLCONF: site}}\nurlconfs: {site: {reply: {body: hello}}}\n")
	if code, r := runCheck(t, path, "--online"); code != exitFailed || !r.has(kindOnline, "directory", "failed to connect") || r.has(kindSetup) {
		t.Errorf("exit %d, %+v", code, r)
	}
}
