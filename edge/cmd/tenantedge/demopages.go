package main

import (
	"fmt"
	"html/template"
	"net"
	"net/http"
	"strings"
)

// demoPages makes the edge's own answers useful in the demonstration: its 404
// page lists the tenants, and redirects keep the port of the request, which the
// demonstration's domains lack.
func demoPages(next http.Handler) http.Handler {
	page := template.Must(template.ParseFS(demoFiles, "demo/missing.html.tmpl"))
	style, err := demoFiles.ReadFile("demo/style.css")
	if err != nil {
		style = nil // cannot happen: the file is embedded
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if len(r.Header["Upgrade"]) > 0 {
			next.ServeHTTP(w, r)
			return
		}
		d := &demoWriter{ResponseWriter: w, request: r}
		next.ServeHTTP(d, r)
		if d.missing {
			d.describe(page, template.CSS(style))
		}
	})
}

// demoWriter drops the edge's 404 page and adds the request's port to redirects.
type demoWriter struct {
	http.ResponseWriter
	request *http.Request
	missing bool
}

func (d *demoWriter) WriteHeader(status int) {
	h := d.Header()
	if location, ok := strings.CutPrefix(h.Get("Location"), "//"); ok {
		host, path, _ := strings.Cut(location, "/")
		if _, port, err := net.SplitHostPort(d.request.Host); err == nil && !strings.Contains(host, ":") {
			h.Set("Location", "//"+net.JoinHostPort(host, port)+"/"+path)
		}
	}
	// The demonstration's application sends no such page, so it is the edge's.
	if status == http.StatusNotFound && strings.HasPrefix(h.Get("Content-Type"), "text/plain") {
		d.missing = true
		return
	}
	d.ResponseWriter.WriteHeader(status)
}

func (d *demoWriter) Write(b []byte) (int, error) {
	if d.missing {
		return len(b), nil
	}
	return d.ResponseWriter.Write(b)
}

// Unwrap supports http.ResponseController.
func (d *demoWriter) Unwrap() http.ResponseWriter { return d.ResponseWriter }

// describe writes a 404 page that lists the tenants.
func (d *demoWriter) describe(page *template.Template, style template.CSS) {
	links := demoLinks(d.request)
	links = links[:len(links)-1] // the last is a host without a tenant
	h := d.Header()
	h.Set("Vary", "Accept")
	h.Del("Content-Length")
	if strings.Contains(d.request.Header.Get("Accept"), "text/html") {
		h.Set("Content-Type", "text/html; charset=utf-8")
		d.ResponseWriter.WriteHeader(http.StatusNotFound)
		_ = page.Execute(d.ResponseWriter, map[string]any{ // the client may have disconnected
			"Style": style, "Host": d.request.Host, "Path": d.request.URL.Path, "Links": links,
		})
		return
	}
	d.ResponseWriter.WriteHeader(http.StatusNotFound)
	var b strings.Builder
	fmt.Fprintf(&b, "404 Not Found\n\nThere is no tenant at %s%s, or it has no such page. The tenants are\n", d.request.Host, d.request.URL.Path)
	for _, p := range links {
		fmt.Fprintf(&b, "  %-8s http:%s\n", p.Name, p.URL)
	}
	_, _ = d.ResponseWriter.Write([]byte(b.String())) // the client may have disconnected
}
