package main

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"net/http"
	"slices"
	"time"

	"github.com/tenantedge/tenantedge/edge/proof"
	"github.com/tenantedge/tenantedge/edge/session"
)

// demoAppHost is no tenant's domain: a header or a session names the tenant there.
const demoAppHost = "app.localhost"

var demoSessionTenants = []string{"tenant1", "tenant2", "tenant3"}

// demoKeys are the secrets that the configuration of the demonstration names, new ones
// for each start. The applications have the one, as a service behind the edge would, and
// the form for sessions the other, as Django would.
type demoKeys struct {
	proof   proof.Key
	session string
}

func newDemoKeys() demoKeys {
	return demoKeys{proof.Key{ID: "demo", Secret: []byte(rand.Text() + rand.Text())}, rand.Text() + rand.Text()}
}

// demoSessions gives visitors of demoAppHost a session that names a tenant.
type demoSessions struct {
	secret  string
	origins *http.CrossOriginProtection
}

func (s *demoSessions) routes(mux *http.ServeMux) {
	mux.HandleFunc("GET "+demoPath+"session", func(w http.ResponseWriter, r *http.Request) {
		if !isAppHost(r.Host) {
			http.NotFound(w, r)
			return
		}
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		w.Header().Set("Cache-Control", "no-store")
		_ = demoPages.ExecuteTemplate(w, "session.html.tmpl", struct { // the client may have disconnected
			Host            string
			Sessions, Links []demoLink
		}{r.Host, sessionButtons(""), demoLinks(portOf(r.Host), "app")})
	})
	mux.HandleFunc("POST "+demoPath+"session", s.change)
}

// change sets the session that a form of a page of this host chooses, and leads to the
// tenant that it names.
func (s *demoSessions) change(w http.ResponseWriter, r *http.Request) {
	r.Body = http.MaxBytesReader(w, r.Body, 1<<10)
	tenant := r.PostFormValue("tenant")
	switch {
	case !isAppHost(r.Host):
		http.NotFound(w, r)
		return
	case s.origins.Check(r) != nil:
		http.Error(w, "the request comes from a page of another site", http.StatusForbidden)
		return
	case tenant != "" && !slices.Contains(demoSessionTenants, tenant):
		http.Error(w, "expected a tenant of the form", http.StatusBadRequest)
		return
	}
	cookie := http.Cookie{Name: session.DefaultCookieName, Path: "/", HttpOnly: true, SameSite: http.SameSiteLaxMode, MaxAge: -1}
	to := demoPath + "session"
	if tenant != "" {
		cookie.Value, cookie.MaxAge, to = djangoSession(s.secret, tenant, time.Now()), 3600, "/"
	}
	http.SetCookie(w, &cookie)
	http.Redirect(w, r, to, http.StatusSeeOther)
}

// djangoSession returns a session that names a tenant, as Django's backend
// signed_cookies writes it: see TimestampSigner in django/core/signing.py.
func djangoSession(secret, tenant string, at time.Time) string {
	data, _ := json.Marshal(map[string]string{"tenant": tenant}) // a map of text
	value := base64.RawURLEncoding.EncodeToString(data) + ":" + base62(at.Unix())
	key := sha256.Sum256([]byte("django.contrib.sessions.backends.signed_cookies" + "signer" + secret))
	mac := hmac.New(sha256.New, key[:])
	mac.Write([]byte(value))
	return value + ":" + base64.RawURLEncoding.EncodeToString(mac.Sum(nil))
}

// base62 encodes a positive number as Django does.
func base62(n int64) string {
	const digits = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
	var b []byte
	for ; n > 0; n /= 62 {
		b = append(b, digits[n%62])
	}
	slices.Reverse(b)
	return string(b)
}
