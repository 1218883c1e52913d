package tenancy_test

import (
	"bytes"
	"encoding/json"
	"net/url"
	"os"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/tenantedge/tenantedge/guest/abi"
	"github.com/tenantedge/tenantedge/guest/tenancy"
)

// examples are cases observed from the reference. The key "about" of the file says
// what a case compares.
type examples struct {
	Groups []struct {
		Kind   string
		Config exampleConfig
		Cases  []struct {
			Request  exampleRequest
			Observed observed
		}
	}
}

type exampleConfig struct {
	Compat           abi.Compat
	Routers          []abi.Router
	Conflicts        abi.Conflicts
	TenantHeader     string        `json:"tenant_header"`
	TenantSessionKey string        `json:"tenant_session_key"`
	Tenants          orderedTables `json:"tenants"`
	Directory        struct {
		Tenants []struct {
			ID         json.Number
			SchemaName string `json:"schema_name"`
		}
		Domains []struct {
			TenantID          json.Number `json:"tenant_id"`
			Domain, Folder    string
			IsPrimary         bool `json:"is_primary"`
			RedirectToPrimary bool `json:"redirect_to_primary"`
		}
	}
	WSURLConfs map[string][]abi.WSRoute `json:"ws_urlconfs"`
}

type table struct {
	Domains         []string `json:"DOMAINS"`
	FallbackDomains []string `json:"FALLBACK_DOMAINS"`
	URLConf         string   `json:"URLCONF"`
	WSURLConf       string   `json:"WS_URLCONF"`
	Header          *string  `json:"HEADER"`
	SessionKey      *string  `json:"SESSION_KEY"`
}

// orderedTables is the TENANTS table, whose order matters.
type orderedTables struct {
	names  []string
	tables map[string]table
}

func (o *orderedTables) UnmarshalJSON(b []byte) error {
	d := json.NewDecoder(bytes.NewReader(b))
	o.tables = map[string]table{}
	if _, err := d.Token(); err != nil {
		return err
	}
	for d.More() {
		name, err := d.Token()
		if err != nil {
			return err
		}
		var t table
		if err := d.Decode(&t); err != nil {
			return err
		}
		o.names = append(o.names, name.(string))
		o.tables[name.(string)] = t
	}
	return nil
}

func (c *exampleConfig) abi() *abi.Config {
	config := &abi.Config{
		ABI: abi.Version, Compat: c.Compat, Routers: c.Routers, Conflicts: c.Conflicts,
		TenantHeader: c.TenantHeader, TenantSessionKey: c.TenantSessionKey, WSURLConfs: c.WSURLConfs,
	}
	for _, name := range c.Tenants.names {
		t := c.Tenants.tables[name]
		switch name {
		case "public":
		case "default":
			config.Default = &abi.DefaultTenant{URLConf: t.URLConf, WSURLConf: t.WSURLConf}
		default:
			config.Tenants = append(config.Tenants, abi.StaticTenant{
				Schema: name, Domains: t.Domains, FallbackDomains: t.FallbackDomains,
				URLConf: t.URLConf, WSURLConf: t.WSURLConf, Header: t.Header, SessionKey: t.SessionKey,
			})
		}
	}
	return config
}

func (c *exampleConfig) directory() *rows {
	d := &rows{}
	for _, t := range c.Directory.Tenants {
		d.tenants = append(d.tenants, tenant{t.ID.String(), t.SchemaName})
	}
	for _, r := range c.Directory.Domains {
		d.domains = append(d.domains, row{r.TenantID.String(), r.Domain, r.Folder, r.IsPrimary, r.RedirectToPrimary})
	}
	return d
}

type exampleRequest struct {
	ID, Op, Method, Target string
	Headers                [][2]string
	Session                map[string]json.RawMessage
	Peer                   string

	Schema         string
	Prefix, Key    string
	Version        json.RawMessage
	CacheKey       string `json:"cache_key"`
	Folder         string
	SchemaPathname *string `json:"schema_pathname"`
	Location       string
	BaseURL        string `json:"base_url"`
	Name           string
}

