package main

import (
	"html"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os/exec"
	"regexp"
	"strings"
	"testing"
	"time"
)

// demoBase returns the URL of a host of a demonstration that has printed hint.
func demoBase(hint, host string) string {
	return "http://" + host + regexp.MustCompile(`http://localhost(:\d+)`).FindStringSubmatch(hint)[1]
}

// The line of the page is a request with a header and its proof. Nothing of it can be
// left out or changed.
func TestTheDemonstrationRoutesByAHeaderWithAProof_H2(t *testing.T) {
	hint := startDemo(t)
	for _, page := range []struct{ url, tenant string }{{demoBase(hint, "tenant1.localhost") + "/", "tenant3"}, {demoBase(hint, "shared.localhost") + "/tenant3/", "tenant1"}} {
		_, _, body := fetch(t, page.url)
		line := regexp.MustCompile(`curl -H 'Accept: text/plain' -H 'tenant: (\w+)' -H 'Tenantedge-Proof: <span id="proof">([^<]+)</span>' (http://app\.localhost:\d+/)<`).FindStringSubmatch(body)
		if line == nil || line[1] != page.tenant {
			t.Fatalf("%s has no line for %s: %q", page.url, page.tenant, line)
		}
		tenant, proof, target := line[1], html.UnescapeString(line[2]), line[3]
		status, _, text := fetch(t, target, "Accept", "text/plain", "tenant", tenant, "Tenantedge-Proof", proof)
		if status != http.StatusOK || !strings.HasPrefix(text, "tenant "+tenant+"\n") || !strings.Contains(text, "found by the header tenant, which has a proof") {
			t.Errorf("the line of %s: %d, %s", page.url, status, text)
		}
		if curl, err := exec.LookPath("curl"); err == nil {
			pasted := exec.Command("sh", "-c", strings.TrimSuffix(strings.NewReplacer(`<span id="proof">`, "", "</span>", "").Replace(html.UnescapeString(line[0])), "<"))
			if out, err := pasted.Output(); err != nil || !strings.HasPrefix(string(out), "tenant "+tenant+"\n") {
				t.Errorf("%q with %s: %v, %s", pasted.Args, curl, err, out)
			}
		}
		for name, headers := range map[string][]string{
			"without a proof": {"tenant", tenant}, "with another tenant": {"tenant", "tenant2", "Tenantedge-Proof", proof}, "without the header": {"Tenantedge-Proof", proof},
			"with another proof": {"tenant", tenant, "Tenantedge-Proof", proof[:len(proof)-1] + "x"},
		} {
			if status, _, body := fetch(t, target, headers...); status != http.StatusNotFound {
				t.Errorf("%s: %d, %s", name, status, body)
			}
		}
		if status, _, body := fetch(t, target+"beta", "tenant", tenant, "Tenantedge-Proof", proof); status != http.StatusNotFound {
			t.Errorf("another path with the same proof: %d, %s", status, body)
		}
		if status, _, renewed := fetch(t, page.url+"proof"); status != http.StatusOK || !strings.HasPrefix(renewed, "v1;demo;") {
			t.Errorf("a new proof: %d, %s", status, renewed)
		}
	}
}

// postForm sends a form as a page of the same host does, and returns the cookie that
// the answer sets.
func postForm(t *testing.T, to, tenant, site string) (status int, location string, cookie *http.Cookie) {
	t.Helper()
	r, err := http.NewRequest(http.MethodPost, to, strings.NewReader(url.Values{"tenant": {tenant}}.Encode()))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.Header.Set("Sec-Fetch-Site", site)
	resp, err := atLocalhost.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if _, err := io.Copy(io.Discard, resp.Body); err != nil {
		t.Fatal(err)
	}
	if set := resp.Cookies(); len(set) == 1 {
		cookie = set[0]
	}
	return resp.StatusCode, resp.Header.Get("Location"), cookie
}

