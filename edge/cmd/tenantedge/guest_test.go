package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/tenantedge/tenantedge/edge/config"
	"github.com/tenantedge/tenantedge/edge/internal/scaffold"
	"github.com/tenantedge/tenantedge/edge/internal/wasm/wasmtest"
)

// newProject creates a project in a temporary folder.
func newProject(t *testing.T, language string) (dir string) {
	t.Helper()
	dir = filepath.Join(t.TempDir(), "mine")
	code, stdout, stderr := command("", "guest", "new", dir, "--lang", language)
	if code != exitOK || !strings.Contains(stdout, "guest dev") || !strings.Contains(stdout, "cases.yaml") {
		t.Fatalf("exit %d, %s%s", code, stdout, stderr)
	}
	return dir
}

// buildAndRoute builds a new project and asks its guest for decisions.
func buildAndRoute(t *testing.T, dir string) {
	t.Helper()
	code, stdout, stderr := command("", "guest", "build", dir)
	if code != exitOK || !strings.Contains(stdout, "a host accepts it; fuel: ") || !strings.Contains(stderr, "$ ") {
		t.Fatalf("exit %d, %s%s", code, stdout, stderr)
	}
	code, stdout, stderr = command("", "guest", "test", filepath.Join(dir, scaffold.Output), filepath.Join(dir, casesName))
	if code != exitOK || !strings.Contains(stdout, "2 passed, 0 failed") {
		t.Errorf("exit %d, %s%s", code, stdout, stderr)
	}
}

// The test of guest dev builds a project in Go.
func TestANewProjectBuildsAndRoutes(t *testing.T) {
	for _, l := range scaffold.Languages[1:] {
		if !l.Tested {
			continue
		}
		t.Run(l.Name, func(t *testing.T) {
			t.Parallel()
			if missing := l.Missing(); len(missing) > 0 {
				wasmtest.NotInstalled(t, fmt.Sprintf("this machine lacks %q", missing))
			}
			dir := newProject(t, l.Name)
			if l.Name == "assemblyscript" {
				useInstalledCompiler(t, dir)
			}
			buildAndRoute(t, dir)
		})
	}
}

// userCache is the user's cache folder, which TestMain replaces.
var userCache, errUserCache = os.UserCacheDir()

// useInstalledCompiler links the AssemblyScript compiler that .ci/guests.sh installs
// into a project, so that no test needs the network.
func useInstalledCompiler(t *testing.T, dir string) {
	t.Helper()
	installed := filepath.Join(userCache, "tenantedge", "assemblyscript", "node_modules")
	if _, err := os.Stat(installed); err != nil || errUserCache != nil {
		wasmtest.NotInstalled(t, "the AssemblyScript compiler is not installed")
	}
	modules := filepath.Join(dir, "node_modules")
	if err := os.Mkdir(modules, 0o700); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"assemblyscript", "binaryen", "long"} {
		if err := os.Symlink(filepath.Join(installed, name), filepath.Join(modules, name)); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Symlink("../sdk", filepath.Join(modules, "tenantedge")); err != nil {
		t.Fatal(err)
	}
}

func TestGuestCommandsRefuseWrongArguments(t *testing.T) {
	for _, c := range []struct {
		args []string
		code int
		want string
	}{
		{[]string{"new"}, exitUsage, "guest new: expected DIR, found 0 arguments"},
		{[]string{"new", "x", "--lang", "cobol"}, exitUsage, `guest new: --lang: expected one of the languages go, `},
		{[]string{"new", "."}, exitFailed, "expected . to be empty or missing, found "},
		{[]string{"build", t.TempDir()}, exitFailed, "to have one of go.mod (Go), "},
		{[]string{"build", "/does/not/exist"}, exitFailed, "guest build: "},
		{[]string{"dev", "a", "b"}, exitUsage, "guest dev: expected at most one DIR, found 2 arguments"},
	} {
		if code, _, stderr := command("", append([]string{"guest"}, c.args...)...); code != c.code || !strings.Contains(stderr, c.want) {
			t.Errorf("%q: exit %d, %s", c.args, code, stderr)
		}
	}
}

// output collects what a command prints.
type output struct {
	failures int // how many failed builds the test expects
	mu       sync.Mutex
	text     bytes.Buffer
}

