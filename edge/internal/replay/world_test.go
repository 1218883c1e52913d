package replay_test

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"os"
	"testing"
	"time"

	"github.com/tenantedge/tenantedge/edge"
	"github.com/tenantedge/tenantedge/edge/internal/record"
	"github.com/tenantedge/tenantedge/edge/internal/replay"
	"github.com/tenantedge/tenantedge/edge/internal/wasm/wasmtest"
	"github.com/tenantedge/tenantedge/guest/abi"
	"github.com/tenantedge/tenantedge/tenantdb"
)

var compileCache string

func TestMain(m *testing.M) {
	var err error
	if compileCache, err = wasmtest.CompileCache("replay"); err != nil {
		panic(err)
	}
	os.Exit(m.Run())
}

// planted returns a guest with a fault of testdata/planted; empty: none.
func planted(t testing.TB, fault string) []byte {
	t.Helper()
	const mark = "fault=none......"
	b := wasmtest.Guest(t, "edge/internal/replay/testdata/planted")
	if bytes.Count(b, []byte(mark)) != 1 {
		t.Fatalf("the guest has %q %d times: expected it once", mark, bytes.Count(b, []byte(mark)))
	}
	if fault == "" {
		return b
	}
	return bytes.Replace(b, []byte(mark), fmt.Appendf(nil, "fault=%-10s", fault), 1)
}

// hosts is the number of tenants: t0 has the domain h0.example.com, and so on.
const hosts = 1000

func directory(t testing.TB, hosts int) *tenantdb.Directory {
	t.Helper()
	var s tenantdb.State
	for i := range hosts {
		id := fmt.Sprint(i)
		s.Tenants = append(s.Tenants, tenantdb.Tenant{ID: id, Schema: "t" + id})
		s.Domains = append(s.Domains, tenantdb.Domain{TenantID: id, Domain: "h" + id + ".example.com", IsPrimary: true})
	}
	d := tenantdb.NewDirectory(tenantdb.Options{})
	if r := d.Replace(s); len(r.Problems) > 0 {
		t.Fatal(r.Problems)
	}
	return d
}

// recorded routes requests with a guest and records all of them. It returns the files.
func recorded(t testing.TB, guest []byte, requests []edge.Request, change func(*edge.Config)) []string {
	t.Helper()
	folder := t.TempDir()
	c := edge.Config{
		Guest: guest, Directory: directory(t, hosts), CompileCache: compileCache, Logger: slog.New(slog.DiscardHandler),
		GuestConfig: abi.Config{Tenants: []abi.StaticTenant{{Schema: "www", Domains: []string{"www.example.com"}}}, Default: &abi.DefaultTenant{URLConf: "app.urls"}},
		Limits:      edge.GuestLimits{Deadline: time.Minute, QueueTimeout: time.Minute},
		Recording:   &edge.Recording{Folder: folder, Rate: 1, RedactHeaders: []string{"X-Token"}, MaxFiles: 1000},
	}
	if change != nil {
		change(&c)
	}
	h, err := edge.New(context.Background(), c)
	if err != nil {
		t.Fatal(err)
	}
	for i := range requests {
		_, _ = h.Route(context.Background(), &requests[i]) // a guest may fail: that is recorded too
	}
	if err := h.Close(); err != nil {
		t.Fatal(err)
	}
	if s := h.Stats().Record; s.Written != uint64(len(requests)) || s.Dropped != 0 {
		t.Fatalf("%d requests were recorded and %d dropped, of %d", s.Written, s.Dropped, len(requests))
	}
	files, err := record.Files(folder)
	if err != nil || len(files) == 0 {
		t.Fatalf("the files are %q, %v", files, err)
	}
	return files
}

// replayed replays logs.
func replayed(t testing.TB, files []string, o replay.Options) *replay.Report {
	t.Helper()
	o.CompileCache = compileCache
	r := replay.New(context.Background(), o)
	var err error
	for _, name := range files {
		f, failed := os.Open(name)
		if failed != nil {
			t.Fatal(failed)
		}
		if err = r.Log(name, f); err != nil {
			break
		}
		if err := f.Close(); err != nil {
			t.Fatal(err)
		}
	}
	report, ended := r.End()
	if err != nil || ended != nil {
		t.Fatal(err, ended)
	}
	return report
}

// visits are requests for each host, and a few special ones.
func visits() (all []edge.Request) {
	get := func(host, target string) edge.Request {
		return edge.Request{Method: "GET", Scheme: "https", Host: host, Target: target, Path: target}
	}
	for i := range hosts {
		all = append(all, get(fmt.Sprintf("h%d.example.com", i), fmt.Sprintf("/page/%d?x=1", i%7)))
	}
	all = append(all, get("h3.example.com", "/slow"), get("h4.example.com", "/trap"), get("unknown.example.com", "/"), get("www.example.com", "/"))
	all = append(all, edge.Request{Method: "GET", Scheme: "http", NoHost: true, Target: "*"})
	all = append(all, edge.Request{Method: "GET", Scheme: "http", Host: "h\xff\"\\.example.com:80", Target: "/\xe4?token=abc"})
	with := get("h5.example.com", "/api?token=hush-hush-hush&page=2")
	with.Header = http.Header{"X-Token": {"a secret token"}}
	return append(all, with)
}
