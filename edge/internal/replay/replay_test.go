package replay_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/klauspost/compress/zstd"

	"github.com/tenantedge/tenantedge/assets"
	"github.com/tenantedge/tenantedge/edge"
	"github.com/tenantedge/tenantedge/edge/internal/replay"
	"github.com/tenantedge/tenantedge/edge/internal/wasm/wasmtest"
	"github.com/tenantedge/tenantedge/edge/storage"
	"github.com/tenantedge/tenantedge/edge/storage/disk"
	"github.com/tenantedge/tenantedge/guest/abi"
)

func TestTheRecordedGuestDecidesAllRequestsAlike(t *testing.T) {
	guest := planted(t, "")
	requests := visits()
	r := replayed(t, recorded(t, guest, requests, nil), replay.Options{Guest: guest, Examples: 3})
	if r.Requests != uint64(len(requests)) || r.Same != r.Requests || r.Counts(nil) {
		t.Errorf("of %d requests %d are the same; differences: %s", r.Requests, r.Same, printed(r.Kinds))
	}
}

func printed(v any) string {
	b, _ := json.MarshalIndent(v, "", " ")
	return string(b)
}

func kinds(r *replay.Report) string {
	var all []string
	for _, k := range r.Kinds {
		all = append(all, fmt.Sprintf("%s %d", k.Kind, k.Count))
	}
	return strings.Join(all, ", ")
}

func TestPlantedFaultsAreReported(t *testing.T) {
	files := recorded(t, planted(t, ""), visits(), nil)
	for _, c := range []struct {
		fault, kinds string
		example      string // a text in the first example of the first kind
	}{
		{"tenant", "not recorded 1", `the tenant with the reference \"t8\"`},
		{"fuel", "more fuel 1", "h3.example.com/slow"},
		{"trap", "fails 1", "h4.example.com/trap"},
		{"path", "path 1004", "/planted"},
		{"reason", "reason 1", "planted"},
	} {
		t.Run(c.fault, func(t *testing.T) {
			r := replayed(t, files, replay.Options{Guest: planted(t, c.fault), Examples: 2, FuelTolerance: 10})
			if kinds(r) != c.kinds || !strings.Contains(printed(r.Kinds[0].Examples), c.example) {
				t.Errorf("the differences are %q with %s, want %q with %s", kinds(r), printed(r.Kinds), c.kinds, c.example)
			}
			if !r.Counts(nil) || r.Counts([]string{r.Kinds[0].Kind}) {
				t.Error("the difference does not count unless it is ignored")
			}
		})
	}
}

// The log has no secret, but equal ones stay equal, so that the guest decides alike.
func TestSecretsAreNotRecorded(t *testing.T) {
	files := recorded(t, planted(t, ""), visits(), nil)
	text := logText(t, files)
	for _, secret := range []string{"a secret token", "hush-hush-hush", "token=abc"} {
		if strings.Contains(text, secret) {
			t.Errorf("the log contains %q", secret)
		}
	}
	r := replayed(t, files, replay.Options{Guest: planted(t, "token"), Examples: 2, FuelTolerance: 10})
	if kinds(r) != "headers 1" || r.Kinds[0].Redacted != 1 || len(r.Kinds[0].Examples[0].Redacted) != 2 {
		t.Errorf("a guest that depends on a redacted value: %s", printed(r.Kinds))
	}
	if r := replayed(t, files, replay.Options{Guest: planted(t, "token"), Against: planted(t, "token")}); r.Counts(nil) {
		t.Errorf("compared with itself: %s", printed(r.Kinds))
	}
}

func logText(t *testing.T, files []string) string {
	t.Helper()
	var text strings.Builder
	for _, name := range files {
		f, err := os.Open(name)
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		z, err := zstd.NewReader(f)
		if err != nil {
			t.Fatal(err)
		}
		defer z.Close()
		if _, err := io.Copy(&text, z); err != nil {
			t.Fatal(err)
		}
	}
	return text.String()
}

func TestHeadersThatWereNotRecordedAreNamed(t *testing.T) {
	files := recorded(t, planted(t, ""), visits(), nil)
	r := replayed(t, files, replay.Options{Guest: planted(t, "header"), FuelTolerance: 10})
	if len(r.MissingHeaders) != 1 || r.MissingHeaders["X-Other"] != r.Requests || !r.Counts(nil) || r.Counts([]string{replay.MissingHeaders}) {
		t.Errorf("missing headers are %v; differences: %s", r.MissingHeaders, printed(r.Kinds))
	}
}

// answers are queries that answer with a number that grows.
type answers struct{ n int }

func (a *answers) Query(ctx context.Context, _, name string, args json.RawMessage) (json.RawMessage, error) {
	return a.QueryPublic(ctx, name, args)
}

func (a *answers) QueryPublic(_ context.Context, name string, args json.RawMessage) (json.RawMessage, error) {
	if name != "known" {
		return nil, abi.NotFound
	}
	a.n++
	return json.RawMessage(fmt.Sprintf(`[{"n":%d,"of":%s}]`, a.n, args)), nil
}

