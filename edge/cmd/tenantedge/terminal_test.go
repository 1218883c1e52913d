package main

import (
	"bytes"
	"log/slog"
	"strings"
	"testing"
	"unicode"

	"github.com/tenantedge/tenantedge/assets"
	"github.com/tenantedge/tenantedge/edge/internal/inspect"
)

func TestForTerminalReplacesWhatIsNotPrintable(t *testing.T) {
	for text, want := range map[string]string{
		"a\tb\nc d é 日 𝄞":                "a\tb\nc d é 日 𝄞",
		"\x1b[31m\x1b]0;x\a\r\b\x00\x7f": "�[31m�]0;x�����",
		"\u009b31m \u202e\u2028\ufeff":   "�31m ���",
		"\xff\xe2\x80":                   "���",
	} {
		if got := forTerminal(text); got != want {
			t.Errorf("%q: %q, expected %q", text, got, want)
		}
	}
}

// What clients, guests and files choose must not control the terminal of the person
// who reads it.
func TestTextForPeopleHasNoControlCharacters(t *testing.T) {
	config := writeFile(t, "edge.yaml", acme)
	guest, file := guestFiles(t, assets.Router, strings.NewReplacer("a tenant", `"a tenant\e[31m"`, "path: /x", `path: "/y\e[31m"`).Replace(twoCases))
	questions := `{"op":"route","target":"/%1b[31m","headers":[["host","acme.example.com"]]}`
	_, explained, _ := command("", "eval", "-c", config, "-r", "http://acme.example.com/%1b%5b31m")
	_, tested, _ := command("", "guest", "test", guest, file)
	_, _, failed := command(questions, "eval", "-c", config, "--guest", "x\x1b[31m.wasm")
	var inspected, logged bytes.Buffer
	if err := writeInspected(&inspected, &inspect.Report{Setup: &inspect.Setup{Name: "x\x1b[31m"}}); err != nil {
		t.Fatal(err)
	}
	log := slog.New(&devLog{out: &lines{out: &logged}})
	log.Warn("x\x1b[31m", "reason", "y\x1b[31m")
	log.Info("access", "method", "GET", "path", "/\x1b[31m")
	for name, text := range map[string]string{
		"eval": explained, "guest test": tested, "an error": failed, "guest inspect": inspected.String(), "guest dev": logged.String(),
	} {
		if strings.Contains(text, "\x1b") || !strings.Contains(text, "�[31m") {
			t.Errorf("%s: %q", name, text)
		}
	}
}

func TestTheListOfTenantsHasOneLineForEach(t *testing.T) {
	path := writeFile(t, "tenantedge.yaml", `listeners: [":8080"]
tenants: {public: {}, default: {URLCONF: app}}
urlconfs: {app: {reply: {body: x}}}
directory:
  source: file
  tenants: [{id: "7\n8  other\e]0;title\a", schema_name: acme}]
  domains: [{tenant_id: "7\n8  other\e]0;title\a", domain: "a\u009b\tb"}]
`)
	code, stdout, stderr := command("", "tenants", "-c", path, "list")
	if code != exitOK || strings.Count(stdout, "\n") != 2 || strings.ContainsFunc(strings.ReplaceAll(stdout, "\n", ""), unicode.IsControl) {
		t.Errorf("exit %d, %q, %q", code, stdout, stderr)
	}
}
