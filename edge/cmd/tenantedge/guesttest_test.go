package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/tenantedge/tenantedge/assets"
	"github.com/tenantedge/tenantedge/edge/internal/wasm/wasmtest"
)

// guestFiles writes a guest and a file of cases, and returns their paths.
func guestFiles(t *testing.T, wasm []byte, text string) (guest, file string) {
	t.Helper()
	guest = writeFile(t, "guest.wasm", string(wasm))
	return guest, writeFile(t, "cases.yaml", text)
}

const twoCases = `
tenants: [{id: 1, schema: acme, domains: [{domain: acme.example.com}]}]
cases:
  - name: a tenant
    request: http://acme.example.com/x
    expect: {schema: acme, path: /x}
  - name: no tenant
    request: http://unknown.example.com/
    expect: {outcome: not_found}
`

func TestGuestTestReportsWhatDiffers(t *testing.T) {
	guest, good := guestFiles(t, assets.Router, twoCases)
	if code, stdout, stderr := command("", "guest", "test", guest, good); code != exitOK || stdout != "2 cases: 2 passed, 0 failed\n" {
		t.Errorf("exit %d: %s%s", code, stdout, stderr)
	}
	bad := writeFile(t, "bad.yaml", strings.Replace(twoCases, "path: /x", "path: /y, tenant_id: 2", 1))
	code, stdout, stderr := command("", "guest", "test", guest, bad)
	want := bad + `:4: a tenant (route)
    field      expected  found
    path       /y        /x
    tenant_id  2         1
2 cases: 1 passed, 1 failed
`
	if code != exitFailed || stdout != want || !strings.Contains(stderr, "guest test: 1 case failed") {
		t.Errorf("exit %d: %s%s\nexpected %s", code, stdout, stderr, want)
	}
	code, stdout, _ = command("", "guest", "test", guest, bad, "--json")
	var r guestTestReport
	if err := json.Unmarshal([]byte(stdout), &r); err != nil || code != exitFailed || r.Failed != 1 || len(r.Results) != 2 || len(r.Results[0].Differences) != 2 {
		t.Errorf("exit %d, %v: %s", code, err, stdout)
	}
	if code, _, stderr = command("", "guest", "test", guest, good, bad); code != exitFailed || !strings.Contains(stderr, bad+":4: expected each name once in all files") {
		t.Errorf("names that occur twice: exit %d: %s", code, stderr)
	}
	if code, _, stderr = command("", "guest", "test", good, guest); code != exitFailed || !strings.Contains(stderr, "found the WebAssembly module "+guest+"; name the guest first") {
		t.Errorf("arguments in the wrong order: exit %d: %s", code, stderr)
	}
	for want, args := range map[string][]string{
		"expected GUEST.wasm":                       {},
		"expected a file of cases or --conformance": {guest},
		"expected --budget FILE with --update":      {guest, good, "--update"},
		`expected all, exported, none or some of`:   {guest, "--conformance=rout"},
	} {
		if code, _, stderr := command("", append([]string{"guest", "test"}, args...)...); code != exitUsage || !strings.Contains(stderr, want) {
			t.Errorf("%q: exit %d: %s", args, code, stderr)
		}
	}
}

func TestGuestTestFailsIfACaseCostsMoreThanItsBudget(t *testing.T) {
	guest, file := guestFiles(t, assets.Router, twoCases)
	budget := filepath.Join(t.TempDir(), "fuel.json")
	args := []string{"guest", "test", guest, file, "--budget", budget}
	for _, want := range []string{"The fuel of 2 cases is recorded in " + budget, "2 cases: 2 passed, 0 failed\n"} {
		if code, stdout, stderr := command("", args...); code != exitOK || !strings.HasPrefix(stdout, want) {
			t.Fatalf("exit %d: %s%s", code, stdout, stderr)
		}
	}
	recorded, err := os.ReadFile(budget)
	if err != nil {
		t.Fatal(err)
	}
	var b struct {
		FuelVersion int               `json:"fuel_version"`
		Fuel        map[string]uint64 `json:"fuel"`
	}
	if err := json.Unmarshal(recorded, &b); err != nil {
		t.Fatal(err)
	}
	b.Fuel["a tenant"] /= 2
	b.Fuel["no tenant"] *= 2
	text, err := json.Marshal(b)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(budget, text, 0o600); err != nil {
		t.Fatal(err)
	}
	code, stdout, stderr := command("", args...)
	for _, want := range []string{"fuel: a tenant: ", " more than recorded: ", "(+100.", "fuel: no tenant: ", " less than recorded: ", "(-50.0 %)"} {
		if !strings.Contains(stdout, want) {
			t.Errorf("expected %q in %s", want, stdout)
		}
	}
	if code != exitFailed || !strings.Contains(stderr, "1 case cost more fuel than the budget has") {
		t.Errorf("exit %d: %s", code, stderr)
	}
	if code, stdout, stderr := command("", append(args, "--update")...); code != exitOK {
		t.Errorf("exit %d: %s%s", code, stdout, stderr)
	}
	if again, err := os.ReadFile(budget); err != nil || string(again) != string(recorded) {
		t.Errorf("after --update: %s%v", again, err)
	}
}

