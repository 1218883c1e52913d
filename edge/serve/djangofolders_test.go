//go:build unix

package serve

import (
	"encoding/json"
	"fmt"
	"os"
	"strings"
	"sync"
	"testing"

	"github.com/tenantedge/tenantedge/edge/config"
	"github.com/tenantedge/tenantedge/tenantdb"
)

var djangoServers = []appServer{
	{
		name: "Django, gunicorn", version: pythonVersion("django"),
		command: []string{"gunicorn", "--threads", "4", "-b", "127.0.0.1:PORT", "django_site:application"},
	}, {
		name: "Django, uvicorn", version: pythonVersion("django"),
		command: []string{python, "-m", "uvicorn", "--host", "127.0.0.1", "--port", "PORT", "--lifespan", "off", "django_site:asgi_application"},
	},
}

// foldersOfOneHost puts acme and umbra in folders of one host. acme also has its
// own host.
func foldersOfOneHost(s *setup) {
	d := tenantdb.NewDirectory(tenantdb.Options{})
	d.Replace(tenantdb.State{
		Tenants: []tenantdb.Tenant{{ID: "1", Schema: "acme"}, {ID: "2", Schema: "umbra"}},
		Domains: []tenantdb.Domain{
			{TenantID: "1", Domain: "acme.example.com", IsPrimary: true},
			{TenantID: "1", Domain: "shared.example.com", Folder: "acme"},
			{TenantID: "2", Domain: "shared.example.com", Folder: "umbra", IsPrimary: true},
		},
	})
	s.edge.Directory, s.options.Directory = d, d.Stats
}

// djangoPage is what the site reports of a request.
type djangoPage struct{ Tenant, Path, Inner, Reverse, Absolute, File, Login string }

func expectedPage(tenant, host, folder string) djangoPage {
	return djangoPage{
		Tenant: tenant, Path: folder + "/page/", Inner: "/page/", Reverse: folder + "/page/", Absolute: "http://" + host + folder + "/page/x",
		File: folder + "/media/a%20b.txt", Login: folder + "/accounts/login/",
	}
}

func TestFoldersInDjango_B7(t *testing.T) {
	for _, a := range djangoServers {
		t.Run(a.name, func(t *testing.T) {
			app := a.start(t)
			w := start(t, foldersOfOneHost, func(s *setup) {
				s.options.URLConfs["app"] = config.URLConf{Upstream: app.url(), Path: "inner"}
			})
			page := func(host, target string, headers ...string) (got djangoPage) {
				a := w.get(host, target, headers...)
				if err := json.Unmarshal([]byte(a.body), &got); err != nil || a.StatusCode != 200 {
					t.Errorf("%s%s: status %d, %v", host, target, a.StatusCode, err)
				}
				return got
			}
			tenants := []struct{ tenant, host, folder string }{
				{"acme", "shared.example.com", "/acme"}, {"umbra", "shared.example.com", "/umbra"}, {"acme", "acme.example.com", ""},
			}
			// Together, as threads of the site share its resolver.
			var all sync.WaitGroup
			for _, c := range tenants {
				all.Go(func() {
					for range 50 {
						if got, want := page(c.host, c.folder+"/page/"), expectedPage(c.tenant, c.host, c.folder); got != want {
							t.Errorf("got %+v, expected %+v", got, want)
						}
					}
				})
			}
			all.Wait()
			for _, c := range tenants {
				want := expectedPage(c.tenant, c.host, c.folder)
				for target, location := range map[string]string{"/go/": c.folder + "/page/", "/page": c.folder + "/page/", "/go": c.folder + "/go/"} {
					if a := w.get(c.host, c.folder+target); a.StatusCode/100 != 3 || a.Header.Get("Location") != location {
						t.Errorf("%s%s%s: status %d to %q, expected a redirect to %q", c.host, c.folder, target, a.StatusCode, a.Header.Get("Location"), location)
					}
				}
				for _, name := range []string{"X-Forwarded-Prefix", "X_Forwarded_Prefix", "SCRIPT_NAME", "Script-Name", "Tenant"} {
					if got := page(c.host, c.folder+"/page/", name, "/forged"); got != want {
						t.Errorf("with %s of a client: %+v, expected %+v", name, got, want)
					}
				}
			}
		})
	}
}

// The documentation shows the lines that TestFoldersInDjango_B7 runs.
func TestTheLinesForFoldersInDjangoAreDocumented_B7(t *testing.T) {
	site, err := os.ReadFile("testdata/servers/django_site.py")
	if err != nil {
		t.Fatal(err)
	}
	reference, err := os.ReadFile("../config/REFERENCE.md")
	if err != nil {
		t.Fatal(err)
	}
	_, lines, found := strings.Cut(string(site), "has the lines from here on.\n")
	if !found || !strings.Contains(string(reference), fmt.Sprintf("```python\n%s\n```\n", strings.TrimSpace(lines))) {
		t.Errorf("expected these lines in REFERENCE.md:\n%s", lines)
	}
}