func (q *exampleRequest) request(headers []string, sessionKey string) *tenancy.Request {
	r := &tenancy.Request{
		Method: q.Method, Scheme: "http", Target: q.Target,
		Trusted: q.Peer == "trusted", Websocket: q.Op == "websocket",
	}
	r.Host, r.HasHost = q.header("host")
	for _, name := range headers {
		value, ok := q.header(name)
		r.Headers = append(r.Headers, tenancy.Header{Value: value, Present: ok})
	}
	if value, ok := q.Session[sessionKey]; ok {
		r.Session, r.HasSession = string(value), true
	}
	return r
}

func (q *exampleRequest) header(name string) (string, bool) {
	var values []string
	for _, h := range q.Headers {
		if strings.EqualFold(h[0], name) {
			values = append(values, h[1])
		}
	}
	return strings.Join(values, "\n"), values != nil
}

type observed struct {
	Outcome  string
	Status   int
	Schema   *string
	Dynamic  bool
	Routing  struct{ Kind, Domain, Folder, Reference string }
	URLConf  *string
	Path     string
	Location *string
	Label    string

	CacheKey     *string `json:"cache_key"`
	Key          *string
	Error        *string
	Identifier   *string
	BaseLocation *string `json:"base_location"`
	BaseURL      *string `json:"base_url"`
	FilePath     *string
	URL          *string
}

func TestStrictRulesAgreeWithTheReference(t *testing.T) {
	raw, err := os.ReadFile("testdata/examples.json")
	if err != nil {
		t.Fatal(err)
	}
	var all examples
	if err := json.Unmarshal(raw, &all); err != nil {
		t.Fatal(err)
	}
	for i, g := range all.Groups {
		router, err := tenancy.New(g.Config.abi())
		if g.Config.Routers == nil && err != nil {
			t.Fatalf("group %d: %v", i, err)
		}
		for _, c := range g.Cases {
			t.Run(c.Request.ID, func(t *testing.T) {
				switch g.Kind {
				case "cachekeys":
					checkKey(t, &c.Request, &c.Observed)
				case "storage":
					checkStorage(t, &c.Request, &c.Observed)
				default:
					if err != nil {
						t.Fatal(err)
					}
					var d tenancy.Decision
					router.Route(c.Request.request(router.Headers(), g.Config.TenantSessionKey), g.Config.directory(), &d)
					if g.Kind == "ws" {
						checkHandshake(t, &d, &c.Observed)
					} else {
						checkDecision(t, &d, &c.Observed)
					}
				}
			})
		}
	}
}

func checkDecision(t *testing.T, d *tenancy.Decision, want *observed) {
	t.Helper()
	outcome := d.Outcome.String()
	if want.Outcome == "server_error" {
		if d.Status/100 != 4 {
			t.Errorf("outcome %s with status %d, want a 4xx where the reference crashes", outcome, d.Status)
		}
		return
	}
	if outcome != want.Outcome {
		t.Fatalf("outcome %s (%s), want %s", outcome, d.Reason, want.Outcome)
	}
	if want.Status != 0 && d.Status != want.Status {
		t.Errorf("status %d, want %d", d.Status, want.Status)
	}
	if want.Location != nil && plainURL(d.Location) != plainURL(*want.Location) {
		t.Errorf("location %.200q, want %.200q", d.Location, *want.Location)
	}
	if want.Outcome != "tenant" {
		return
	}
	kind := [...]string{"", "domain", "header", "session"}[d.Kind]
	equal(t, "schema", d.Schema, *want.Schema)
	equal(t, "dynamic", strconv.FormatBool(d.Dynamic), strconv.FormatBool(want.Dynamic))
	equal(t, "kind", kind, want.Routing.Kind)
	equal(t, "domain", d.Domain, want.Routing.Domain)
	equal(t, "folder", d.Folder, want.Routing.Folder)
	equal(t, "reference", d.Reference, want.Routing.Reference)
	if want.URLConf != nil {
		equal(t, "urlconf", d.URLConf, *want.URLConf)
	}
	equal(t, "path", d.Path, want.Path)
}