func TestTheDemonstrationRoutesBySession(t *testing.T) {
	hint := startDemo(t)
	app := demoBase(hint, demoAppHost)
	if status, _, body := fetch(t, app+"/-/demo/session"); status != http.StatusOK || strings.Count(body, "<button") != len(demoSessionTenants)+1 {
		t.Errorf("the form: %d, %s", status, body)
	}
	if status, _, _ := fetch(t, app+"/"); status != http.StatusNotFound {
		t.Errorf("without a session: %d", status)
	}
	for _, tenant := range demoSessionTenants {
		status, location, cookie := postForm(t, app+"/-/demo/session", tenant, "same-origin")
		if status != http.StatusSeeOther || location != "/" || cookie == nil || !cookie.HttpOnly || cookie.SameSite != http.SameSiteLaxMode || cookie.Domain != "" {
			t.Fatalf("%s: %d to %q with %v", tenant, status, location, cookie)
		}
		_, _, text := fetch(t, app+"/", "Accept", "text/plain", "Cookie", cookie.Name+"="+cookie.Value)
		if !strings.HasPrefix(text, "tenant "+tenant+"\n") || !strings.Contains(text, "found by the session, which names it") {
			t.Errorf("with a session of %s: %s", tenant, text)
		}
		forged := cookie.Name + "=" + djangoSession("another key", tenant, time.Now())
		if status, _, _ := fetch(t, app+"/", "Cookie", forged); status != http.StatusNotFound {
			t.Errorf("with a session that somebody else has signed: %d", status)
		}
	}
	if status, location, cookie := postForm(t, app+"/-/demo/session", "", "same-origin"); status != http.StatusSeeOther || location != "/-/demo/session" || cookie == nil || cookie.MaxAge != -1 {
		t.Errorf("no session: %d to %q with %v", status, location, cookie)
	}
	for _, c := range []struct {
		host, tenant, site string
		status             int
	}{
		{demoAppHost, "tenant1", "cross-site", http.StatusForbidden},
		{demoAppHost, "tenant1", "same-site", http.StatusForbidden},
		{demoAppHost, "www", "same-origin", http.StatusBadRequest},
		{"tenant1.localhost", "tenant2", "same-origin", http.StatusNotFound},
	} {
		if status, _, cookie := postForm(t, demoBase(hint, c.host)+"/-/demo/session", c.tenant, c.site); status != c.status || cookie != nil {
			t.Errorf("%+v: %d with %v", c, status, cookie)
		}
	}
	if status, _, _ := fetch(t, demoBase(hint, "tenant1.localhost")+"/-/demo/session"); status != http.StatusNotFound {
		t.Errorf("the form on a tenant's host: %d", status)
	}
}

// All pages have the same head, and no part of a template is left in them.
func TestThePagesOfTheDemonstrationShareTheirHead(t *testing.T) {
	waiting := httptest.NewRecorder()
	r := httptest.NewRequest(http.MethodGet, "/", nil)
	r.Header.Set("Accept", "text/html")
	serveWaiting(waiting, r)
	pages := map[string]string{"waiting.html": waiting.Body.String()}
	for _, name := range []string{"site.html", "missing.html", "failed.html"} {
		page, err := renderDemoPage(name+".tmpl", "8123")
		if err != nil {
			t.Fatal(err)
		}
		pages[name] = string(page)
	}
	for name, page := range pages {
		if !strings.HasPrefix(page, "<!doctype html>\n<html lang=\"en\">\n<head>\n") || !strings.Contains(page, " · tenantedge demo</title>\n") || strings.Count(page, "</head>") != 1 {
			t.Errorf("%s has another head: %s", name, page)
		}
		if strings.Contains(page, "[[") || strings.Contains(page, ":8080") {
			t.Errorf("%s is not complete: %s", name, page)
		}
		if errorPage := name == "missing.html" || name == "failed.html"; strings.Contains(page, "<title>{{status}} ·") != errorPage {
			t.Errorf("%s is an error page: %v: %s", name, errorPage, page)
		}
	}
}
