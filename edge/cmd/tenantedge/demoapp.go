package main

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/tenantedge/tenantedge/edge/proof"
)

// demoApp is an application behind the edge. Its pages show the request and the
// decision that it got.
type demoApp struct {
	name string
	key  proof.Key // of the proofs of tenant headers; zero: none
}

type nameValue struct{ Name, Value string }

type demoPage struct {
	Application, Schema, FoundBy, Method, Target, Folder, Origin, Host, File, OthersFile string
	Dynamic                                                                              bool
	Decided, Headers                                                                     []nameValue
	Links                                                                                []demoLink
	App                                                                                  demoAppPage
}

// demoAppPage is what a page says of demoAppHost.
type demoAppPage struct {
	Here          bool   // the page is at it
	Host          string // with the port
	Tenant, Proof string // of a request that names another tenant in a header
	Sessions      []demoLink
}

// newDemoApp returns the application with a name that its answers have.
func newDemoApp(name string, key proof.Key) http.Handler { return &demoApp{name, key} }

func (a *demoApp) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if strings.HasSuffix(r.URL.Path, "/events") {
		serveClock(w, r)
		return
	}
	w.Header().Set("Cache-Control", "no-store")
	if a.key.ID != "" && strings.HasSuffix(r.URL.Path, "/proof") {
		w.Header().Set("Content-Type", "text/plain; charset=utf-8")
		_, _ = io.WriteString(w, a.appPage(r).Proof) // the client may have disconnected
		return
	}
	p := a.describe(r)
	w.Header().Set("Vary", "Accept")
	switch accept := r.Header.Get("Accept"); {
	case strings.HasPrefix(accept, "application/json"):
		writeDemoJSON(w, http.StatusOK, map[string]string{"application": a.name, "tenant": p.Schema, "target": p.Target})
	case strings.HasPrefix(accept, "text/plain"):
		w.Header().Set("Content-Type", "text/plain; charset=utf-8")
		p.writeText(w)
	default:
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		_ = demoPages.ExecuteTemplate(w, "app.html.tmpl", p) // the client may have disconnected
	}
}

// decided are the headers that carry the decision, as upstream_headers in
// demo/tenantedge.yaml names them, with their labels on the page.
var decided = []nameValue{
	{"Tenant", "schema"}, {"X-Tenant-Id", "row id"}, {"X-Tenant-Routing", "found by"}, {"X-Tenant-Folder", "folder"},
	{"X-Tenant-Identifier", "identifier, for files"}, {"X-Tenant-Cache-Prefix", "cache keys start with"},
}

func (a *demoApp) describe(r *http.Request) demoPage {
	p := demoPage{
		Application: a.name, Schema: r.Header.Get("Tenant"), Dynamic: r.Header.Get("X-Tenant-Id") != "",
		Method: r.Method, Target: r.URL.RequestURI(), Origin: "http://" + r.Host, Host: r.Host,
	}
	if folder := r.Header.Get("X-Tenant-Folder"); folder != "" {
		p.Folder = "/" + folder
		p.Origin += p.Folder
	}
	// The files of a tenant are below its identifier, and below its folder if it has one.
	p.File, p.OthersFile = p.Folder+"/media/"+r.Header.Get("X-Tenant-Identifier")+"/hello.txt", p.Folder+"/media/tenant2/hello.txt"
	if p.Folder != "" {
		p.File = p.Folder + "/media/hello.txt"
	}
	if p.Schema == "tenant2" {
		p.OthersFile = strings.Replace(p.OthersFile, "tenant2", "tenant1", 1)
	}
	for _, d := range decided {
		if v := r.Header.Get(d.Name); v != "" {
			p.Decided = append(p.Decided, nameValue{d.Value, v})
		}
	}
	p.FoundBy = foundBy(r)
	p.Headers = append(p.Headers, nameValue{"Host", r.Host})
	names := make([]string, 0, len(r.Header))
	for name := range r.Header {
		if !strings.HasPrefix(name, "Sec-") { // browsers send a dozen
			names = append(names, name)
		}
	}
	slices.Sort(names)
	for _, name := range names {
		p.Headers = append(p.Headers, nameValue{name, strings.Join(r.Header[name], ", ")})
	}
	p.App = a.appPage(r)
	current := p.Schema
	if p.App.Here {
		current = "app"
	}
	p.Links = demoLinks(portOf(r.Host), current)
	return p
}

// appPage describes demoAppHost. A service that has the key proves the header of another
// tenant for one request.
func (a *demoApp) appPage(r *http.Request) demoAppPage {
	here := r.Header.Get("Tenant")
	p := demoAppPage{Here: isAppHost(r.Host), Host: demoAppHost + portOf(r.Host), Tenant: "tenant3", Sessions: sessionButtons(here)}
	if here == p.Tenant {
		p.Tenant = "tenant1"
	}
	p.Proof = proof.Sign(a.key, http.MethodGet, p.Host, "/", p.Tenant, time.Now())
	return p
}

func foundBy(r *http.Request) string {
	kind := "It is an entry of the TENANTS table"
	if r.Header.Get("X-Tenant-Id") != "" {
		kind = "It is a row of the directory"
	}
	host, _, err := net.SplitHostPort(r.Host)
	if err != nil {
		host = r.Host
	}
	switch r.Header.Get("X-Tenant-Routing") {
	case "session":
		return kind + ", found by the session, which names it."
	case "header":
		return kind + ", found by the header tenant, which has a proof."
	}
	if folder := r.Header.Get("X-Tenant-Folder"); folder != "" {
		return fmt.Sprintf("%s, found by the folder /%s/ of %s.", kind, folder, host)
	}
	return fmt.Sprintf("%s, found by the domain %s.", kind, host)
}

func (p *demoPage) writeText(w io.Writer) {
	var b strings.Builder
	fmt.Fprintf(&b, "tenant %s\n%s\n\nWhat the edge decided\n", p.Schema, p.FoundBy)
	for _, d := range p.Decided {
		fmt.Fprintf(&b, "  %-24s %s\n", d.Name, d.Value)
	}
	fmt.Fprintf(&b, "\nThe request as it arrived\n  %s %s\n", p.Method, p.Target)
	for _, h := range p.Headers {
		fmt.Fprintf(&b, "  %s: %s\n", h.Name, h.Value)
	}
	_, _ = io.WriteString(w, b.String()) // the client may have disconnected
}

// serveClock sends the time as server-sent events for a minute, or until the client
// disconnects. Browsers reconnect.
func serveClock(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", "text/event-stream")
	w.Header().Set("Cache-Control", "no-store")
	out := http.NewResponseController(w)
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	for range 60 {
		if _, err := fmt.Fprintf(w, "data: %s\n\n", time.Now().Format("15:04:05")); err != nil || out.Flush() != nil {
			return
		}
		select {
		case <-tick.C:
		case <-r.Context().Done():
			return
		}
	}
}