var slashes = regexp.MustCompile(`/+`)

// plainURL removes differences that do not count: percent-encoding and repeated
// slashes.
func plainURL(s string) string {
	if plain, err := url.PathUnescape(s); err == nil {
		s = plain
	}
	return slashes.ReplaceAllString(s, "/")
}

func checkHandshake(t *testing.T, d *tenancy.Decision, want *observed) {
	t.Helper()
	got := "no_tenant"
	switch {
	case d.Outcome == abi.Tenant && d.RouteFound:
		got = "accepted"
	case d.Outcome == abi.Tenant:
		got = "no_route"
	}
	equal(t, "outcome", got, want.Outcome)
	equal(t, "label", d.RouteName, want.Label)
	if want.Schema != nil {
		equal(t, "schema", d.Schema, *want.Schema)
	}
	if d.RouteFound && !json.Valid([]byte(d.RouteKwargs)) {
		t.Errorf("kwargs are %q, want JSON", d.RouteKwargs)
	}
}

func checkKey(t *testing.T, q *exampleRequest, want *observed) {
	t.Helper()
	if q.Op == "cache_key" {
		equal(t, "cache_key", tenancy.CacheKey(q.Schema, q.Prefix, pythonText(q.Version), q.Key), *want.CacheKey)
		return
	}
	key, err := tenancy.ReverseKey(q.CacheKey)
	if (err != nil) != (want.Error != nil) {
		t.Fatalf("error %v, want %v", err, want.Error)
	}
	if want.Key != nil {
		equal(t, "key", key, *want.Key)
	}
}

// pythonText returns the result of Python's str for the JSON of a version.
func pythonText(raw json.RawMessage) string {
	var text string
	if json.Unmarshal(raw, &text) == nil {
		return text
	}
	return string(raw)
}

func checkStorage(t *testing.T, q *exampleRequest, want *observed) {
	t.Helper()
	query := tenancy.PathQuery{
		Schema: q.Schema, Folder: q.Folder, Location: q.Location, BaseURL: q.BaseURL, Name: q.Name, HasName: true,
	}
	if q.SchemaPathname != nil {
		query.SchemaPathname, query.HasSchemaPathname = *q.SchemaPathname, true
	}
	p := tenancy.Locate(&query, true)
	front := ""
	if q.Folder != "" {
		front = "/" + q.Folder
	}
	if want.Identifier != nil {
		equal(t, "identifier", p.Identifier, *want.Identifier)
		equal(t, "base_location", p.BaseLocation, *want.BaseLocation)
		if strings.Trim(q.BaseURL, "/") == "" {
			if p.Err == nil {
				t.Errorf("base_url is %q, want an error", p.BaseURL)
			}
		} else {
			equal(t, "base_url", p.BaseURL, front+*want.BaseURL)
		}
	}
	if want.FilePath != nil {
		equal(t, "path", p.Path, *want.FilePath)
	}
	if want.URL != nil {
		equal(t, "url", p.URL, front+*want.URL)
	}
	if want.Error != nil && p.Err == nil {
		t.Errorf("path is %q, want the error %s", p.Path, *want.Error)
	}
}

func equal(t *testing.T, what, got, want string) {
	t.Helper()
	if got != want {
		t.Errorf("%s is %q, want %q", what, got, want)
	}
}

// UnmarshalJSON reads the key "path" into Path and FilePath: it is the inner path of
// a decision, or the path of a file.
func (o *observed) UnmarshalJSON(b []byte) error {
	type plain observed
	if err := json.Unmarshal(b, (*plain)(o)); err != nil {
		return err
	}
	var storage struct{ Path *string }
	err := json.Unmarshal(b, &storage)
	o.FilePath = storage.Path
	return err
}
