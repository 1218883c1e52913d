package console

import (
	"net/http"
	"net/url"
	"strings"
)

// signInData is what the page for signing in shows.
type signInData struct {
	Next    string
	Problem string
}

func (c *Console) signInForm(w http.ResponseWriter, r *http.Request) {
	next := localPath(r.URL.Query().Get("next"))
	if c.visitor(r) != nil {
		http.Redirect(w, r, next, http.StatusSeeOther)
		return
	}
	c.render(w, r, nil, http.StatusOK, "signin", "Sign in", signInData{Next: next})
}

// signIn begins a session. It always has a new cookie: one that the browser had before
// may be another's.
func (c *Console) signIn(w http.ResponseWriter, r *http.Request) {
	r.Body = http.MaxBytesReader(w, r.Body, maxForm)
	if !sameOrigin(r) || r.ParseForm() != nil {
		c.fail(w, r, http.StatusForbidden, errElsewhere.Error())
		return
	}
	next := localPath(r.PostForm.Get("next"))
	token, status, err := c.options.Gate.SignIn(r, strings.TrimSpace(r.PostForm.Get("token")))
	if err != nil {
		if status == http.StatusTooManyRequests {
			w.Header().Set("Retry-After", "1")
		}
		c.render(w, r, nil, status, "signin", "Sign in", signInData{Next: next, Problem: sentence(err.Error())})
		return
	}
	if old := c.sessionOf(r, false); old != nil {
		c.sessions.end(old)
	}
	http.SetCookie(w, cookie(r, c.sessions.start(token.Digest)))
	http.Redirect(w, r, next, http.StatusSeeOther)
}

func (c *Console) signOut(w http.ResponseWriter, r *http.Request, v *visit) {
	if v.session != nil {
		c.sessions.end(v.session)
	}
	http.SetCookie(w, cookie(r, ""))
	http.Redirect(w, r, "/console/signin", http.StatusSeeOther)
}

// localPath returns the path and query of a page of the console; / for anything else,
// which a link from elsewhere may have.
func localPath(next string) string {
	u, err := url.Parse(next)
	if err != nil || u.Scheme != "" || u.Host != "" || u.User != nil || !strings.HasPrefix(u.Path, "/console/") || strings.HasPrefix(u.Path, "/console/events/") ||
		strings.ContainsAny(next, "\\\r\n") {
		return "/"
	}
	return (&url.URL{Path: u.Path, RawPath: u.RawPath, RawQuery: u.RawQuery}).String()
}
