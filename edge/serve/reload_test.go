package serve

import (
	"context"
	"log/slog"
	"path/filepath"
	"strings"
	"testing"

	"github.com/tenantedge/tenantedge/edge/config"
)

// reloaded is a Server of a configuration file, which runs.
type reloaded struct {
	*world
	path string
}

// serveText serves the configuration text, until the test ends.
func serveText(t *testing.T, text string, options ...func(*Options)) *reloaded {
	t.Helper()
	r, ready := launch(t, text, options...)
	select {
	case <-ready:
	case err := <-r.ended:
		t.Fatal(err)
	}
	return r
}

// launch is serveText without waiting until the Server serves, when it closes ready.
func launch(t *testing.T, text string, options ...func(*Options)) (_ *reloaded, ready chan struct{}) {
	t.Helper()
	r := &reloaded{world: &world{T: t, logs: &lines{}, ended: make(chan error, 1)}, path: filepath.Join(t.TempDir(), "tenantedge.yaml")}
	put(t, r.path, []byte(text))
	o := Options{Logger: slog.New(slog.NewJSONHandler(r.logs, &slog.HandlerOptions{Level: slog.LevelDebug}))}
	for _, change := range options {
		change(&o)
	}
	ready = make(chan struct{})
	o.Ready = func(*Server) { close(ready) }
	var err error
	if r.server, err = New(t.Context(), r.parse(text), o); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	r.end = cancel
	go func() { r.ended <- r.server.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := r.server.Close(); err != nil {
			t.Errorf("closing: %v", err)
		}
	})
	return r, ready
}

// parse returns the configuration with this text.
func (r *reloaded) parse(text string) *config.File {
	r.Helper()
	if !strings.Contains(text, "guest: {") {
		text += "\nguest: {}\n"
	}
	f, err := config.Parse(r.path, []byte(strings.Replace(text, "guest: {", "guest: {compile_cache: '"+compiled+"', ", 1)))
	if err != nil {
		r.Fatal(err)
	}
	return f
}

func (r *reloaded) reload(text string) {
	r.Helper()
	if err := r.server.Reload(r.Context(), r.parse(text)); err != nil {
		r.Fatal(err)
	}
}

const twoSites = `
tenants:
  www: {DOMAINS: [www.example.com], URLCONF: site}
urlconfs:
  site: {reply: {body: first}}
admin: '127.0.0.1:0'
listeners: ['127.0.0.1:0']
`

func TestAReloadChangesWhatIsServedAndKeepsTheListener(t *testing.T) {
	r := serveText(t, twoSites)
	address := r.addr()
	if got := r.get("www.example.com", "/").body; got != "first" {
		t.Fatalf("got %q", got)
	}
	r.reload(strings.Replace(twoSites, "first", "second", 1))
	if got := r.get("www.example.com", "/").body; got != "second" || r.addr() != address {
		t.Errorf("got %q at %s, expected second at %s", got, r.addr(), address)
	}
	report := r.server.Readiness()
	if c := report.Configuration; !report.Ready || c.Reloads != 1 || c.Refused != "" {
		t.Errorf("the report is %+v", report)
	}
	r.eventually("the first configuration is closed", func() bool { return r.server.Readiness().Configuration.Replaced == 0 })
}

func TestARefusedReloadChangesNothing(t *testing.T) {
	r := serveText(t, twoSites)
	busy := r.server.AdminAddr().String()
	for name, text := range map[string]string{
		"an address in use":     strings.Replace(twoSites, "listeners: ['127.0.0.1:0']", "listeners: ['127.0.0.1:0', '"+busy+"']", 1),
		"a missing certificate": strings.Replace(twoSites, "listeners: ['127.0.0.1:0']", "listeners: [{address: '127.0.0.1:0', tls: {cert: missing.pem, key: missing.key}}]", 1),
		"a missing folder":      strings.Replace(twoSites, "{reply: {body: first}}", "{files: missing}", 1),
		"an unknown fallback":   twoSites + "directory: {source: file, path: missing.yaml}\n",
	} {
		t.Run(name, func(t *testing.T) {
			if err := r.server.Reload(t.Context(), r.parse(text)); err == nil {
				t.Fatal("no error")
			} else if got := r.server.Readiness(); !got.Ready || got.Configuration.Refused != err.Error() || got.Configuration.Reloads != 0 {
				t.Errorf("the report is %+v", got)
			}
			if got := r.get("www.example.com", "/").body; got != "first" {
				t.Errorf("got %q", got)
			}
		})
	}
	r.reload(twoSites) // what runs
	if got := r.server.Readiness().Configuration; got.Refused != "" || got.Reloads != 0 {
		t.Errorf("the report is %+v", got)
	}
}
