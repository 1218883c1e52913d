package smoke

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func TestAChildThatEndsWithoutAVerdictRejectsItsGuest(t *testing.T) {
	if _, err := os.Stat("/bin/sh"); err != nil {
		t.Log("found no shell; cannot test how child processes end")
		return
	}
	stopped, cancel := context.WithCancel(context.Background())
	cancel()
	for _, c := range []struct {
		name, script string
		timeout      time.Duration
		ctx          context.Context
		want         string
	}{
		{"killed", "kill -KILL $$", time.Minute, context.Background(), "found that the process ended with signal: killed; the guest would have ended this process too"},
		{"out of memory", "echo 'fatal error: runtime: out of memory' >&2; echo more >&2; exit 2", time.Minute, context.Background(), "ended with exit status 2: fatal error: runtime: out of memory; the"},
		{"hung", "exec sleep 600", 50 * time.Millisecond, context.Background(), "found no verdict after 50ms"},
		{"the caller cancels", "exec sleep 600", time.Minute, stopped, "context canceled"},
		{"no verdict", "echo hello", time.Minute, context.Background(), `found "hello\n"; call smoke.Main first in main`},
		{"a verdict, then a crash", `echo '{"Passed":true}'; exit 2`, time.Minute, context.Background(), "ended with exit status 2"},
		{"endless output", "exec yes", time.Second, context.Background(), "found no verdict after 1s"},
	} {
		t.Run(c.name, func(t *testing.T) {
			run := runner{timeout: c.timeout, command: []string{"/bin/sh", "-c", c.script}}
			err := run.run(c.ctx, Trial{Wasm: []byte("wasm"), Config: []byte("{}")})
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("the trial returned %v, want %q", err, c.want)
			}
		})
	}
}

func TestATrialThatIsLateInTheBackgroundIsRepeated(t *testing.T) {
	if !hasBackground {
		t.Log("trials do not run in the background on this system")
		return
	}
	// The first child creates the file and hangs.
	again := filepath.Join(t.TempDir(), "again")
	script := fmt.Sprintf("test -e %s && echo '{\"Passed\":true}' && exit; touch %[1]s; exec sleep 600", again)
	run := runner{timeout: 8 * time.Second, command: []string{"/bin/sh", "-c", script}}
	if err := run.run(context.Background(), Trial{Config: []byte("{}"), Background: true}); err != nil {
		t.Errorf("the trial returned %v", err)
	}
}

func TestATrialThatCannotBeStartedIsAnError(t *testing.T) {
	err := runner{timeout: time.Minute, command: []string{"/does/not/exist"}}.run(context.Background(), Trial{Config: []byte("{}")})
	if err == nil || !strings.Contains(err.Error(), "expected to start this program as a child process, found fork/exec /does/not/exist") {
		t.Errorf("the trial returned %v", err)
	}
}

func TestAChildStartsNoOther(t *testing.T) {
	t.Setenv(marker, "1")
	if err := Run(context.Background(), Trial{}); err == nil || !strings.Contains(err.Error(), "found that it starts another trial") {
		t.Errorf("the trial returned %v", err)
	}
}

func TestATrialIsReadAsItWasWritten(t *testing.T) {
	want := Trial{Wasm: []byte("\n{wasm}"), Config: []byte(`{"abi":1}`), Memory: 1 << 40, Background: true}
	text, err := want.encode()
	if err != nil {
		t.Fatal(err)
	}
	var got Trial
	if err := got.decode(bytes.NewReader(append(text, want.Wasm...))); err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got.Wasm, want.Wasm) || !bytes.Equal(got.Config, want.Config) || got.Memory != want.Memory || !got.Background {
		t.Errorf("decoded %+v, want %+v", got, want)
	}
	for _, bad := range []string{"", "{", `{"Size":-1}`, `{"Size":1000000000}`, `{"Size":5}abc`} {
		var out bytes.Buffer
		if code := child(strings.NewReader(bad), &out, nil); code != 0 || !strings.Contains(out.String(), "cannot be tried") {
			t.Errorf("%q: exit %d, %s", bad, code, &out)
		}
	}
}

// failing is a writer that fails.
type failing struct{}

func (failing) Write([]byte) (int, error) { return 0, errors.New("closed") }

func TestAChildThatCannotWriteItsVerdictFails(t *testing.T) {
	if code := child(strings.NewReader(""), failing{}, nil); code == 0 {
		t.Error("the exit code is 0, expected a failure")
	}
}
