package edge

import (
	"bytes"
	"context"
	"errors"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/tenantedge/tenantedge/assets"
	"github.com/tenantedge/tenantedge/edge/internal/wasm"
	"github.com/tenantedge/tenantedge/edge/internal/wasm/wasmtest"
	"github.com/tenantedge/tenantedge/guest/abi"
)

// endless is a loop that never ends.
var endless = []byte{0x03, 0x40, 0x0c, 0, 0x0b, 0x42, 0}

// bomb takes memory until there is no more, and ends with a trap.
var bomb = []byte{0x03, 0x40, 0x41, 1, 0x40, 0, 0x41, 0x7f, 0x47, 0x0d, 0, 0x0b, 0x00}

// exporting is a sound guest with one more export, of its memory.
func exporting(name string) []byte {
	m, err := wasm.Decode(wasmtest.Sound().Wasm())
	if err != nil {
		panic(err)
	}
	m.Exports.Add(wasm.Export{Name: name, Kind: wasm.KindMemory})
	return m.Encode()
}

// G2: a guest that must not get in is refused by another process, with the
// reason, and this one lives.
func TestG2ASmokeRunRefusesHostileGuests(t *testing.T) {
	h := newHost(t, func(c *Config) { c.SmokeRun = ReexecSmokeRun() })
	before := h.Guest()
	// The compiler takes minutes for one function of so many branches.
	branches := append(bytes.Repeat([]byte{0x20, 0, 0x04, 0x40, 0x0b}, 100_000), wasmtest.I64(0)...)
	for name, module := range map[string][]byte{
		"an endless loop in configure": wasmtest.Sound().With(abi.ExportConfigure, endless...).Wasm(),
		"a function of many branches":  wasmtest.Sound().With(abi.ExportCacheKey, branches...).Wasm(),
	} {
		soon, cancel := context.WithTimeout(context.Background(), 300*time.Millisecond)
		_, err := h.Swap(soon, module)
		if cancel(); err == nil || !strings.Contains(err.Error(), "found no end before its caller's: context deadline exceeded") {
			t.Errorf("%s: %v", name, err)
		}
	}
	for _, c := range []struct {
		name string
		wasm []byte
		want string
	}{
		{"a memory bomb in configure", wasmtest.Sound().With(abi.ExportConfigure, bomb...).Wasm(), "te_configure: memory"},
		{"a trap in configure", wasmtest.Sound().With(abi.ExportConfigure, 0x00).Wasm(), "te_configure: trap: wasm error: unreachable"},
		{"a self-test that fails", wasmtest.Sound().With(abi.ExportSelfTest, wasmtest.I32(3)...).Wasm(), "te_self_test returned 3: expected 0"},
		{"a trap at every request", wasmtest.Sound().With(abi.ExportRoute, 0x00).Wasm(), "no decision on GET https://smoke.invalid/"},
		{"a trap at every key", wasmtest.Sound().With(abi.ExportCacheKey, 0x00).Wasm(), "te_cache_key: trap"},
		{"a module of 100 MB", append(wasmtest.Sound().Wasm(), make([]byte, 100<<20)...), "expected at most 67108864"},
		{"an export with a name of 1 MB", exporting("meter." + strings.Repeat("\n", 1<<20)), "expected no export that starts with meter."},
		{"a module that is cut short", assets.Router[:1000], "is no valid WebAssembly module"},
		{"no module", []byte("hello"), "is no valid WebAssembly module"},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := h.Swap(context.Background(), c.wasm)
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("the swap said %v, want %q", err, c.want)
			}
		})
	}
	if s := h.Stats(); h.Guest() != before || s.FailedSwaps != 11 || s.Swaps != 0 {
		t.Errorf("the guest is %+v after %d swaps that failed and %d that did not", h.Guest(), s.FailedSwaps, s.Swaps)
	}
	r, err := h.Swap(context.Background(), wasmtest.Sound().Wasm())
	if err != nil || r.Unchanged || r.Reused {
		t.Errorf("a sound guest: %+v, %v", r, err)
	}
	if back, err := h.Swap(context.Background(), assets.Router); err != nil || !back.Reused || back.Guest != before {
		t.Errorf("the way back: %+v, %v", back, err)
	}
}

