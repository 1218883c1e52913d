package tenantedge_test

import (
	"bufio"
	"fmt"
	"net"
	"net/http"
	"strings"
	"testing"
)

const oneEdge = "tenantedge {\n config @file\n }"

func TestAHandlerRoutesToTheNextHandler(t *testing.T) {
	w := newWorld(t)
	w.edgeFile(tenants)
	w.load(oneEdge, `
	tenantedge
	header X-Placeholders "{http.tenantedge.schema}|{http.tenantedge.id}|{http.tenantedge.routing}|{http.tenantedge.domain}|{http.tenantedge.folder}|{http.tenantedge.path}|{http.tenantedge.urlconf}|{http.tenantedge.attr.plan}|{http.tenantedge.attr.none}"
	reverse_proxy @host`)
	for _, c := range []struct{ host, path, schema, placeholders string }{
		{"acme.test", "/a?b", "acme", "acme|1|domain|acme.test||/a|app|gold|"},
		{"GLOBEX.test.", "/%41", "globex", "globex|2|domain|globex.test||/A|app|free|"},
		{"shared.test", "/initech/x", "initech", "initech|3|domain|shared.test|initech|/x|app||"},
		{"www.test", "/", "www", "www||domain|www.test||/|site||"},
	} {
		a := w.get(c.host, c.path)
		if a.StatusCode != 200 || a.seen.Header.Get("Tenant") != c.schema || a.Header.Get("X-Placeholders") != c.placeholders {
			t.Errorf("%s%s: %d, tenant %q, placeholders %q; expected %q and %q", c.host, c.path, a.StatusCode, a.seen.Header.Get("Tenant"), a.Header.Get("X-Placeholders"), c.schema, c.placeholders)
		}
		if a.seen.Target != c.path {
			t.Errorf("%s%s: the application got %s", c.host, c.path, a.seen.Target)
		}
		if want := strings.ToLower(strings.TrimSuffix(c.host, ".")); a.seen.Host != want {
			t.Errorf("%s: the application got the Host %s, expected %s", c.host, a.seen.Host, want)
		}
	}
}

func TestAHandlerAnswersRedirectsAndRefusals(t *testing.T) {
	w := newWorld(t)
	w.edgeFile(tenants)
	w.load(oneEdge, "tenantedge\nreverse_proxy @host")
	if a := w.get("old.test", "/x?y"); a.StatusCode/100 != 3 || a.Header.Get("Location") != "//acme.test/x?y" {
		t.Errorf("redirect: %d to %q", a.StatusCode, a.Header.Get("Location"))
	}
	for _, host := range []string{"unknown.test", "acme.test.evil", "", "a b"} {
		a := w.raw("GET / HTTP/1.1\r\nHost: " + host + "\r\nConnection: close\r\n\r\n")
		if a.StatusCode != 404 && a.StatusCode != 400 {
			t.Errorf("%q: %d, expected 400 or 404", host, a.StatusCode)
		}
	}
	if n := w.app.requests.Load(); n != 0 {
		t.Errorf("%d refused requests reached the application", n)
	}
}

func TestRefusalsAreLeftToTheRoutesForErrors(t *testing.T) {
	w := newWorld(t)
	w.edgeFile(tenants)
	w.load(oneEdge, `
	tenantedge {
		leave_errors
	}
	reverse_proxy @host
	handle_errors {
		reverse_proxy @host {
			header_up X-Status {err.status_code}
			header_up X-Schema "[{http.tenantedge.schema}]"
		}
	}`)
	a := w.get("unknown.test", "/", "Tenant", "acme", "X-Tenant-Id", "1", "X-Forwarded-Host", "acme.test", "Remote-User", "root")
	if a.seen.Header.Get("X-Status") != "404" || a.seen.Header.Get("X-Schema") != "[]" {
		t.Errorf("the route for errors got %v", a.seen.Header)
	}
	for _, name := range []string{"Tenant", "X-Tenant-Id", "Remote-User"} {
		if _, found := a.seen.Header[name]; found {
			t.Errorf("%s of a refused request reached the application of the route for errors", name)
		}
	}
	// Refused before the guest was asked.
	a = w.raw("GET / HTTP/1.1\r\nHost: acme.test\r\nX-Forwarded-For: 1.2.3.4\r\ntenant: acme\r\nTENANT: globex\r\nConnection: close\r\n\r\n")
	if got := a.seen.Header["Tenant"]; len(got) != 1 || got[0] != "acme" {
		t.Errorf("tenant of a routed request: %q", got)
	}
	a = w.raw("GET http://acme.test/ HTTP/1.1\r\nHost: acme.test\r\ntenant: acme\r\nConnection: close\r\n\r\n")
	if _, found := a.seen.Header["Tenant"]; found || a.seen.Header.Get("X-Status") != "400" {
		t.Errorf("the route for errors got %v for a malformed request", a.seen.Header)
	}
}

