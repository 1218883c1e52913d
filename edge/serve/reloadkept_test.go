//go:build unix

package serve

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/tenantedge/tenantedge/edge/channel/redistest"
	"github.com/tenantedge/tenantedge/edge/internal/record"
	"github.com/tenantedge/tenantedge/edge/internal/sockets"
	"github.com/tenantedge/tenantedge/tenantdb"
	"github.com/tenantedge/tenantedge/tenantdb/postgres/pgtest"
)

func TestAReloadOfTheChannelsClosesWebsocketsWith1012(t *testing.T) {
	r := serveText(t, talks, withMembers)
	inMemory := r.talk()
	r.reload(talks + "channels: {redis: {hosts: ['" + redistest.Start(t).URL() + "']}}\n")
	r.ends(inMemory, sockets.CodeRestart)
	inRedis := r.talk()
	r.reload(talks)
	r.ends(inRedis, sockets.CodeRestart)
	if err := r.talk().Write(sockets.Text, []byte("hello")); err != nil {
		t.Error(err)
	}
	r.eventually("the replaced configurations are closed", func() bool { return r.server.Readiness().Configuration.Replaced == 0 })
}

func TestRequestsOfAllConfigurationsAreRecorded(t *testing.T) {
	folder := filepath.Join(t.TempDir(), "record")
	text := oneSite + "record: {folder: '" + folder + "', rate: 100%}\n"
	r := serveText(t, text)
	for i := range 3 {
		r.get("www.example.com", fmt.Sprint("/", i))
		r.reload(strings.Replace(text, "first", fmt.Sprint("body", i), 1))
	}
	r.get("www.example.com", "/last")
	r.end()
	if err := <-r.ended; err != nil {
		t.Fatal(err)
	}
	if err := r.server.Close(); err != nil {
		t.Fatal(err)
	}
	seen := map[string]int{}
	files, err := record.Files(folder)
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range files {
		targetsIn(t, name, seen)
	}
	if fmt.Sprint(seen) != "map[/0:1 /1:1 /2:1 /last:1]" {
		t.Errorf("%d files have the requests %v", len(files), seen)
	}
}

// targetsIn counts the requests in a file of the record.
func targetsIn(t *testing.T, name string, seen map[string]int) {
	t.Helper()
	f, err := os.Open(name)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	in, err := record.NewReader(name, f)
	if err != nil {
		t.Fatal(err)
	}
	defer in.Close()
	for s, err := in.Next(); err == nil; s, err = in.Next() {
		if err := s.Requests(func(_ int, q *record.Request) { seen[q.Request.Target]++ }); err != nil {
			t.Fatal(err)
		}
	}
}

// customers is a database with the tables of tenants and domains, at first without
// them.
type customers struct {
	*testing.T
	conn *pgx.Conn
}

func newCustomers(t *testing.T) *customers {
	t.Helper()
	dsn := pgtest.Start(t).NewDB(t)
	t.Setenv("RELOAD_DSN", dsn)
	conn, err := pgx.Connect(t.Context(), dsn)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close(context.Background()) })
	return &customers{t, conn}
}

func (c *customers) exec(sql string) {
	c.Helper()
	if _, err := c.conn.Exec(c.Context(), sql); err != nil {
		c.Fatal(err)
	}
}

func (c *customers) create() {
	c.Helper()
	c.exec(`BEGIN;
		CREATE TABLE customer (id bigint PRIMARY KEY, schema_name text NOT NULL);
		CREATE TABLE customer_domain (id bigint GENERATED ALWAYS AS IDENTITY, tenant_id bigint NOT NULL, domain text NOT NULL, folder text NOT NULL DEFAULT '',
			is_primary boolean NOT NULL DEFAULT true, redirect_to_primary boolean NOT NULL DEFAULT false);
		COMMIT`)
	c.add(1, "acme")
}

func (c *customers) add(id int, name string) {
	c.Helper()
	c.exec(fmt.Sprintf("INSERT INTO customer VALUES (%d, '%s'); INSERT INTO customer_domain (tenant_id, domain) VALUES (%[1]d, '%[2]s.example.com')", id, name))
}

// text returns a configuration with the database.
func (c *customers) text(body, more string) string {
	return fmt.Sprintf(`
tenants: {default: {URLCONF: site}}
directory: {source: postgres, dsn_env: RELOAD_DSN, tenant_table: customer, domain_table: customer_domain%s}
urlconfs: {site: {reply: {body: %s}}}
admin: off
listeners: ['127.0.0.1:0']
`, more, body)
}