func (o *output) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.text.Write(p)
}

func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.text.String()
}

// await calls done until it returns true. It gives up early when more builds have
// failed than the test expects.
func (o *output) await(t *testing.T, what string, done func() bool) {
	t.Helper()
	for deadline := time.Now().Add(patience); !done(); time.Sleep(20 * time.Millisecond) {
		if time.Now().After(deadline) || strings.Count(o.String(), scaffold.ErrBuild.Error()) > o.failures {
			t.Fatalf("no %s; the output is\n%s", what, o)
		}
	}
}

func (o *output) awaitText(t *testing.T, text string) {
	t.Helper()
	o.await(t, text, func() bool { return strings.Contains(o.String(), text) })
}

// replaceText replaces text in a file.
func replaceText(t *testing.T, path, from, to string) {
	t.Helper()
	content, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(content), from) {
		t.Fatalf("%s does not contain %q", path, from)
	}
	if err := os.WriteFile(path, []byte(strings.Replace(string(content), from, to, 1)), 0o600); err != nil {
		t.Fatal(err)
	}
}

func TestDevSwapsAChangedGuestAndKeepsItWhileTheNextIsBroken(t *testing.T) {
	t.Parallel()
	dir := newProject(t, scaffold.Languages[0].Name)
	buildAndRoute(t, dir)
	config, guest := filepath.Join(dir, configName), filepath.Join(dir, "main.go")
	for _, port := range []string{"127.0.0.1:8080", "127.0.0.1:8081"} {
		replaceText(t, config, port, "127.0.0.1:0")
	}
	free, err := freePort(18082)
	if err != nil {
		t.Fatal(err)
	}
	replaceText(t, config, "127.0.0.1:8082", loopback(free))

	ctx, out, stop := develop(t, dir)
	serving := regexp.MustCompile(`Serving at (http://\S+)\. `)
	out.await(t, "address", func() bool { return serving.MatchString(out.String()) })
	address := serving.FindStringSubmatch(out.String())[1]
	get := func(path string) (int, string) {
		r, err := http.NewRequestWithContext(ctx, http.MethodGet, address+path, nil)
		if err != nil {
			t.Fatal(err)
		}
		r.Host = "acme.localhost"
		resp, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		body, _ := io.ReadAll(resp.Body)
		return resp.StatusCode, string(body)
	}
	expect := func(tenant string) {
		t.Helper()
		if code, body := get("/x"); code != http.StatusOK || !strings.HasPrefix(body, "tenant "+tenant+"\n") {
			t.Errorf("%d, %s, expected the tenant %s", code, body, tenant)
		}
	}
	expect("acme")

	const label = `label, _, _ := strings.Cut(r.Host, ".")`
	out.failures = 1
	replaceText(t, guest, label, "label := undefined")
	out.awaitText(t, "undefined: undefined")
	out.awaitText(t, "the previous guest stays in service: the build failed: go ended with exit status 1")
	expect("acme")

	replaceText(t, guest, "label := undefined", "label := strings.ToLower(\"GLOBEX\")\n\tguest.Log(guest.LevelWarn, \"routing\")\n\tif r.Target == \"/boom\" {\n\t\tpanic(\"boom\")\n\t}")
	out.await(t, "change of the answer", func() bool { _, body := get("/x"); return strings.HasPrefix(body, "tenant globex\n") })
	out.awaitText(t, "WARN while the guest is configured and tried with made-up requests:\n    routing")
	if code, _ := get("/boom"); code != http.StatusBadGateway {
		t.Errorf("a guest that panics is answered with %d", code)
	}
	out.awaitText(t, "panic: boom")
	out.awaitText(t, "/main.go:2")
	out.awaitText(t, " s after the change: ")

	stop()
}

func TestDevServesEachListenerAtAnotherPort(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	taken := l.Addr().String()
	file := &config.File{Admin: taken, Listeners: []config.Listener{{Address: taken}, {Address: taken}}}
	d := &development{out: &lines{out: io.Discard}}
	if err := d.freePorts(file); err != nil {
		t.Fatal(err)
	}
	found := []string{taken, file.Admin, file.Listeners[0].Address, file.Listeners[1].Address}
	if slices.Sort(found); len(slices.Compact(found)) < 4 {
		t.Errorf("the addresses are %q", found)
	}
}