func TestPlaceholdersAreThoseOfTheLastRouting(t *testing.T) {
	w := newWorld(t)
	w.edgeFile(tenants)
	second := w.dir + "/second.yaml"
	w.write(second, "tenants:\n  other: {DOMAINS: [acme.test], URLCONF: x}\nurlconfs: {x: {reply: {status: 200}}}\n")
	w.load(oneEdge+"\ntenantedge second {\n config "+second+"\n}", `
	route {
		tenantedge default
		request_header X-First "{http.tenantedge.schema}|{http.tenantedge.attr.plan}"
		tenantedge second {
			leave_errors
		}
		request_header X-Second "{http.tenantedge.schema}|{http.tenantedge.attr.plan}"
		reverse_proxy @host
	}
	handle_errors {
		reverse_proxy @host {
			header_up X-Errors "[{http.tenantedge.schema}]"
		}
	}`)
	a := w.get("acme.test", "/")
	if got := a.seen.Header; got.Get("X-First") != "" || got.Get("X-Second") != "other|" || got.Get("Tenant") != "other" || got.Get("X-Tenant-Id") != "" {
		t.Errorf("after two routings the application got %v", got)
	}
	a = w.get("globex.test", "/")
	if got := a.seen.Header; got.Get("X-Errors") != "[]" || got.Get("Tenant") != "" || got.Get("X-Tenant-Id") != "" {
		t.Errorf("after a refusal by the second edge the application got %v", got)
	}
}

func TestStripFolderRemovesTheFolder(t *testing.T) {
	w := newWorld(t)
	w.edgeFile(tenants)
	w.load(oneEdge, "tenantedge {\n strip_folder\n }\nreverse_proxy @host")
	a := w.get("shared.test", "/initech/a%2Fb?c=d", "X-Forwarded-Prefix", "/forged")
	if a.seen.Target != "/a%2Fb?c=d" || a.seen.Header.Get("X-Forwarded-Prefix") != "/initech" {
		t.Errorf("the application got %s with the prefix %q", a.seen.Target, a.seen.Header.Get("X-Forwarded-Prefix"))
	}
}

// forwarded has a header router, so that a trusted tenant header chooses the tenant.
const byHeader = tenants + "routers: [domain, header]\nconflicts: last-wins\n"

func TestTrustIsThatOfCaddy(t *testing.T) {
	for _, c := range []struct {
		name, options, handler string
		forwarded, tenant      string
	}{
		{"untrusted", "", "", "127.0.0.1", "acme"},
		{"trusted proxy", "servers {\n trusted_proxies static 127.0.0.0/8\n }", "", "203.0.113.9, 127.0.0.1", "acme"},
		{"trusted with the tenant", "servers {\n trusted_proxies static 127.0.0.0/8\n }", "trust_tenant_header", "203.0.113.9, 127.0.0.1", "globex"},
		{"untrusted with the option", "", "trust_tenant_header", "127.0.0.1", "acme"},
	} {
		for _, serve := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s, serve %v", c.name, serve), func(t *testing.T) {
				w := newWorld(t)
				w.edgeFile(byHeader + "trusted_peers: [loopback]\n") // has no effect
				directive := "tenantedge {\n" + c.handler + "\n}\nreverse_proxy @host"
				if serve {
					directive = "tenantedge_serve {\n" + c.handler + "\n}"
				}
				w.load(oneEdge+"\n"+c.options, directive)
				a := w.get("acme.test", "/", "Tenant", "globex", "X-Forwarded-For", "203.0.113.9", "Forwarded", "for=203.0.113.9")
				if got := a.seen.Header.Get("X-Forwarded-For"); got != c.forwarded {
					t.Errorf("X-Forwarded-For is %q, expected %q", got, c.forwarded)
				}
				if got := a.seen.Header.Get("Tenant"); got != c.tenant {
					t.Errorf("the tenant is %q, expected %q", got, c.tenant)
				}
				if _, found := a.seen.Header["Forwarded"]; found {
					t.Error("Forwarded reached the application")
				}
			})
		}
	}
}