// The source of the new configuration writes the state file, with all tenants, and that
// of the replaced one does not, even if its websockets keep it.
func TestAReloadHandsOverTheStateFile(t *testing.T) {
	c := newCustomers(t)
	c.create()
	path := filepath.Join(t.TempDir(), "state")
	saved := func() string {
		state, err := tenantdb.LoadState(path)
		if err != nil {
			return err.Error()
		}
		var names []string
		for _, row := range state.Tenants {
			names = append(names, row.Schema)
		}
		slices.Sort(names)
		return strings.Join(names, " ")
	}
	text := func(body string, milliseconds int) string {
		return c.text(body, fmt.Sprintf(", state_file: '%s', poll_interval: %dms", path, milliseconds))
	}
	r := serveText(t, text("first", 100))
	r.eventually("the state is saved", func() bool { return saved() == "acme" })
	for i, name := range []string{"umbra", "wayne"} {
		if err := os.Remove(path); err != nil {
			t.Fatal(err)
		}
		r.reload(text(name, 101+i)) // another source
		c.add(2+i, name)
		r.eventually(name+" is saved", func() bool { return strings.Contains(saved(), name) })
		if got := r.get(name+".example.com", "/").body; got != name {
			t.Errorf("got %q, expected %q", got, name)
		}
	}
	if got := saved(); got != "acme umbra wayne" {
		t.Errorf("the state has %q", got)
	}
}

// A reload that arrives before the first configuration serves waits until it does.
func TestAReloadWaitsUntilTheDirectoryIsLoaded(t *testing.T) {
	c := newCustomers(t)
	r, ready := launch(t, c.text("first", ""))
	r.eventually("the directory cannot be loaded", func() bool {
		return len(r.logs.entries("cannot load the directory; nothing is served until it is loaded")) > 0
	})
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := r.server.Reload(ctx, r.parse(c.text("second", ""))); err == nil || !strings.Contains(err.Error(), "the start, or another reload, has not ended") {
		t.Errorf("a reload without time: %v", err)
	}
	var reloading sync.WaitGroup
	reloading.Go(func() {
		if err := r.server.Reload(t.Context(), r.parse(c.text("second", ""))); err != nil {
			t.Error(err)
		}
	})
	if got := r.server.Readiness(); got.Ready || got.Reason != "the directory is not loaded" {
		t.Errorf("the report is %+v", got)
	}
	c.create()
	select {
	case <-ready:
	case err := <-r.ended:
		t.Fatal(err)
	}
	reloading.Wait()
	if got := r.get("acme.example.com", "/").body; got != "second" {
		t.Errorf("got %q, expected second", got)
	}
}

// An empty file is valid at a start. While the edge serves, it is one that was truncated.
func TestAnEmptyFileIsNotReloaded(t *testing.T) {
	r := serveText(t, oneSite)
	f := &followed{server: r.server, path: r.path}
	for _, content := range []string{"", " \n\n"} {
		put(t, r.path, []byte(content))
		f.reload(t.Context(), "signal")
		if got := r.server.Readiness().Configuration; !strings.Contains(got.Refused, "found "+r.path+" empty") || r.get("www.example.com", "/").body != "first" {
			t.Errorf("the report is %+v", got)
		}
	}
}

// What the node of a fleet uses from other sections needs a restart as the section does.
func TestAChangeOfTheFleetNeedsARestart(t *testing.T) {
	t.Setenv("RELOAD_DSN", "postgres://edge@127.0.0.1:1/edge?sslmode=disable")
	t.Setenv("RELOAD_OTHER", "postgres://edge@127.0.0.1:2/edge?sslmode=disable")
	r := &reloaded{world: &world{T: t}, path: "edge.yaml"}
	text := oneSite + "fleet: {name: test}\ndirectory: {source: postgres, dsn_env: RELOAD_DSN}\n"
	first := fleetOf(r.parse(text))
	for _, c := range []struct {
		old, with string
		same      bool
	}{
		{"first", "second", true},
		{"name: test", "name: other", false},
		{"name: test", "name: test, dsn_env: RELOAD_OTHER", false},
		{"RELOAD_DSN", "RELOAD_OTHER", false},
		{"name: test", "name: test, registries: [registry.example.com]", false},
		{"fleet: {name: test}\n", "", false},
	} {
		if got := reflect.DeepEqual(first, fleetOf(r.parse(strings.Replace(text, c.old, c.with, 1)))); got != c.same {
			t.Errorf("with %q the fleet is the same: %v", c.with, got)
		}
	}
}
