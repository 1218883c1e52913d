package main

import (
	"bytes"
	"html/template"
	"net"
	"strings"
)

// demoPages are the pages of the demonstration, which share their head and links. Their
// delimiters leave {{status}} and the like in error pages to the edge.
var demoPages = template.Must(template.New("").Delims("[[", "]]").ParseFS(demoFiles, "demo/*.html.tmpl"))

// renderDemoPage returns a page that is the same for all requests to a port.
func renderDemoPage(name, port string) ([]byte, error) {
	var b bytes.Buffer
	at := ":" + port
	err := demoPages.ExecuteTemplate(&b, name, struct {
		Port  string
		Links []demoLink
	}{at, demoLinks(at, "")})
	return b.Bytes(), err
}

// portOf returns the port of a Host with its colon; empty: it has none.
func portOf(host string) string {
	if _, port, err := net.SplitHostPort(host); err == nil {
		return ":" + port
	}
	return ""
}

// demoLink is a link to a tenant, or a button for it.
type demoLink struct {
	Name, How, URL string
	Current        bool
}

// demoLinks returns the links to all tenants. current is the name of the one that has no
// other page; empty: none.
func demoLinks(port, current string) []demoLink {
	links := []demoLink{
		{Name: "www", How: "start page", URL: "localhost" + port + "/"}, {Name: "blog", How: "static", URL: "blog.localhost" + port + "/"},
		{Name: "tenant1", How: "by domain", URL: "tenant1.localhost" + port + "/"}, {Name: "tenant2", How: "by domain", URL: "tenant2.localhost" + port + "/"},
		{Name: "tenant3", How: "by folder", URL: "shared.localhost" + port + "/tenant3/"}, {Name: "app", How: "by session", URL: demoAppHost + port + demoPath + "session"},
		{Name: "unknown", How: "no tenant", URL: "unknown.localhost" + port + "/"},
	}
	for i := range links {
		links[i].URL = "//" + links[i].URL
		links[i].Current = links[i].Name == current
	}
	return links
}

// sessionButtons returns the tenants that a session may name.
func sessionButtons(current string) (buttons []demoLink) {
	for _, name := range demoSessionTenants {
		buttons = append(buttons, demoLink{Name: name, Current: name == current})
	}
	return buttons
}

// isAppHost reports whether a Host is the one where a header or a session names the
// tenant.
func isAppHost(host string) bool {
	return strings.EqualFold(strings.TrimSuffix(host, portOf(host)), demoAppHost)
}
