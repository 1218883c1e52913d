package console

import (
	"crypto/subtle"
	"errors"
	"net/http"
	"net/url"
	"strings"

	"github.com/tenantedge/tenantedge/edge/config"
)

// protect sets the headers that keep a page from running anything but the console's own
// script, from being shown inside another page, and from being kept.
func protect(h http.Header) {
	for name, value := range map[string]string{
		"Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; " +
			"form-action 'self'; frame-ancestors 'none'; base-uri 'none'",
		"X-Frame-Options":              "DENY",
		"X-Content-Type-Options":       "nosniff",
		"Referrer-Policy":              "same-origin", // with no-referrer, the Origin of forms would be null
		"Cross-Origin-Opener-Policy":   "same-origin",
		"Cross-Origin-Resource-Policy": "same-origin",
		"Cache-Control":                "no-store",
	} {
		h.Set(name, value)
	}
}

// visit is a request by someone who may see the console.
type visit struct {
	session *session // nil: no token is required
	token   Token    // zero without a session
}

// operates reports whether the visitor may change what runs.
func (v *visit) operates() bool { return v.token.Role == config.RoleOperate }

// by returns who asks for an action.
func (v *visit) by(r *http.Request, reason string) By {
	return By{Action: r.Pattern, Who: v.token.Name, Token: v.token.Digest, Peer: r.RemoteAddr, Reason: reason}
}

// handler serves a visit.
type handler func(w http.ResponseWriter, r *http.Request, v *visit)

// maxForm is the size of the largest form without a file, in bytes.
const maxForm = 64 << 10

var errElsewhere = errors.New("the request came from another site; open the console and repeat it there")

// access is what a route needs.
type access struct {
	role string
	// file says that the form has a file: readModule reads it, and checks its token
	// before the file.
	file bool
}

// visited serves visitors with a role. What changes something must come from the
// console's own pages.
func (c *Console) visited(needs access, next handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		v := c.visitor(r)
		switch {
		case r.Method == http.MethodPost && !sameOrigin(r), background(r) && crossSite(r):
			c.fail(w, r, http.StatusForbidden, errElsewhere.Error())
		case v == nil && r.Method == http.MethodGet && !background(r):
			http.Redirect(w, r, "/console/signin?next="+url.QueryEscape(r.URL.RequestURI()), http.StatusSeeOther)
		case v == nil:
			c.fail(w, r, http.StatusUnauthorized, "you are not signed in, or your session has ended; sign in again")
		case needs.role == config.RoleOperate && !v.operates():
			c.options.Gate.Forbidden(r, v.token)
			c.fail(w, r, http.StatusForbidden, "your token may read only; sign in with one that has the role operate")
		case r.Method == http.MethodPost && !needs.file && !genuine(w, r, v):
			c.fail(w, r, http.StatusForbidden, errOutOfDate.Error())
		default:
			next(w, r, v)
		}
	})
}

// visitor returns who sends a request; nil: someone who has to sign in.
func (c *Console) visitor(r *http.Request) *visit {
	s := c.sessionOf(r, !background(r))
	if s == nil {
		if c.options.Gate.Required() {
			return nil
		}
		return &visit{}
	}
	token, ok := c.options.Gate.Token(s.token)
	if !ok {
		c.sessions.end(s)
		return nil
	}
	return &visit{s, token}
}

// background reports whether a request is the script's, not a person's.
func background(r *http.Request) bool { return strings.HasPrefix(r.URL.Path, "/console/events/") }

// crossSite reports whether a browser says that a page of another origin sent a request.
func crossSite(r *http.Request) bool {
	site := r.Header.Get("Sec-Fetch-Site")
	return site != "" && site != "same-origin" && site != "none"
}

// sameOrigin reports whether a form was sent by a page of the console. Browsers send
// Origin with every form; Sec-Fetch-Site they send over TLS and to this machine. A port
// distinguishes origins, but not sites: SameSite does not help against a tenant on
// another port.
func sameOrigin(r *http.Request) bool {
	origin, err := url.Parse(r.Header.Get("Origin"))
	if err != nil || len(r.Header.Values("Origin")) != 1 || !strings.EqualFold(origin.Host, r.Host) {
		return false
	}
	if site := r.Header.Get("Sec-Fetch-Site"); site != "" {
		return site == "same-origin" // a proxy in front may have ended TLS, so that the scheme is another one
	}
	return origin.Scheme == scheme(r)
}

func scheme(r *http.Request) string {
	if r.TLS != nil {
		return "https"
	}
	return "http"
}

// genuine reads a form, and reports whether it has the token of its session.
func genuine(w http.ResponseWriter, r *http.Request, v *visit) bool {
	r.Body = http.MaxBytesReader(w, r.Body, maxForm)
	return r.ParseForm() == nil && (v.session == nil || v.sent(r.PostForm.Get("csrf")))
}

// sent reports whether a form's token is that of the session.
func (v *visit) sent(csrf string) bool {
	return v.session != nil && subtle.ConstantTimeCompare([]byte(csrf), []byte(v.session.csrf)) == 1
}
