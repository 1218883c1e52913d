package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/tenantedge/tenantedge/assets"
	"github.com/tenantedge/tenantedge/edge/internal/wasm/wasmtest"
)

const someQuestions = `{"op":"route","target":"/","headers":[["host","acme.example.com"]]}
{"op":"websocket","target":"/room/5/","headers":[["host","acme.example.com"]]}
{"op":"route","target":"/","headers":[["host","unknown.example.com"]]}
{"op":"route","target":"/","headers":[["host","acme.example.com"]],"session":{"tenant":"www"}}
`

func TestEvalWritesDecisionsInWhichTwoGuestsDiffer(t *testing.T) {
	config := writeFile(t, "edge.yaml", acme)
	same := writeFile(t, "same.wasm", string(assets.Router))
	if code, stdout, stderr := command(someQuestions, "eval", "-c", config, "--against", same); code != exitOK || stdout != "A and B answer 4 questions alike.\n" {
		t.Errorf("the same guest: exit %d: %s%s", code, stdout, stderr)
	}
	other := writeFile(t, "minimal.wasm", string(wasmtest.Minimal(t)))
	code, stdout, stderr := command(someQuestions, "eval", "-c", config, "--against", other)
	if code != exitFailed || !strings.Contains(stderr, "3 of 4 questions are answered differently") ||
		!strings.Contains(stdout, "question 4: GET http://acme.example.com/") || strings.Contains(stdout, "unknown.example.com") || !strings.Contains(stdout, "outcome       conflict  tenant") {
		t.Errorf("another guest: exit %d: %s%s", code, stdout, stderr)
	}
	code, stdout, _ = command(someQuestions, "eval", "-c", config, "--against", other, "--json")
	if lines := strings.Count(stdout, "\n"); code != exitFailed || lines != 3 || !strings.Contains(stdout, `{"field":"outcome","a":"conflict","b":"tenant"}`) {
		t.Errorf("as JSON: exit %d, %d lines: %s", code, lines, stdout)
	}
}

func TestEvalComparesWithRecordedDecisions(t *testing.T) {
	config := writeFile(t, "edge.yaml", acme)
	recorded := filepath.Join(t.TempDir(), "known.jsonl")
	if code, stdout, stderr := command(someQuestions, "eval", "-c", config, "--record", recorded); code != exitOK || stdout != "" {
		t.Fatalf("recording: exit %d: %s%s", code, stdout, stderr)
	}
	if code, stdout, stderr := command("", "eval", "-c", config, "--expect", recorded); code != exitOK || stdout != "4 cases: 4 passed, 0 failed\n" {
		t.Errorf("the same configuration: exit %d: %s%s", code, stdout, stderr)
	}
	text, err := os.ReadFile(config)
	if err != nil {
		t.Fatal(err)
	}
	changed := writeFile(t, "changed.yaml", strings.Replace(string(text), "acme-files", "other-files", 1))
	code, stdout, stderr := command("", "eval", "-c", changed, "--expect", recorded)
	if code != exitFailed || !strings.Contains(stdout, "identifier  acme-files  other-files") || !strings.Contains(stderr, "2 of 4 decisions are not as expected") {
		t.Errorf("a changed configuration: exit %d: %s%s", code, stdout, stderr)
	}
	for want, args := range map[string][]string{
		"at most one of --against, --expect and --record": {"--against", "a", "--expect", "b"},
		"expected --expect without --request":             {"--expect", "b", "-r", "http://a/"},
		"expected --record without --json":                {"--record", "b.jsonl", "--json"},
	} {
		if code, _, stderr := command("", append([]string{"eval", "-c", config}, args...)...); code != exitUsage || !strings.Contains(stderr, want) {
			t.Errorf("%q: exit %d: %s", args, code, stderr)
		}
	}
}

func TestEvalExplainsTheRuleThatDecided(t *testing.T) {
	text := strings.Replace(acme, "[domain, session]", "[domain, header, session]\ntrusted_peers: [10.0.0.0/8]", 1)
	config := writeFile(t, "edge.yaml", text)
	for _, c := range []struct {
		name, want string
		args       []string
	}{
		{"a static tenant", "rule        tenants.www.DOMAINS (" + config + ":", []string{"-r", "http://example.com/"}},
		{"a row", "rule        the row of the directory with the domain shop.example.com and the folder acme", []string{"-r", "http://shop.example.com/acme/"}},
		{"a header of a trusted peer", "rule        tenants.www", []string{"-r", "http://api.internal/", "-H", "tenant: www", "--remote", "10.0.0.1"}},
		{"a header of another peer", "ignored     the header tenant, since the peer is not trusted", []string{"-r", "http://example.com/", "-H", "tenant: www", "--remote", "11.0.0.1"}},
		{"a conflict", "by session  tenant: \"www\"", []string{"-r", "http://acme.example.com/", "--session", `{"tenant":"www"}`}},
		{"a file", "file        404", []string{"-r", "http://example.com/missing.txt"}},
	} {
		if code, stdout, stderr := command("", append([]string{"eval", "-c", config}, c.args...)...); code != exitOK || !strings.Contains(stdout, c.want) {
			t.Errorf("%s: exit %d: %s%s\nexpected %s", c.name, code, stdout, stderr, c.want)
		}
	}
}
