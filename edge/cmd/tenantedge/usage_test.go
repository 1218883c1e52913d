package main

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// edgeThatAnswers is an admin listener that answers with fixed texts.
func edgeThatAnswers(t *testing.T, answers map[string]string) string {
	t.Helper()
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		text, ok := answers[r.URL.Path]
		if !ok {
			http.NotFound(w, r)
			return
		}
		fmt.Fprint(w, strings.ReplaceAll(text, "QUERY", strings.ReplaceAll(r.URL.RawQuery, "&", " ")))
	}))
	t.Cleanup(srv.Close)
	return srv.URL
}

func usageFolder(t *testing.T, rows ...string) string {
	t.Helper()
	folder := t.TempDir()
	for n, row := range rows {
		if err := os.WriteFile(filepath.Join(folder, fmt.Sprintf("usage-2026%04d.jsonl", n)), []byte(row), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return folder
}

const usageRow = `{"start":"2026-11-30T12:00:00Z","seconds":60,"tenant":"acme","id":"7","requests_ok":3,"requests_server_error":1,"fuel":1000,"bytes_out":2048,"websocket_ns":1500000000}` + "\n"

func TestUsageAddsUpTheFilesOfSeveralEdges(t *testing.T) {
	first := usageFolder(t, usageRow, usageRow+strings.ReplaceAll(usageRow, "12:00", "13:00"))
	second := usageFolder(t, strings.ReplaceAll(usageRow, `"acme","id":"7"`, `"a\u001b[2Jb\nc"`)+`{"start":"2026-11-`)
	code, out, errOut := command("", "usage", first, filepath.Join(second, "usage-20260000.jsonl"))
	want := `  requests  failed  fuel    guest   in      out  upstream  websockets  tenant
         4       1  1000  0.000 s  0 B  2.0 KiB   0.000 s     1.500 s  a�[2Jb�c
        12       3  3000  0.000 s  0 B  6.0 KiB   0.000 s     4.500 s  acme (7)
        16       4  4000  0.000 s  0 B  8.0 KiB   0.000 s     6.000 s  (all)
2 tenants, from 2026-11-30T12:00:00Z to 2026-11-30T13:01:00Z
`
	if code != exitOK || out != want || !strings.Contains(errOut, "line 2: expected a row") {
		t.Errorf("%d %s\n%s\nwant\n%s", code, errOut, out, want)
	}
	code, out, _ = command("", "usage", "--window", "hour", "--tenant", "acme", "--csv", "--price", "requests=0.1", "--price", "fuel=0.0000004", first)
	lines := strings.Split(out, "\n")
	if code != exitOK || len(lines) != 4 || !strings.HasPrefix(lines[1], "2026-11-30T12:00:00Z,60,acme,7,6,0,0,2,0,0,0,2000,0,0,0,4096,0,0,0,3000000000,0.800800") || !strings.HasPrefix(lines[2], "2026-11-30T13:00:00Z,60,") {
		t.Errorf("%d\n%s", code, out)
	}
	if _, out, _ := command("", "usage", usageFolder(t, usageRow)); !strings.Contains(out, "\n1 tenant, from ") {
		t.Errorf("one tenant: %s", out)
	}
	code, out, _ = command("", "usage", "--json", "--price", "requests=0.1", first)
	var priced struct {
		Cost string
		Rows []struct {
			Tenant, Cost string
			OK           uint64 `json:"requests_ok"`
		}
	}
	if err := json.Unmarshal([]byte(out), &priced); err != nil || code != exitOK || priced.Cost != "1.200000" || len(priced.Rows) != 1 || priced.Rows[0].Cost != "1.200000" || priced.Rows[0].OK != 9 {
		t.Errorf("%d %+v, %v", code, priced, err)
	}
}

func TestUsageAsksARunningEdge(t *testing.T) {
	report := `{"from":"2026-11-30T12:00:00Z","to":"2026-11-30T12:01:00Z","tenants":1,"total":{"requests_ok":5},"rows":[{"start":"2026-11-30T12:00:00Z","seconds":60,"tenant":"QUERY","requests_ok":5}]}`
	admin := edgeThatAnswers(t, map[string]string{"/usage": report})
	code, out, errOut := command("", "usage", "--admin", admin, "--since", "2026-11-30", "--tenant", "a", "--tenant", "b", "--sort", "fuel", "--limit", "3")
	if code != exitOK || !strings.Contains(out, "  limit=3 since=2026-11-30T00%3A00%3A00Z sort=fuel tenant=a tenant=b window=total\n") {
		t.Errorf("%d %s\n%s", code, errOut, out)
	}
	if code, _, errOut := command("", "usage", "--admin", edgeThatAnswers(t, nil)); code != exitFailed || !strings.Contains(errOut, "of an edge that counts the use of tenants (usage.enabled in its configuration), found none at ") {
		t.Errorf("an edge that counts nothing: %d %s", code, errOut)
	}
}

func TestUsageRefusesWhatWouldCountWrongly(t *testing.T) {
	folder := usageFolder(t, usageRow)
	file := filepath.Join(folder, "usage-20260000.jsonl")
	for _, c := range []struct {
		args []string
		code int
		says string
	}{
		{[]string{folder, file}, exitFailed, "expected each file once"},
		{[]string{t.TempDir()}, exitFailed, "expected files usage-*.jsonl"},
		{[]string{filepath.Join(folder, "missing")}, exitFailed, "no such file"},
		{[]string{"--since", "yesterday", file}, exitUsage, "--since: expected a duration such as 24h"},
		{[]string{"--window", "year", file}, exitUsage, "window: expected total"},
		{[]string{"--sort", "price", file}, exitUsage, "sort: expected requests"},
		{[]string{"--price", "time=1", file}, exitUsage, "--price: expected requests or one of"},
		{[]string{"--price", "fuel=1e999999999", file}, exitUsage, "--price: expected a decimal number"},
		{[]string{"--price", "fuel=1", "--price", "fuel=2", file}, exitUsage, "--price: expected one price of fuel"},
		{[]string{"--json", "--csv", file}, exitUsage, "expected --json or --csv, found both"},
	} {
		if code, _, errOut := command("", append([]string{"usage"}, c.args...)...); code != c.code || !strings.Contains(errOut, c.says) {
			t.Errorf("%q: %d %q, expected %d and %q", c.args, code, errOut, c.code, c.says)
		}
	}
}
