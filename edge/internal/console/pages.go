package console

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"html/template"
	"io/fs"
	"net/http"
	"path"
	"strings"
	"time"

	"github.com/tenantedge/tenantedge/assets"
)

// pages are the templates and the static files of the console.
type pages struct {
	templates map[string]*template.Template // by the name of a page
	static    map[string]static
}

// static is a file that all pages use.
type static struct {
	content []byte
	tag     string // of the content
}

// pageNames are the names of the templates of pages.
var pageNames = []string{"signin", "overview", "programs", "tenants", "tenant", "try", "fleet", "log", "failed"}

func newPages() (*pages, error) {
	files, err := fs.Sub(assets.Console, "console")
	if err != nil {
		return nil, err
	}
	p := &pages{templates: map[string]*template.Template{}, static: map[string]static{}}
	functions := template.FuncMap{"clean": clean, "short": short, "ago": ago, "size": size[int64], "volume": size[uint64], "percent": percent, "count": count, "plural": plural, "clock": clock, "split": strings.Fields, "past": past}
	for _, name := range pageNames {
		t, err := template.New(name).Funcs(functions).ParseFS(files, "layout.html", "parts.html", name+".html")
		if err != nil {
			return nil, fmt.Errorf("console: %w", err)
		}
		p.templates[name] = t
	}
	for _, name := range []string{"style.css", "console.js", "icon.svg"} {
		content, err := fs.ReadFile(files, name)
		if err != nil {
			return nil, fmt.Errorf("console: %w", err)
		}
		sum := sha256.Sum256(content)
		p.static[name] = static{content, `"` + hex.EncodeToString(sum[:8]) + `"`}
	}
	return p, nil
}

// count writes an integer of any type.
func count(n any) string {
	switch n := n.(type) {
	case int:
		return number(n)
	case int64:
		return number(n)
	case uint64:
		return number(n)
	}
	return fmt.Sprint(n)
}

// plural writes how many there are of something.
func plural(n any, name string) string {
	s := count(n)
	if s != "1" {
		name += "s"
	}
	return s + " " + name
}

func clock(t time.Time) string { return t.Format("15:04:05") }

// serveStatic serves a file that all pages use. It has no secrets, so that nobody needs
// to sign in for it.
func (p *pages) serveStatic(w http.ResponseWriter, r *http.Request) {
	name := r.PathValue("name")
	file, ok := p.static[name]
	if !ok {
		http.NotFound(w, r)
		return
	}
	w.Header().Set("Cache-Control", "no-cache") // until the content has changed
	w.Header().Set("ETag", file.tag)
	w.Header().Set("Content-Type", map[string]string{".css": "text/css; charset=utf-8", ".js": "text/javascript; charset=utf-8", ".svg": "image/svg+xml"}[path.Ext(name)])
	http.ServeContent(w, r, name, time.Time{}, bytes.NewReader(file.content))
}

// page is what each template gets.
type page struct {
	Name   string // of the template
	Title  string
	Open   bool   // one can sign in, and has to
	Who    string // the name of the token; empty: not signed in
	Role   string
	May    bool   // the visitor may change the guest here
	CSRF   string // for forms
	Fleet  bool   // the edge belongs to a fleet
	Notice *notice
	Body   any
}

// render answers with a page. v is nil for people who have not signed in.
func (c *Console) render(w http.ResponseWriter, r *http.Request, v *visit, status int, name, title string, body any) {
	p := page{Name: name, Title: title, Open: c.options.Gate.Required(), Body: body}
	if v != nil {
		_, state, _ := c.history.now()
		p.Fleet = state.InFleet
	}
	if v != nil && v.session != nil {
		p.Who, p.Role, p.CSRF, p.May = v.token.Name, v.token.Role, v.session.csrf, v.operates() && !p.Fleet
		p.Notice = c.sessions.notices(v.session)
	}
	var b bytes.Buffer
	if err := c.pages.templates[name].ExecuteTemplate(&b, "layout", &p); err != nil {
		http.Error(w, "console: "+err.Error(), http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.WriteHeader(status)
	if r.Method != http.MethodHead {
		_, _ = w.Write(b.Bytes()) // the client may have disconnected
	}
}

// fail answers with a page that says why a request failed.
func (c *Console) fail(w http.ResponseWriter, r *http.Request, status int, problem string) {
	if r.Method == http.MethodPost || background(r) {
		w.Header().Set("Connection", "close") // the rest of the form is not read, and the listener's connections are few
	}
	c.render(w, r, nil, status, "failed", http.StatusText(status), sentence(problem))
}

// done leads to a page after a form, and shows a notice there.
func (c *Console) done(w http.ResponseWriter, r *http.Request, v *visit, to string, n notice) {
	c.sessions.notify(v.session, n)
	http.Redirect(w, r, to, http.StatusSeeOther)
}
