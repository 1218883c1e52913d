package measure_test

import (
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/tenantedge/tenantedge/bench/measure"
	"github.com/tenantedge/tenantedge/bench/report"
	"github.com/tenantedge/tenantedge/bench/sockets"
	"github.com/tenantedge/tenantedge/bench/web"
	"github.com/tenantedge/tenantedge/edge"
	"github.com/tenantedge/tenantedge/edge/smoke"
)

// TestMain runs the test binary as a server if its arguments ask for one: the
// benchmark starts its own executable as the servers that it measures.
func TestMain(m *testing.M) {
	smoke.Main(edge.Try)
	if len(os.Args) > 1 {
		var err error
		switch ctx := context.Background(); os.Args[1] {
		case web.ServeCommand:
			err = web.Serve(ctx, os.Args[2:], os.Stdin, os.Stdout)
		case web.ServeFilesCommand:
			err = web.ServeFiles(ctx, os.Args[2:])
		case sockets.ServeCommand:
			err = sockets.Serve(ctx, os.Args[2:], os.Stdin, os.Stdout)
		default:
			os.Exit(m.Run())
		}
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}

// Every suite runs for as short as possible. The test checks that there are
// results and that they make a report, not what the results are.
func TestAShortRunBecomesAReport(t *testing.T) {
	folder := t.TempDir()
	o := measure.Options{Rounds: 2, Time: time.Millisecond, Domains: 100, Sockets: 100, Short: true, Folder: folder, Progress: io.Discard}
	if err := measure.Run(t.Context(), o); err != nil {
		t.Fatal(err)
	}
	path, err := report.Write(folder)
	if err != nil {
		t.Fatal(err)
	}
	first, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"## Goals", "## Rivals", "## By phase", "## Over HTTP", "## Proxies", "## Memory", "## Concurrency", "## From one domain", "## Swaps under load", "## Websockets", "## Files", "Versions: ", "| tenantedge |"} {
		if !strings.Contains(string(first), want) {
			t.Errorf("the report lacks %q", want)
		}
	}
	if strings.Contains(string(first), "NaN") || strings.Contains(string(first), "Inf") {
		t.Errorf("the report has figures that are not numbers:\n%s", first)
	}
	plots, err := filepath.Glob(filepath.Join(folder, "*.svg"))
	if err != nil || len(plots) != 8 {
		t.Errorf("found the plots %v, %v: expected eight", plots, err)
	}
	for range 5 {
		if _, err := report.Write(folder); err != nil {
			t.Fatal(err)
		}
		again, err := os.ReadFile(path)
		if err != nil || string(again) != string(first) {
			t.Fatalf("the same logs gave a different report: %v", err)
		}
	}
}

func TestAnUnknownSuiteIsAnError(t *testing.T) {
	o := measure.Options{Rounds: 1, Time: time.Millisecond, Domains: 1, Folder: t.TempDir(), Only: []string{"bogus"}}
	if err := measure.Run(t.Context(), o); err == nil || !strings.Contains(err.Error(), `found "bogus"`) {
		t.Errorf("error is %v, expected one that quotes the name", err)
	}
}

// All servers must give the same answers, or their times cannot be compared.
func TestAllServersGiveTheSameAnswers(t *testing.T) {
	answersOf := func(t *testing.T, e web.Entry) (answers []string) {
		s, err := e.Start(t.Context(), 200)
		if err != nil {
			t.Fatal(err)
		}
		defer func() {
			if err := s.Close(); err != nil {
				t.Error(err)
			}
		}()
		for _, q := range [][2]string{
			{"tenant7.example.org", "/orders/42?page=2"}, {"www.TENANT7.example.org.:80", "/"}, {"example.com", "/a%20b"},
			{"shop.example.org", "/tenant9/orders/42?page=2"}, {"shop.example.org", "/tenant9"}, {"shop.example.org", "/unknown/"}, {"unknown.example.org", "/"}, {"a..b", "/"},
		} {
			status, body, err := web.Get(t.Context(), s.Address, q[0], q[1])
			if err != nil {
				t.Fatal(err)
			}
			if status != 200 {
				body = "" // the text of an error page may differ
			}
			answers = append(answers, fmt.Sprint(q, " ", status, " ", body))
		}
		return answers
	}
	servers := web.Servers()
	want := answersOf(t, servers[0])
	if !strings.HasSuffix(want[3], "200 tenant9 /orders/42") {
		t.Errorf("the native server answered %q", want[3])
	}
	for _, e := range servers[1:] {
		t.Run(e.Name, func(t *testing.T) {
			if e.Prepare != nil {
				if _, err := e.Prepare(t.Context()); err != nil {
					t.Logf("not available: %v", err)
					return
				}
			}
			for i, got := range answersOf(t, e) {
				if got != want[i] {
					t.Errorf("answered %q, expected %q as the native server", got, want[i])
				}
			}
		})
	}
}