// A wrong name after --budget or --record must not cost a file.
func TestNoOtherFileIsReplacedByABudgetOrARecording(t *testing.T) {
	guest, file := guestFiles(t, assets.Router, twoCases)
	config := writeFile(t, "edge.yaml", acme)
	questions := writeFile(t, "questions.jsonl", someQuestions)
	recorded := writeFile(t, "known.jsonl", `{"name":"a","request":"http://a/","expect":{"status":404}}`)
	for name, c := range map[string]struct {
		file, want string
		args       []string
	}{
		"a budget over cases":         {file, "expected a file that guest test --budget has written", []string{"guest", "test", guest, file, "--budget", file, "--update"}},
		"a recording over its config": {config, "expected --record FILE.jsonl", []string{"eval", "-c", config, "--record", config}},
		"a recording over questions":  {questions, "expected to replace cases", []string{"eval", "-c", config, "--record", questions}},
		"a recording of an error":     {recorded, "expected questions with op route or websocket", []string{"eval", "-c", config, "--record", recorded}},
	} {
		before, err := os.ReadFile(c.file)
		if err != nil {
			t.Fatal(err)
		}
		code, _, stderr := command(someQuestions+`{"op":"cache_key","key":1}`, c.args...)
		after, err := os.ReadFile(c.file)
		if code == exitOK || !strings.Contains(stderr, c.want) || err != nil || string(after) != string(before) {
			t.Errorf("%s: exit %d, %v: %s\nthe file is now %s", name, code, err, stderr, after)
		}
	}
}

func TestGuestTestRunsTheGoldenCasesOnAnyGuest(t *testing.T) {
	router := writeFile(t, "router.wasm", string(assets.Router))
	if code, stdout, stderr := command("", "guest", "test", router, "--conformance"); code != exitOK || !strings.Contains(stdout, "route        56 of 56") {
		t.Errorf("the built-in guest: exit %d: %s%s", code, stdout, stderr)
	}
	minimal := writeFile(t, "minimal.wasm", string(wasmtest.Minimal(t)))
	code, stdout, stderr := command("", "guest", "test", minimal, "--conformance=pathname,reverse_key")
	if code != exitOK || !strings.Contains(stdout, "pathname     6 of 6") || !strings.Contains(stdout, "not required") {
		t.Errorf("some operations: exit %d: %s%s", code, stdout, stderr)
	}
	if code, _, stderr := command("", "guest", "test", minimal, "--conformance"); code != exitFailed || !strings.Contains(stderr, "route does not conform") {
		t.Errorf("all operations: exit %d: %s", code, stderr)
	}
}

func TestEachCaseOfAGuestStartsWithTheFilesOfItsFile(t *testing.T) {
	t.Parallel()
	guest, cases := guestFiles(t, wasmtest.Guest(t, "edge/cmd/tenantedge/testdata/reading"), `tenants: [{id: 1, schema: acme, domains: [{domain: a.example.com}]}, {id: 2, schema: beta, domains: [{domain: b.example.com}]}]
files: {acme: {a.txt: of acme}}
cases:
- {name: a file, request: http://a.example.com/, expect: {urlconf: "of acme, saved"}}
- {name: again, request: http://a.example.com/, expect: {urlconf: "of acme, saved"}}
- {name: no file, request: http://b.example.com/, expect: {schema: beta}}
`)
	if code, stdout, stderr := command("", "guest", "test", guest, cases); code != exitOK {
		t.Errorf("exit %d: %s%s", code, stdout, stderr)
	}
	outside := writeFile(t, "outside.yaml", "files: {acme: {../a.txt: x}}\ncases: [{name: a, request: http://a/, expect: {status: 404}}]\n")
	if code, _, stderr := command("", "guest", "test", guest, outside); code != exitFailed || !strings.Contains(stderr, outside+`: files.acme: "../a.txt": `) {
		t.Errorf("a name outside of the tenant's files: exit %d: %s", code, stderr)
	}
}
