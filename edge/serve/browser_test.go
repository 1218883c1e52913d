package serve

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/tenantedge/tenantedge/edge/internal/browsertest"
	"github.com/tenantedge/tenantedge/tenantdb"
)

// Content that sends a request to the server when a browser runs it.
const (
	runningPage = `<!doctype html><title>x</title><script>new Image().src="/ran?page:"+location.search</script>`
	runningXML  = `<?xml version="1.0"?><html xmlns="http://www.w3.org/1999/xhtml"><head><title>x</title><script>new Image().src="/ran?xml:"+location.search</script></head></html>`
	runningSVG  = `<svg xmlns="http://www.w3.org/2000/svg"><script>new Image().src="/ran?svg:"+location.search</script></svg>`
	runningCode = `(self.fetch||Image)("/ran?code:"+(self.document&&document.currentScript?document.currentScript.src:self.location.href))`
)

// hostileTypes are Content-Types that some reader may treat as an active type.
var hostileTypes = []string{
	"text/html", "image/png,text/html", "image/png, text/html", "text/html foo", "text/html(x)", "text/html\tfoo", "text/html,", ",text/html", "text/html;", "text/html ;x",
	"TEXT/HTML", "text/html, text/plain", "text/html;charset=\"", "text/html;charset=utf-8,", "*/*,text/html", "text/plain;x=\",text/html,\"", "text/plain; text/html", "text/html/",
	"text/html\x00", "text/html\x0c", "text/html\xa0", "text/html;boundary=a", "unknown/unknown", "application/unknown", "*/*", "text", "text/", "/", ",", ";", " ", "html",
	"application/xhtml+xml", "application/xhtml+xml foo", "text/xml", "image/svg+xml", "image/svg+xml,", "image/svg+xml x", "image/png,image/svg+xml", "application/x+xml", "text/x+xml;",
	"text/javascript", "text/javascript1.5", "text/javascript1.0", "text/javascript,", "text/javascript x", "image/png,text/javascript", "application/x-javascript", "text/livescript", "text/jscript", "application/ecmascript",
	"multipart/x-mixed-replace;boundary=a", "multipart/related;boundary=a", "message/rfc822", "text/xsl", "text/vtt,text/html", "application/pdf,text/html", "application/json,text/html",
}

// visits is an application that orders the file that the request names. Its page
// makes a browser load each file in every way in which it could run.
type visits struct {
	mu  sync.Mutex
	ran []string
}

func (v *visits) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	switch r.URL.Path {
	case "/":
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		_, _ = io.WriteString(w, v.page())
	case "/trusted.html":
		w.Header().Set("Content-Type", "text/html")
		_, _ = io.WriteString(w, runningPage)
	case "/trusted.js":
		w.Header().Set("Content-Type", "text/javascript")
		_, _ = io.WriteString(w, `fetch("/ran?trusted")`)
	case "/file":
		q := r.URL.Query()
		w.Header()["Content-Type"] = q["type"]
		w.Header()["Content-Disposition"] = q["disposition"]
		w.Header().Set("X-Accel-Redirect", "/protected/"+q.Get("name"))
	case "/ran":
		v.mu.Lock()
		defer v.mu.Unlock()
		v.ran = append(v.ran, r.URL.RawQuery)
	}
}

func (v *visits) page() string {
	var frames, scripts []string
	for _, t := range hostileTypes {
		for _, name := range []string{"x.html", "x.xhtml", "x.svg", "x.png"} {
			frames = append(frames, "/file?"+url.Values{"name": {name}, "type": {t}, "disposition": {"inline"}}.Encode())
		}
		scripts = append(scripts, "/file?"+url.Values{"name": {"x.js"}, "type": {t}}.Encode())
	}
	two := url.Values{"name": {"x.html"}, "type": {"image/png", "text/html"}, "disposition": {"inline", "inline"}}
	frames = append(frames, "/trusted.html", "/file?"+two.Encode(), "/file?name=x.html", "/file?name=x.png", "/file?name=x.unknown")
	scripts = append(scripts, "/trusted.js", "/file?name=x.js", "/media/acme/x.js", "/media/acme/x.mjs")
	for _, name := range []string{"x.html", "x.htm", "x.HTML", "x.xhtml", "x.svg", "x.SVG", "x.xml", "x.png", "x.unknown", "html"} {
		frames = append(frames, "/media/acme/"+name)
	}
	var b strings.Builder
	b.WriteString("<!doctype html><title>x</title><script>workers=[]</script>\n")
	for _, f := range frames {
		fmt.Fprintf(&b, "<iframe src=\"%s\"></iframe>\n<object data=\"%[1]s\"></object>\n", strings.ReplaceAll(f, "&", "&amp;"))
	}
	for _, s := range scripts {
		fmt.Fprintf(&b, "<script src=\"%s\"></script>\n<script type=module src=\"%[1]s\"></script>\n<script>new Worker(\"%[1]s\");workers.push(navigator.serviceWorker.register(\"%[1]s\"))</script>\n", s)
	}
	b.WriteString(`<script>addEventListener("load",()=>Promise.allSettled(workers).then(()=>fetch("/done")).then(()=>document.title="done"))</script>`)
	return b.String()
}

// Whether content runs is up to browsers, so the test uses one.
func TestNoSpellingOfATypeRunsInABrowser_C1(t *testing.T) {
	v := &visits{}
	application := httptest.NewServer(v)
	defer application.Close()
	upstream, err := url.Parse(application.URL)
	if err != nil {
		t.Fatal(err)
	}
	w := startAccel(t, func(s *setup) {
		app := s.options.URLConfs["app"]
		app.Media, app.Upstream = true, upstream
		s.options.URLConfs["app"] = app
	})
	// The application's files and media.
	for _, location := range []string{w.location, w.server.now().options.Media.Location} {
		for name, content := range map[string]string{
			"x.html": runningPage, "x.htm": runningPage, "x.HTML": runningPage, "x.png": runningPage, "x.unknown": runningPage, "html": runningPage,
			"x.xhtml": runningXML, "x.xml": runningXML, "x.svg": runningSVG, "x.SVG": runningSVG, "x.js": runningCode, "x.mjs": runningCode,
		} {
			write(t, location, "acme/"+name, content)
		}
	}
	state := mediaState()
	state.Domains = append(state.Domains, tenantdb.Domain{TenantID: "1", Domain: "127.0.0.1"})
	w.directory.Replace(state)
	browsertest.Run(t, "testdata/visit.cjs", map[string]string{"url": "http://" + w.addr() + "/"})
	v.mu.Lock()
	defer v.mu.Unlock()
	var trusted []string
	for _, ran := range v.ran {
		if ran == "page:" || ran == "trusted" {
			trusted = append(trusted, ran)
			continue
		}
		t.Errorf("the browser ran %s", ran)
	}
	if !slices.Contains(trusted, "page:") || !slices.Contains(trusted, "trusted") {
		t.Errorf("of the trusted scripts the browser ran %q", trusted)
	}
}

var _ http.Handler = (*visits)(nil)
