package tenantedge_test

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/tenantedge/tenantedge/assets"
	"github.com/tenantedge/tenantedge/edge/storage"
)

func TestTheMatcherMatchesTenants(t *testing.T) {
	w := newWorld(t)
	w.edgeFile(tenants)
	w.load(oneEdge, `
	tenantedge {
		leave_errors
	}
	@gold tenant {
		attr plan gold platinum
		routing domain
	}
	@named tenant {
		schema globex other
		urlconf app
	}
	@folder tenant {
		folder initech
	}
	@other tenant {
		schema acme
		attr plan free
	}
	@any tenant
	respond @other other
	respond @gold gold
	respond @named named
	respond @folder folder
	respond @any any
	handle_errors {
		respond @any "tenant"
		respond "none"
	}`)
	for _, c := range []struct{ host, path, want string }{
		{"acme.test", "/", "gold"}, {"globex.test", "/", "named"}, {"shared.test", "/initech/", "folder"}, {"www.test", "/", "any"}, {"unknown.test", "/", "none"},
	} {
		if a := w.get(c.host, c.path); a.body != c.want {
			t.Errorf("%s%s: %q, expected %q", c.host, c.path, a.body, c.want)
		}
	}
}

func TestUpstreamsAreThoseOfTheTenant(t *testing.T) {
	w := newWorld(t)
	cell := func(name string) string {
		s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte(name)) }))
		t.Cleanup(s.Close)
		return s.Listener.Addr().String()
	}
	eu, us, other := cell("eu"), cell("us"), cell("other")
	w.edgeFile(strings.NewReplacer("plan: gold", "address: '"+eu+"'", "plan: free", "address: '{env.HOME}:80'").Replace(tenants))
	for _, c := range []struct {
		name, dynamic        string
		acme, globex, shared string
	}{
		{"by urlconf", "dynamic tenantedge", "app", "app", "app"},
		{"by values", "dynamic tenantedge {\n attribute cell\n value eu1 " + eu + "\n value us1 " + us + "\n}", "eu", "us", ""},
		{"with a default", "dynamic tenantedge {\n attribute cell\n value eu1 " + eu + "\n default " + other + "\n}", "eu", "other", "other"},
		{"by addresses", "to " + other + "\n dynamic tenantedge {\n attribute address\n}", "eu", "", ""},
	} {
		w.load(oneEdge, "tenantedge {\n leave_errors\n}\nreverse_proxy {\n"+c.dynamic+"\n}\nhandle_errors 404 {\n reverse_proxy {\n"+c.dynamic+"\n}\n}")
		for host, want := range map[string]string{"acme.test/": c.acme, "globex.test/": c.globex, "shared.test/initech/": c.shared, "unknown.test/": ""} {
			name, path, _ := strings.Cut(host, "/")
			a := w.get(name, "/"+path)
			switch {
			case want == "" && (a.StatusCode == 503 || name == "unknown.test" && a.StatusCode == 404):
			case want == "app" && a.seen.Header.Get("Tenant") != "":
			case want != "" && a.body == want:
			default:
				t.Errorf("%s, %s: %d %q, expected %q", c.name, host, a.StatusCode, a.body, want)
			}
		}
	}
}

func TestUpstreamsRejectAddressesThatAreNone(t *testing.T) {
	w := newWorld(t)
	w.edgeFile(tenants)
	for _, address := range []string{"example", "unix//run/app.sock", "{env.APP}:80", ":80", "example:"} {
		if err := w.reload(oneEdge, "tenantedge\nreverse_proxy {\n dynamic tenantedge {\n attribute cell\n value eu1 "+address+"\n}\n}"); err == nil || !strings.Contains(err.Error(), "expected an address such as") {
			t.Errorf("%s: %v", address, err)
		}
	}
}

const media = `
tenants:
  default: {URLCONF: app}
directory:
  source: file
  tenants: [{id: 1, schema_name: acme}, {id: 2, schema_name: globex}, {id: 3, schema_name: plain}]
  domains:
    - {tenant_id: 1, domain: acme.test}
    - {tenant_id: 2, domain: globex.test}
    - {tenant_id: 3, domain: shared.test, folder: plain}
media: {location: media, base_url: /media/}
signing_keys: [{id: k, secret_env: TENANTEDGE_TEST_SECRET}]
urlconfs:
  app: {media: true, access: ACCESS}
`

