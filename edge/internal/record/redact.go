package record

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"net/http"
	"strconv"
	"strings"

	"github.com/tenantedge/tenantedge/edge/internal/guests"
	"github.com/tenantedge/tenantedge/edge/proof"
)

// DefaultHeaders are headers whose values are always redacted.
var DefaultHeaders = []string{
	"Authorization", "Proxy-Authorization", "Cookie", "Api-Key", "X-Api-Key", "X-Access-Token", "X-Auth-Token",
	"X-Csrf-Token", "X-Csrftoken", "X-Xsrf-Token", "X-Amz-Security-Token", proof.Header,
}

// DefaultParameters are parameters of the query whose values are always redacted.
var DefaultParameters = []string{
	"access_token", "api_key", "apikey", "auth", "authorization", "code", "credential", "id_token", "jwt", "key", "passwd", "password",
	"refresh_token", "secret", "session", "sessionid", "sig", "signature", "token",
}

// Mark begins what stands for a secret of 25 bytes or more.
const Mark = "redacted-"

// redaction replaces secrets by a keyed hash, so that equal ones stay equal. The key is
// never written, and each process has its own, so values cannot be guessed by hashing
// candidates.
type redaction struct {
	key        []byte
	headers    map[string]bool // by canonical name
	parameters map[string]bool // in lower case
}

func newRedaction(headers, parameters []string) *redaction {
	r := &redaction{key: make([]byte, 32), headers: map[string]bool{}, parameters: map[string]bool{}}
	_, _ = rand.Read(r.key) // cannot fail
	for _, names := range [][]string{DefaultHeaders, headers} {
		for _, name := range names {
			r.headers[http.CanonicalHeaderKey(name)] = true
		}
	}
	for _, names := range [][]string{DefaultParameters, parameters} {
		for _, name := range names {
			r.parameters[strings.ToLower(name)] = true
		}
	}
	return r
}

// secrets are the secrets of one request, and what stands for them.
type secrets struct {
	rules *redaction
	pairs []string // secret, replacement
	names []string // of what is redacted
	// reference is the tenant that the session names, and what stands for it. The name
	// also occurs in rows, so it is replaced only where guests look it up.
	reference [2]string
}

// minWithin is the length in bytes from which a secret is also found within another
// text. A shorter one is replaced only where it is the whole text.
const minWithin = 6

// digest returns the keyed hash of a secret, in hexadecimal.
func (r *redaction) digest(secret string) string {
	mac := hmac.New(sha256.New, r.key)
	mac.Write([]byte(secret))
	return hex.EncodeToString(mac.Sum(nil))
}

// mark returns what stands for a secret. It has the same length, since the fuel of a
// guest depends on that.
func (r *redaction) mark(secret string) string {
	digest, n := r.digest(secret), len(secret)
	switch {
	case n < minWithin:
		return digest[:n]
	case n < len(Mark)+16:
		return "r-" + digest[:n-2]
	}
	return Mark + strings.Repeat(digest, n/len(digest)+1)[:n-len(Mark)]
}

// hide returns what stands for a secret, and remembers both.
func (s *secrets) hide(secret string) string {
	if secret == "" {
		return ""
	}
	replacement := s.rules.mark(secret)
	s.pairs = append(s.pairs, secret, replacement)
	return replacement
}

// replace replaces the secrets in another text of the same request.
func (s *secrets) replace(text string) string {
	for i := 0; i < len(s.pairs); i += 2 {
		secret := s.pairs[i]
		switch {
		case text == secret:
			return s.pairs[i+1]
		case len(secret) >= minWithin:
			text = strings.ReplaceAll(text, secret, s.pairs[i+1])
		}
	}
	return text
}

// named is replace for a reference to a tenant.
func (s *secrets) named(reference string) string {
	if reference == s.reference[0] && reference != "" {
		return s.reference[1]
	}
	return s.replace(reference)
}

