package errorpage

import (
	"context"
	"fmt"
	"html"
	"net/http"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/munnerz/goautoneg"

	"github.com/tenantedge/tenantedge/tenantdb/file"
)

// MaxSize is the largest page of an operator, in bytes.
const MaxSize = 256 << 10

// Pages are the pages that replace the plain text for clients that prefer HTML, by
// their key: a status, or a class of them, 4xx or 5xx. nil: none.
type Pages struct{ byKey map[string]*Page }

// Page is the page of an operator. {{status}}, {{text}} and {{request}} in it are
// replaced by the status, its text and the id of the request. The values are escaped for text and quoted attributes of HTML.
type Page struct {
	literals []string // one more than values
	values   []string // the names between the literals
}

// ValidKey reports whether key is a status from 400 to 599, 4xx or 5xx.
func ValidKey(key string) bool {
	if key == "4xx" || key == "5xx" {
		return true
	}
	status, err := strconv.Atoi(key)
	return err == nil && status >= 400 && status <= 599 && len(key) == 3
}

// Read reads a page.
func Read(path string) (*Page, error) {
	text, _, err := file.ReadRegular(path, MaxSize+1)
	switch {
	case err != nil:
		return nil, fmt.Errorf("expected a page of HTML: %w", err)
	case len(text) > MaxSize:
		return nil, fmt.Errorf("expected a page of HTML of at most %d KiB, found a larger file %s; make it smaller", MaxSize>>10, path)
	case !utf8.Valid(text):
		return nil, fmt.Errorf("expected a page of HTML in UTF-8, found other bytes in %s; convert it", path)
	case len(strings.TrimSpace(string(text))) == 0:
		return nil, fmt.Errorf("expected a page of HTML, found the empty file %s; fill it in, or remove the key", path)
	}
	p, err := parse(string(text))
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return p, nil
}

func parse(text string) (*Page, error) {
	p := &Page{}
	rest, line := text, 1
	for {
		before, after, found := strings.Cut(rest, "{{")
		p.literals = append(p.literals, before)
		if !found {
			return p, nil
		}
		line += strings.Count(before, "\n")
		name, after, found := strings.Cut(after, "}}")
		switch name = strings.TrimSpace(name); {
		case !found:
			return nil, fmt.Errorf("line %d: expected }} after {{, found none; close it", line)
		case name != "status" && name != "text" && name != "request":
			return nil, fmt.Errorf("line %d: expected {{status}}, {{text}} or {{request}}, found {{%.40s}}; correct it", line, name)
		}
		p.values, rest = append(p.values, name), after
	}
}

// Load reads the pages in files, by key.
func Load(files map[string]string) (*Pages, error) {
	if len(files) == 0 {
		return nil, nil
	}
	all := &Pages{make(map[string]*Page, len(files))}
	for key, path := range files {
		p, err := Read(path)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", key, err)
		}
		all.byKey[key] = p
	}
	return all, nil
}

// of returns the page for a status: that of the status, else that of its class. nil:
// there is none.
func (p *Pages) of(status int) *Page {
	if p == nil {
		return nil
	}
	key := strconv.Itoa(status)
	if own := p.byKey[key]; own != nil {
		return own
	}
	return p.byKey[key[:1]+"xx"]
}

func (p *Page) render(status int, requestID string) string {
	var b strings.Builder
	for i, literal := range p.literals {
		b.WriteString(literal)
		if i == len(p.values) {
			break
		}
		switch p.values[i] {
		case "status":
			b.WriteString(strconv.Itoa(status))
		case "text":
			b.WriteString(html.EscapeString(http.StatusText(status)))
		case "request":
			b.WriteString(html.EscapeString(requestID))
		}
	}
	return b.String()
}

type pagesKey struct{}

// With returns r with pages for Write; nil: r itself.
func With(r *http.Request, p *Pages) *http.Request {
	if p == nil {
		return r
	}
	return r.WithContext(context.WithValue(r.Context(), pagesKey{}, p))
}

func pagesOf(r *http.Request) *Pages {
	p, _ := r.Context().Value(pagesKey{}).(*Pages)
	return p
}

// prefersHTML reports whether the client prefers HTML to plain text, as browsers do
// when they show a page. Clients that accept anything, or JSON, do not.
func prefersHTML(r *http.Request) bool {
	accept := strings.Join(r.Header["Accept"], ",")
	return accept != "" && goautoneg.Negotiate(accept, []string{"text/plain", "text/html"}) == "text/html"
}