// outside is a request about which the guest asks for all that is outside of it.
func outside() edge.Request {
	return edge.Request{Method: "GET", Scheme: "https", Host: "h5.example.com", Target: "/outside", Header: http.Header{"X-Token": {"a secret token"}}}
}

func TestQueriesClocksAndRandomNumbersAnswerAsRecorded(t *testing.T) {
	guest := planted(t, "")
	files := recorded(t, guest, []edge.Request{outside(), outside()}, func(c *edge.Config) { c.Queries = &answers{} })
	if text := logText(t, files); strings.Contains(text, "a secret token") || !strings.Contains(text, `{\"n\":4,`) {
		t.Errorf("expected a log of four queries without the token, found\n%s", text)
	}
	if r := replayed(t, files, replay.Options{Guest: guest}); r.Requests != 2 || r.Counts(nil) {
		t.Errorf("the recorded guest: %s", printed(r))
	}
	r := replayed(t, files, replay.Options{Guest: planted(t, "more")})
	if kinds(r) != "not recorded 2" {
		t.Fatalf("a guest that asks for more: %s", printed(r.Kinds))
	}
	want := []string{"another reading of the clock", `the query "other" in the schema "" with []`, "8 more random bytes"}
	if found := r.Kinds[0].Examples[0].NotRecorded; !slices.Equal(found, want) {
		t.Errorf("a guest that asks for more is reported with %q, want %q", found, want)
	}
}

func TestFilesAnswerAsRecorded(t *testing.T) {
	guest := wasmtest.Guest(t, "edge/testdata/fileguest")
	location := t.TempDir()
	for _, name := range []string{"t1/a.txt", "t1/d/b.txt"} {
		name = filepath.Join(location, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(name, []byte("content"), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	var requests []edge.Request
	for _, target := range []string{
		"/read:a.txt/find:t1/read:a.txt/read:d|b.txt/read:none/stat:a.txt/stat:d/stat:none/list:./list:none/url:a.txt",
		"/find:t1/save:new.txt/read:new.txt/delete:new.txt/stat:new.txt", "/find:t1/save:kept.txt/panic", "/find:t2/list:./find:t1/list:.", "/find:t1/hoard:a.txt",
	} {
		requests = append(requests, edge.Request{Method: "GET", Scheme: "http", Host: "x", Target: target})
	}
	files := recorded(t, guest, requests, func(c *edge.Config) {
		c.Files = func(l storage.Locator) (storage.Storage, error) {
			return disk.New(disk.Config{Location: location, BaseURL: "/media/", Locator: l, NoSync: true})
		}
	})
	if err := os.RemoveAll(location); err != nil {
		t.Fatal(err)
	}
	if r := replayed(t, files, replay.Options{Guest: guest}); r.Requests != uint64(len(requests)) || r.Counts(nil) {
		t.Errorf("%s", printed(r))
	}
}

// The default guest decides by sessions whose values the log does not have.
func TestAllRoutersAreReplayed(t *testing.T) {
	get := func(change func(*edge.Request)) edge.Request {
		r := edge.Request{Method: "GET", Scheme: "https", Host: "any.example.com", Target: "/x?y=1", Path: "/x"}
		change(&r)
		return r
	}
	requests := []edge.Request{
		get(func(r *edge.Request) { r.Session = `"t5"` }),
		get(func(r *edge.Request) { r.Session = `"t555"` }),
		get(func(r *edge.Request) { r.Session = `77` }),
		get(func(r *edge.Request) { r.Session = `70` }),
		get(func(r *edge.Request) { r.Session = `500` }),
		get(func(r *edge.Request) { r.Session = `"unknown"` }),
		get(func(r *edge.Request) { r.Session, r.Host = `"t5"`, "h6.example.com" }),
		get(func(r *edge.Request) { r.Trusted, r.Header = true, http.Header{"Tenant": {"t7"}} }),
		get(func(r *edge.Request) { r.Trusted, r.Header = true, http.Header{"Tenant": {"t7", "t8"}} }),
		get(func(r *edge.Request) { r.Header = http.Header{"Tenant": {"t7"}} }),
		get(func(r *edge.Request) { r.Host, r.Websocket, r.Target = "h6.example.com", true, "/ws/a/" }),
		get(func(r *edge.Request) { r.Host, r.Explain = "h6.example.com", true }),
		get(func(r *edge.Request) { r.Host = "H6.Example.com:443" }),
	}
	files := recorded(t, nil, requests, func(c *edge.Config) {
		c.GuestConfig.Routers = []abi.Router{abi.ByDomain, abi.ByHeader, abi.BySession}
		c.GuestConfig.Default.WSURLConf = "ws"
		c.GuestConfig.WSURLConfs = map[string][]abi.WSRoute{"ws": {{Name: "room", Path: new("ws/<str:name>/")}}}
	})
	text := logText(t, files)
	if strings.Contains(text, "t555\\\"") || !strings.Contains(text, `"by_session":true`) || !strings.Contains(text, `"route":"room"`) {
		t.Errorf("expected decisions by session without its value, and a route, found\n%s", text)
	}
	if r := replayed(t, files, replay.Options{Guest: assets.Router}); r.Requests != uint64(len(requests)) || r.Counts(nil) {
		t.Errorf("%s\n%s", printed(r.Kinds), text)
	}
}