func TestFilesAreThoseOfTheTenant(t *testing.T) {
	const secret = "0123456789abcdef0123456789abcdef"
	t.Setenv("TENANTEDGE_TEST_SECRET", secret)
	signer, err := storage.NewSigner(storage.Key{ID: "k", Secret: []byte(secret)})
	if err != nil {
		t.Fatal(err)
	}
	schemas := map[string]string{"acme.test": "acme", "globex.test": "globex", "shared.test": "plain"}
	for _, access := range []string{"public", "signed"} {
		w := newWorld(t)
		w.edgeFile(strings.ReplaceAll(media, "ACCESS", access))
		for _, schema := range []string{"acme", "globex", "plain"} {
			dir := filepath.Join(w.dir, "media", schema)
			if err := os.MkdirAll(dir, 0o700); err != nil {
				t.Fatal(err)
			}
			w.write(filepath.Join(dir, "a.txt"), "file of "+schema)
		}
		w.load(oneEdge, "tenantedge\ntenantedge_files\nreverse_proxy @host")
		sign := func(tenant, path string) string {
			return signer.Sign(storage.Grant{Tenant: tenant, Method: "GET", Path: path, Expires: time.Now().Add(time.Hour)}).Encode()
		}
		for _, c := range []struct {
			host, path, want string
			status           int
		}{
			{"acme.test", "/media/acme/a.txt", "file of acme", 200},
			{"globex.test", "/media/globex/a.txt", "file of globex", 200},
			{"shared.test", "/plain/media/a.txt", "file of plain", 200},
			{"acme.test", "/media/acme/b.txt", "", 404},
			{"acme.test", "/media/globex/a.txt", "", 404},
			{"acme.test", "/media/../media/globex/a.txt", "", 404},
			{"acme.test", "/media/acme/%2e%2e/globex/a.txt", "", 404},
		} {
			path := c.path
			if access == "signed" {
				if a := w.get(c.host, path); a.StatusCode == 200 && a.seen.Target == "" {
					t.Errorf("%s%s without a signature: %d %q", c.host, path, a.StatusCode, a.body)
				}
				decoded, err := url.PathUnescape(path)
				if err != nil {
					t.Fatal(err)
				}
				path += "?" + sign(schemas[c.host], decoded)
			}
			a := w.get(c.host, path)
			if a.StatusCode != c.status || c.status == 200 && a.body != c.want {
				t.Errorf("%s, %s%s: %d %q, expected %d %q", access, c.host, path, a.StatusCode, a.body, c.status, c.want)
			}
		}
		if a := w.get("acme.test", "/page"); a.seen.Target != "/page" {
			t.Errorf("the next handler did not get a request for a page: %d", a.StatusCode)
		}
	}
}

func TestTheAdminEndpointShowsAndSwapsGuests(t *testing.T) {
	w := newWorld(t)
	w.edgeFile(tenants)
	w.load(oneEdge, "tenantedge\nreverse_proxy @host")
	call := func(method, path string, body string, status int) map[string]any {
		t.Helper()
		u := url.URL{Scheme: "http", Host: w.admin, Path: path}
		r, err := http.NewRequest(method, u.String(), strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		a := w.do(r)
		if a.StatusCode != status {
			t.Fatalf("%s %s: %d %s, expected %d", method, path, a.StatusCode, a.body, status)
		}
		var result map[string]any
		if err := json.Unmarshal([]byte(a.body), &result); err != nil {
			t.Fatalf("%s %s: %v", method, path, err)
		}
		return result
	}
	edge := call("GET", "/tenantedge/", "", 200)["default"].(map[string]any)
	if edge["ready"] != true || edge["directory"].(map[string]any)["tenants"] != 3.0 {
		t.Errorf("the state is %v", edge)
	}
	digest := edge["guest"].(map[string]any)["digest"]
	call("PUT", "/tenantedge/default/guest", "not Wasm", 422)
	call("POST", "/tenantedge/default/guest/rollback", "", 409)
	if r := call("PUT", "/tenantedge/default/guest", string(assets.Router), 200); r["unchanged"] != true {
		t.Errorf("swapping in the same guest: %v", r)
	}
	if got := call("GET", "/tenantedge/default", "", 200)["guest"].(map[string]any)["digest"]; got != digest {
		t.Errorf("the guest is %v, expected %v", got, digest)
	}
	call("GET", "/tenantedge/other", "", 404)
	call("DELETE", "/tenantedge/default", "", 405)
	if s := call("GET", "/tenantedge/default/guest", "", 200); s["guest"] == nil {
		t.Errorf("what runs: %v", s)
	}
	if metrics := w.adminGet("/metrics"); !strings.Contains(metrics, `tenantedge_requests_total{edge="default"`) && !strings.Contains(metrics, `edge="default"`) {
		t.Error("the metrics of the edge are not in Caddy's registry")
	}
}

func (w *world) adminGet(path string) string {
	w.Helper()
	r, err := http.NewRequest(http.MethodGet, "http://"+w.admin+path, nil)
	if err != nil {
		w.Fatal(err)
	}
	a := w.do(r)
	if a.StatusCode != 200 {
		w.Fatalf("%s: %d %s", path, a.StatusCode, a.body)
	}
	return a.body
}
