package record

import (
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/tenantedge/tenantedge/edge/internal/guests"
	"github.com/tenantedge/tenantedge/guest/abi"
)

func TestSecretsAreReplacedByTheirHash(t *testing.T) {
	rules := newRedaction([]string{"x-mine"}, []string{"Mine"})
	long := "a long and secret value, longer than the mark"
	header := func(name, value string) func(*entry) {
		return func(e *entry) { e.Request.Request.Header = http.Header{name: {value}} }
	}
	value := func(name string) func(*entry) string {
		return func(e *entry) string { return e.Request.Request.Header.Get(name) }
	}
	target := func(target string) func(*entry) { return func(e *entry) { e.Request.Request.Target = target } }
	ofTarget := func(e *entry) string { return e.Request.Request.Target }
	session := func(value string) func(*entry) { return func(e *entry) { e.Request.Request.Session = value } }
	ofSession := func(e *entry) string { return e.Request.Request.Session }
	for _, c := range []struct {
		name   string
		set    func(*entry)
		get    func(*entry) string
		want   string // § stands for a hash
		secret string
	}{
		{"credentials", header("Authorization", "Bearer "+long), value("Authorization"), "Bearer redacted-§", long},
		{"credentials without a scheme", header("Authorization", "secret"), value("Authorization"), "r-§", "secret"},
		{"cookies", header("Cookie", "sessionid=one-secret; other=two-secret"), value("Cookie"), "sessionid=r-§; other=r-§", "secret"},
		{"a repeated header", header("X-Api-Key", "first-one\nsecond-one"), value("X-Api-Key"), "r-§\nr-§", "-one"},
		{"a header of the configuration", header("X-Mine", "abc"), value("X-Mine"), "§", ""},
		{"another header", header("X-Other", "public"), value("X-Other"), "public", ""},
		{"a parameter", target("/x?a=1&Token=my-secret&b="), ofTarget, "/x?a=1&Token=r-§&b=", "my-secret"},
		{"a parameter of the configuration", target("/x?MINE=my-secret"), ofTarget, "/x?MINE=r-§", "my-secret"},
		{"no parameter", target("/token=public?token"), ofTarget, "/token=public?token", ""},
		{"a parameter of the referer", header("Referer", "https://a.io/?code=my-secret"), value("Referer"), "https://a.io/?code=r-§", "my-secret"},
		{"a text in the session", session(`"tenant-seven"`), ofSession, `"r-§"`, "seven"},
		{"a number in the session", session("123456789"), ofSession, "§", "123456789"},
		{"something else in the session", session(`{"a":"my-secret"}`), ofSession, `"r-§"`, "my-secret"},
	} {
		t.Run(c.name, func(t *testing.T) {
			var of [2]*entry
			for i := range of {
				of[i] = newEntry(newGeneration("a"), 1)
				c.set(of[i])
				rules.apply(of[i])
			}
			got := c.get(of[0])
			if !matches(got, c.want) || c.secret != "" && strings.Contains(got, c.secret) {
				t.Errorf("it is %q, want %q without %q", got, c.want, c.secret)
			}
			if again := c.get(of[1]); again != got {
				t.Errorf("equal secrets are %q and %q", got, again)
			}
			if named := len(of[0].Redacted) > 0; named != strings.Contains(c.want, "§") {
				t.Errorf("redacted is %q", of[0].Redacted)
			}
		})
	}
}

// matches reports whether a text is a pattern in which § stands for hexadecimal digits.
func matches(text, pattern string) bool {
	parts := strings.Split(pattern, "§")
	for i, part := range parts {
		rest, ok := strings.CutPrefix(text, part)
		if !ok {
			return false
		}
		if text = rest; i < len(parts)-1 {
			digits := strings.TrimLeft(text, "0123456789abcdef")
			if digits == text {
				return false
			}
			text = digits
		}
	}
	return text == ""
}

// A guest that passes a secret on must find the recorded answer.
func TestSecretsAreReplacedWhereverTheRequestLedThem(t *testing.T) {
	e := newEntry(newGeneration("a"), 1)
	e.Request.Request.Session = `"acme"`
	e.Request.Request.Header = http.Header{"X-Api-Key": {"my-api-key"}}
	e.Asks = []*Ask{
		{Kind: AskQuery, Of: []string{"", "key", `["my-api-key"]`}, Answer: `[{"key":"my-api-key"}]`},
		{Kind: AskReference, Of: []string{"acme"}}, {Kind: AskSchema, Of: []string{"acme"}}, {Kind: AskQuery, Of: []string{"acme", "q", "[]"}},
	}
	e.decided = &guests.Decision{Outcome: abi.Tenant, Location: "//a.io/?k=my-api-key", Headers: []string{"X-Key", "my-api-key"}}
	e.decided.Tenant.Routing.Reference, e.decided.Tenant.Identifier, e.decided.Tenant.Schema = "acme", "acme", "acme"
	rules := newRedaction(nil, nil)
	rules.apply(e)
	key, acme := rules.mark("my-api-key"), rules.mark("acme")
	var of []string
	for _, a := range e.Asks {
		of = append(of, strings.Join(a.Of, " ")+" "+a.Answer)
	}
	if want := []string{` key ["` + key + `"] [{"key":"` + key + `"}]`, acme + " ", "acme ", "acme q [] "}; !slices.Equal(of, want) {
		t.Errorf("the questions are %q, want %q", of, want)
	}
	d := e.decided
	if d.Location != "//a.io/?k="+key || d.Headers[1] != key || d.Tenant.Routing.Reference != acme || d.Tenant.Identifier != "acme" {
		t.Errorf("the decision is %+v", d)
	}
}
