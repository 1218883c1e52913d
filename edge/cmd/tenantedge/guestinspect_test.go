package main

import (
	"encoding/json"
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"github.com/tenantedge/tenantedge/edge/internal/inspect"
	"github.com/tenantedge/tenantedge/edge/internal/wasm/wasmtest"
)

func writeGuest(t *testing.T, wasm []byte) string {
	t.Helper()
	return writeFile(t, "guest.wasm", string(wasm))
}

func TestInspectDescribesAGuestThatLoads(t *testing.T) {
	path := writeGuest(t, wasmtest.Sound().With("te_self_test", wasmtest.I32(0)...).Wasm())
	code, stdout, stderr := command("", "guest", "inspect", path)
	if code != exitOK || stderr != "" {
		t.Fatalf("exit %d, %q", code, stderr)
	}
	for _, want := range []string{
		path + ": ", "Exports\n", "te_route        func (i32) -> i64", "decides the tenant of a request",
		"te_authorize    optional: private files are denied", "Memory: 4 pages of 64 KiB, no maximum",
		"Largest functions", "The meter, with which", "Loaded: ABI version 1, handmade", "te_self_test 1", "Hints\n",
	} {
		if !strings.Contains(stdout, want) {
			t.Errorf("%q is not in\n%s", want, stdout)
		}
	}
	code, stdout, stderr = command("", "guest", "inspect", path, "--json")
	var r inspect.Report
	if err := json.Unmarshal([]byte(stdout), &r); err != nil || code != exitOK || r.Setup == nil || r.Setup.Fuel.Configure == 0 || r.Refusal != "" {
		t.Errorf("exit %d, %q, %v, %+v", code, stderr, err, r)
	}
}

func TestCommandsNameCauseAndRemedyOfABrokenGuest(t *testing.T) {
	every := [][]string{{"serve"}, {"check"}, {"eval", "-r", "GET http://a.example.com/"}}
	tried := map[string][][]string{ // a process for each of the others would take long
		"the text format":                          every,
		"a panic at a request":                     every,
		"AssemblyScript's abort":                   nil,
		"opening a file by WASI":                   nil,
		"100 MB":                                   nil,
		"a flood of log lines and a panic in init": nil,
	}
	for _, b := range wasmtest.BrokenGuests() {
		commands, ok := tried[b.Name]
		if !ok {
			continue
		}
		path := writeGuest(t, b.Wasm)
		code, stdout, stderr := command("", "guest", "inspect", path, "--json")
		var r inspect.Report
		if err := json.Unmarshal([]byte(stdout), &r); err != nil || code != exitFailed || !strings.HasSuffix(stderr, "the host refuses "+path+"\n") {
			t.Errorf("%s: inspect: exit %d, %q, %v", b.Name, code, stderr, err)
		}
		if !strings.Contains(r.Refusal, b.Cause) || !strings.Contains(r.Refusal, b.Remedy) {
			t.Errorf("%s: inspect: %q: expected %q and %q", b.Name, r.Refusal, b.Cause, b.Remedy)
		}
		config := writeFile(t, "file.yaml", fmt.Sprintf("guest: {path: %s}\nurlconfs: {app: {reply: {}}}\nlisteners: [\"127.0.0.1:0\"]\nadmin: \"off\"\ntenants: {www: {domains: [a.example.com], urlconf: app}}\n", path))
		for _, args := range commands {
			code, stdout, stderr := command("", append(args, "-c", config)...)
			if text := stdout + stderr; code != exitFailed || !strings.Contains(text, b.Cause) || !strings.Contains(text, b.Remedy) {
				t.Errorf("%s: %s: exit %d, %q: expected %q and %q", b.Name, args[0], code, text, b.Cause, b.Remedy)
			}
		}
	}
}

func TestInspectEndsWithTheReasonOfARefusal(t *testing.T) {
	var out strings.Builder
	refusal := "guest failed: _initialize: trap\n\t.f(); the guest printed \"panic: a | goroutine 1\"; build it as a library"
	if err := writeInspected(&out, &inspect.Report{File: "a.wasm", Refusal: refusal}); err != nil {
		t.Fatal(err)
	}
	const want = "\nRefused\n  guest failed: _initialize: trap\n  \t.f(); build it as a library\n  the guest printed\n    panic: a\n    goroutine 1\n"
	if !strings.HasSuffix(out.String(), want) {
		t.Errorf("got %q, expected it to end with %q", &out, want)
	}
}

func TestInspectNamesWhatIsNoFile(t *testing.T) {
	for path, want := range map[string]string{
		t.TempDir(): "to be a regular file, found a folder",
		filepath.Join(t.TempDir(), "missing.wasm"): "no such file",
	} {
		if code, _, stderr := command("", "guest", "inspect", path); code != exitFailed || !strings.Contains(stderr, want) {
			t.Errorf("exit %d, %q: expected %q", code, stderr, want)
		}
	}
}