// apply redacts a request, all that it led to, and the decision.
func (r *redaction) apply(e *entry) {
	s := &secrets{rules: r}
	s.request(&e.Request.Request)
	e.Redacted = s.names
	if len(s.names) == 0 {
		return
	}
	// No other request shares them: they were made for this one.
	for _, a := range e.Asks {
		for i := range a.Of {
			switch a.Kind {
			case AskSchema, AskPrimary:
			case AskReference:
				a.Of[i] = s.named(a.Of[i])
			default:
				a.Of[i] = s.replace(a.Of[i])
			}
		}
		a.Answer = s.replace(a.Answer)
	}
	e.Error = s.replace(e.Error)
	if d := e.decided; d != nil {
		s.decision(d)
	}
}

func (s *secrets) request(q *guests.Request) {
	if q.Session != "" {
		q.Session = s.session(q.Session)
		s.names = append(s.names, "session")
	}
	q.Target = s.target(q.Target)
	for name, values := range q.Header {
		switch {
		case s.rules.headers[name]:
			values[0] = s.header(name, values[0])
			s.names = append(s.names, name)
		case name == "Referer":
			values[0] = s.target(values[0])
		}
	}
}

// header redacts the value of a header. The scheme of credentials and the names of
// cookies stay, since guests parse them.
func (s *secrets) header(name, value string) string {
	lines := strings.Split(value, "\n")
	for i, line := range lines {
		switch scheme, credentials, ok := strings.Cut(line, " "); {
		case name == "Cookie":
			lines[i] = s.cookies(line)
		case ok && strings.HasSuffix(name, "Authorization"):
			lines[i] = scheme + " " + s.hide(credentials)
		default:
			lines[i] = s.hide(line)
		}
	}
	return strings.Join(lines, "\n")
}

func (s *secrets) cookies(line string) string {
	cookies := strings.Split(line, ";")
	for i, cookie := range cookies {
		name, value, ok := strings.Cut(cookie, "=")
		if !ok {
			cookies[i] = s.hide(cookie)
			continue
		}
		cookies[i] = name + "=" + s.hide(value)
	}
	return strings.Join(cookies, ";")
}

// session redacts a JSON value. A text stays a text and a number a number, since guests
// distinguish them.
func (s *secrets) session(value string) string {
	if _, err := strconv.ParseUint(value, 10, 64); err == nil {
		s.reference = [2]string{value, s.rules.digits(value)}
		return s.reference[1]
	}
	text := value
	_ = json.Unmarshal([]byte(value), &text) // of another kind, value is the secret
	s.reference = [2]string{text, s.rules.mark(text)}
	return `"` + s.reference[1] + `"`
}

// digits returns a number that stands for another one, with as many digits and as many
// zeros at its end: guests of Go take other time for 100 than for 123.
func (r *redaction) digits(number string) string {
	head := strings.TrimRight(number, "0")
	digest := []byte(r.digest(number))[:len(head)] // a uint64 has 20 digits, a digest 64
	for i, c := range digest {
		if digest[i] = '0' + c%10; digest[i] == '0' && (i == 0 || i == len(head)-1) {
			digest[i] = '1'
		}
	}
	return string(digest) + number[len(head):]
}

// target redacts parameters of the query of a target or URL.
func (s *secrets) target(target string) string {
	path, query, ok := strings.Cut(target, "?")
	if !ok {
		return target
	}
	parameters := strings.Split(query, "&")
	changed := false
	for i, parameter := range parameters {
		name, value, ok := strings.Cut(parameter, "=")
		if ok && value != "" && s.rules.parameters[strings.ToLower(name)] {
			parameters[i], changed = name+"="+s.hide(value), true
			s.names = append(s.names, "?"+name)
		}
	}
	if !changed {
		return target
	}
	return path + "?" + strings.Join(parameters, "&")
}

func (s *secrets) decision(d *guests.Decision) {
	t := &d.Tenant
	t.Routing.Reference = s.named(t.Routing.Reference)
	for _, text := range []*string{&d.Location, &d.Reason, &d.WSKwargs, &t.Path} {
		*text = s.replace(*text)
	}
	for i := 1; i < len(d.Headers); i += 2 {
		d.Headers[i] = s.replace(d.Headers[i])
	}
}