// develop runs guest dev until stop is called.
func develop(t *testing.T, dir string) (ctx context.Context, out *output, stop func()) {
	ctx, cancel := context.WithCancel(t.Context())
	out, ended := &output{}, make(chan error, 1)
	go func() { ended <- developGuest(ctx, dir, filepath.Join(dir, configName), out) }()
	return ctx, out, func() {
		t.Helper()
		cancel()
		if err := <-ended; err != nil {
			t.Errorf("dev ended with %v", err)
		}
	}
}

func TestBuildAndInspectNeedNeitherDatabaseNorSecrets(t *testing.T) {
	dir := t.TempDir()
	for name, content := range map[string]string{
		"Makefile": "guest.wasm: module\n\tcp module guest.wasm\n", "module": string(wasmtest.Sound().Wasm()),
		configName: "directory: {source: postgres, dsn_env: TENANTEDGE_NOT_SET}\nsigning_keys: [{id: a, secret_env: TENANTEDGE_NOT_SET}]\n" +
			"queries: {q: {sql: select 1, timeout: 1s, max_rows: 1}}\nlimits: {guest: {fuel: 12345}}\n",
	} {
		replaceFile(t, filepath.Join(dir, name), []byte(content))
	}
	if code, stdout, stderr := command("", "guest", "build", dir); code != exitOK {
		t.Errorf("exit %d, %s%s", code, stdout, stderr)
	}
	guest := filepath.Join(dir, "guest.wasm")
	if code, stdout, stderr := command("", "guest", "inspect", guest); code != exitOK {
		t.Errorf("exit %d, %s%s", code, stdout, stderr)
	}
	replaceFile(t, filepath.Join(dir, configName), []byte("listner: []\n"))
	if code, _, stderr := command("", "guest", "inspect", guest); code != exitFailed || !strings.Contains(stderr, configName+":1:1: listner") {
		t.Errorf("a wrong configuration beside the guest: exit %d, %s", code, stderr)
	}
}

func TestDevServesOnlyWhatAHostAccepts(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	write := func(name, text string) { replaceFile(t, filepath.Join(dir, name), []byte(text)) }
	numbered := func(n byte) string { return string(append(wasmtest.Sound().Wasm(), 0, 3, 1, 'n', n)) }
	write("Makefile", "guest.wasm: module\n\tcp module guest.wasm\n")
	write("module", "no guest")
	write(configName, "admin: off\nlisteners: ['127.0.0.1:0']\n")
	_, out, stop := develop(t, dir)
	out.awaitText(t, "nothing is served until a change corrects this: edge: ")
	write("module", numbered(1))
	out.awaitText(t, "serving guest.wasm")
	write("module", "no guest at all")
	out.awaitText(t, "the previous guest stays in service: edge: ")
	write("module", numbered(2))
	out.awaitText(t, "swapped ")
	write(configName, "admin: off\nlisteners: ['127.0.0.1:0']\nlogs: {access: true}\n")
	out.await(t, "restart", func() bool { return strings.Count(out.String(), "serving guest.wasm") == 2 })
	write(configName, "admin: off\nlisteners: ['192.0.2.1:1']\n")
	out.awaitText(t, "nothing is served until a change corrects this: serve: listeners: 192.0.2.1:1")
	before := strings.Count(out.String(), "Serving at ")
	write(configName, "admin: off\nlisteners: ['127.0.0.1:0']\n")
	out.await(t, "a server again", func() bool { return strings.Count(out.String(), "Serving at ") > before })
	stop()
}

// The commands that guest new prints are for a shell.
func TestGuestNewQuotesTheFolder(t *testing.T) {
	t.Chdir(t.TempDir())
	for dir, want := range map[string]string{"my guest": "  cd 'my guest'\n", "-x": "  cd -- -x\n", "it's": `  cd 'it'\''s'` + "\n"} {
		if code, stdout, stderr := command("", "guest", "new", "--lang", "c", "--", dir); code != exitOK || !strings.Contains(stdout, want) {
			t.Errorf("%s: exit %d: %s%s\nexpected %s", dir, code, stdout, stderr, want)
		}
	}
}