func TestAGuestOfTheConfigurationIsTriedBeforeItsHostStarts(t *testing.T) {
	_, err := New(context.Background(), Config{
		Guest: wasmtest.Sound().With(abi.ExportRoute, 0x00).Wasm(), CompileCache: compileCache, SmokeRun: ReexecSmokeRun(),
	})
	if err == nil || !strings.Contains(err.Error(), "edge: smoke run: "+errSmoke+"no decision on GET") {
		t.Errorf("New said %v", err)
	}
}

func TestASmokeRunThatEndsInAnotherWayRefusesItsGuest(t *testing.T) {
	if _, err := os.Stat("/bin/sh"); err != nil {
		t.Log("no shell: processes cannot be made to end in every way")
		return
	}
	stopped, cancel := context.WithCancel(context.Background())
	cancel()
	for _, c := range []struct {
		name, script string
		bound        time.Duration
		ctx          context.Context
		want         string
	}{
		{"killed", "kill -KILL $$", time.Minute, context.Background(), "found that the process ended by signal: killed; it would have ended this one too"},
		{"out of memory", "echo 'fatal error: runtime: out of memory' >&2; echo more >&2; exit 2", time.Minute, context.Background(), "ended by exit status 2: fatal error: runtime: out of memory; it"},
		{"hung", "exec sleep 600", 50 * time.Millisecond, context.Background(), "found no end after 50ms"},
		{"its caller is gone", "exec sleep 600", time.Minute, stopped, "context canceled"},
		{"no verdict", "echo hello", time.Minute, context.Background(), `found "hello\n"; call edge.SmokeMain first thing in main`},
		{"a verdict, then a crash", `echo '{"Passed":true}'; exit 2`, time.Minute, context.Background(), "ended by exit status 2"},
		{"endless output", "exec yes", time.Second, context.Background(), "found no end after 1s"},
	} {
		t.Run(c.name, func(t *testing.T) {
			run := smokeRun{bound: c.bound, program: []string{"/bin/sh", "-c", c.script}}
			err := run.run(c.ctx, Trial{Wasm: assets.Router, Config: []byte("{}")})
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("it said %v, want %q", err, c.want)
			}
		})
	}
}

func TestASmokeRunThatCannotBeStartedIsTold(t *testing.T) {
	err := smokeRun{bound: time.Minute, program: []string{"/does/not/exist"}}.run(context.Background(), Trial{Config: []byte("{}")})
	if err == nil || !strings.Contains(err.Error(), "expected to start this program once more, found fork/exec /does/not/exist") {
		t.Errorf("it said %v", err)
	}
}

func TestASmokeRunStartsNoOther(t *testing.T) {
	t.Setenv(smokeMarker, "1")
	if err := ReexecSmokeRun()(context.Background(), Trial{}); err == nil || !strings.Contains(err.Error(), "found that it starts another") {
		t.Errorf("it said %v", err)
	}
}

func TestATrialIsReadAsItWasWritten(t *testing.T) {
	want := Trial{Wasm: []byte("\n{wasm}"), Config: []byte(`{"abi":1}`), Limits: GuestLimits{Fuel: 1 << 60, Deadline: time.Second}, CompileCache: "/c"}
	text, err := want.encode()
	if err != nil {
		t.Fatal(err)
	}
	var got Trial
	if err := got.decode(bytes.NewReader(append(text, want.Wasm...))); err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got.Wasm, want.Wasm) || !bytes.Equal(got.Config, want.Config) || got.Limits != want.Limits || got.CompileCache != want.CompileCache {
		t.Errorf("it is %+v, want %+v", got, want)
	}
	for _, bad := range []string{"", "{", `{"Size":-1}`, `{"Size":1000000000}`, `{"Size":5}abc`} {
		var out bytes.Buffer
		if code := smokeChild(strings.NewReader(bad), &out); code != 0 || !strings.Contains(out.String(), "cannot be tried") {
			t.Errorf("%q: exit %d, %s", bad, code, &out)
		}
	}
}

// failing is a writer that takes nothing.
type failing struct{}

func (failing) Write([]byte) (int, error) { return 0, errors.New("closed") }

func TestASmokeRunWhoseVerdictNobodyReadsFails(t *testing.T) {
	if code := smokeChild(strings.NewReader(""), failing{}); code == 0 {
		t.Error("it ended well")
	}
}