// spellings are the ways to write a header name that some application servers read
// as the same.
func spellings(name string) []string {
	all := []string{name, strings.ToLower(name), strings.ToUpper(name)}
	for _, with := range []string{"_", ".", "!", "~"} {
		all = append(all, strings.ReplaceAll(name, "-", with), strings.ToUpper(strings.ReplaceAll(name, "-", with)))
	}
	return all
}

func TestAClientCannotForgeHeaders(t *testing.T) {
	names := []string{"tenant", "X-Tenant-Id", "X-Tenant-Routing", "X-Tenant-Folder", "X-Tenant-Cache", "X-Forwarded-Host", "X-Forwarded-For", "X-Real-Ip", "Remote-User", "Script-Name", "X-Accel-Redirect"}
	for _, site := range []string{
		"tenantedge\nreverse_proxy @host",
		"tenantedge_serve",
		"route {\ntenantedge\ntenantedge_files\ntenantedge_websocket\nreverse_proxy {\n dynamic tenantedge\n}\n}",
	} {
		w := newWorld(t)
		w.edgeFile(tenants)
		// Caddy itself drops names with underscores and dots unless they are expected.
		w.load(oneEdge+"\nservers {\n expected_underscore_headers X_* TENANT_* SCRIPT_NAME REMOTE_USER\n }", site)
		for _, name := range names {
			for _, spelled := range spellings(name) {
				a := w.raw("POST / HTTP/1.1\r\nHost: acme.test\r\nConnection: close\r\n" + spelled + ": forged\r\n" +
					"Transfer-Encoding: chunked\r\nTrailer: " + spelled + "\r\n\r\n3\r\nabc\r\n0\r\n" + spelled + ": forged\r\n\r\n")
				if a.StatusCode != 200 && a.StatusCode != 400 {
					t.Errorf("%s: %d", spelled, a.StatusCode)
				}
				for _, from := range []http.Header{a.seen.Header, a.seen.Trailer} {
					for got, values := range from {
						if strings.Contains(strings.Join(values, " "), "forged") && got != "Trailer" {
							t.Errorf("%s: %s reached the application as %s", site, spelled, got)
						}
					}
				}
			}
		}
	}
}

func TestTenantsShareNoConnectionsOfServe(t *testing.T) {
	w := newWorld(t)
	w.edgeFile(tenants)
	w.load(oneEdge, "tenantedge_serve")
	owner := make(map[int64]string)
	// The first connections are watched for a second, and not reused.
	for reused := map[string]bool{}; len(reused) < 2; {
		for _, host := range []string{"acme.test", "globex.test", "www.test"} {
			a := w.get(host, "/")
			switch tenant := a.seen.Header.Get("Tenant"); owner[a.seen.Connection] {
			case "":
				owner[a.seen.Connection] = tenant
			case tenant:
				reused[tenant] = true
			default:
				t.Fatalf("the connection %d served %s and %s", a.seen.Connection, owner[a.seen.Connection], tenant)
			}
		}
	}
}

func TestServeSetsPlaceholders(t *testing.T) {
	w := newWorld(t)
	w.edgeFile(tenants)
	w.load(oneEdge, "header >X-Schema {http.tenantedge.schema}\ntenantedge_serve")
	for _, host := range []string{"acme.test", "globex.test"} {
		schema, _, _ := strings.Cut(host, ".")
		a := w.get(host, "/")
		if a.Header.Get("X-Schema") != schema || a.seen.Header.Get("Tenant") != schema {
			t.Errorf("%s: placeholder %q, tenant %q", host, a.Header.Get("X-Schema"), a.seen.Header.Get("Tenant"))
		}
		if a.Close {
			t.Errorf("%s: the answer closes the client's connection", host)
		}
	}
	if a := w.get("unknown.test", "/"); a.StatusCode != 404 || a.Header.Get("X-Schema") != "" {
		t.Errorf("unknown: %d, placeholder %q", a.StatusCode, a.Header.Get("X-Schema"))
	}
}

// raw sends bytes and reads one answer.
func (w *world) raw(request string) *answer {
	w.Helper()
	conn, err := net.Dial("tcp", w.address)
	if err != nil {
		w.Fatal(err)
	}
	defer conn.Close()
	if _, err := conn.Write([]byte(request)); err != nil {
		w.Fatal(err)
	}
	response, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		w.Fatal(err)
	}
	return read(w, response)
}
