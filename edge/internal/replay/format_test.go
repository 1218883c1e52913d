package replay_test

import (
	"context"
	"errors"
	"os"
	"strings"
	"testing"

	"github.com/tenantedge/tenantedge/assets"
	"github.com/tenantedge/tenantedge/edge/internal/replay"
)

// example returns the example of FORMAT.md.
func example(t *testing.T) string {
	t.Helper()
	page, err := os.ReadFile("../record/FORMAT.md")
	if err != nil {
		t.Fatal(err)
	}
	_, rest, found := strings.Cut(string(page), "```jsonl\n")
	text, _, closed := strings.Cut(rest, "```")
	if !found || !closed {
		t.Fatal("FORMAT.md has no example")
	}
	return text
}

func TestTheDefaultGuestDecidesTheExampleOfTheFormatAlike(t *testing.T) {
	r := replay.New(context.Background(), replay.Options{Guest: assets.Router, CompileCache: compileCache})
	err := r.Log("FORMAT.md", strings.NewReader(example(t)))
	report, ended := r.End()
	if err != nil || ended != nil {
		t.Fatal(err, ended)
	}
	// The fuel of the page is that of one version of the guest.
	if report.Requests != 3 || report.Counts([]string{replay.MoreFuel, replay.LessFuel}) {
		t.Errorf("%s", printed(report))
	}
}

func TestErrorsOfAReplayNameTheirPlace(t *testing.T) {
	text := example(t)
	for _, c := range []struct {
		name, log string
		guest     []byte
		want      string
	}{
		{"no log", "", assets.Router, "log: expected a log of requests, found an empty file"},
		{"another file", "hello\n", assets.Router, "log:1: expected a log of requests"},
		{"a bad line", text + "{}\n", assets.Router, "log:11: expected {\"v\":"},
		{"no settings", strings.Replace(text, `"headers":`, `"no_settings":true,"headers":`, 1), assets.Router, "log:1: the log has no settings of the guest"},
		{"no guest", text, []byte("no guest"), "the candidate: guest"},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := replay.New(context.Background(), replay.Options{Guest: c.guest, CompileCache: compileCache})
			err := r.Log("log", strings.NewReader(c.log))
			if _, ended := r.End(); err == nil {
				err = ended
			}
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("the error is %v, want %q", err, c.want)
			}
		})
	}
}

// What depended on the load of the machine is not compared.
func TestDeadlinesAreNotCompared(t *testing.T) {
	text := example(t)
	at := strings.LastIndex(text, `"decision":`)
	text = text[:at] + `"failed":"deadline","error":"late"}` + "\n"
	r := replay.New(context.Background(), replay.Options{Guest: assets.Router, CompileCache: compileCache})
	err := r.Log("log", strings.NewReader(text))
	report, ended := r.End()
	if err != nil || ended != nil || report.Skipped != 1 || report.Same+report.Differ != 2 {
		t.Errorf("%s, %v, %v", printed(report), err, ended)
	}
}

func TestATruncatedLogIsNoted(t *testing.T) {
	text := example(t)
	r := replay.New(context.Background(), replay.Options{Guest: assets.Router, CompileCache: compileCache})
	err := r.Log("log", strings.NewReader(text[:len(text)-5]))
	report, ended := r.End()
	if err != nil || ended != nil || report.Requests != 2 || len(report.Notes) == 0 || !strings.Contains(report.Notes[0], "log: the file ends in the middle") {
		t.Errorf("%s, %v, %v", printed(report), err, ended)
	}
}

func TestAReplayThatIsCancelledReportsNothing(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	r := replay.New(ctx, replay.Options{Guest: assets.Router, CompileCache: compileCache})
	err := r.Log("log", strings.NewReader(example(t)))
	report, ended := r.End()
	if !errors.Is(errors.Join(err, ended), context.Canceled) || report != nil {
		t.Errorf("the report is %v, %v, %v", report, err, ended)
	}
}
