package main

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/tenantedge/tenantedge/edge/stats"
)

const (
	hostileStatus = `{"at":"2026-11-30T12:00:00Z","in_progress":3,"websockets":{"handled":1,"relayed":2,"passing":4},"host":{
		"guest":{"digest":"abc","name":"evil\u001b]0;title\u0007\nname","version":"1"},
		"current":{"calls":10,"fuel":500,"busy":1,"call_seconds":{"bounds":[0.000001,0.000002],"counts":[0,10,0],"sum":0.000015},"traps":{"fuel":2}},
		"requests":{"tenant":10}}}`
	hostileUsage = `{"from":"2026-11-30T12:00:00Z","to":"2026-11-30T12:00:10Z","tenants":2,"total":{"requests_ok":30},
		"rows":[{"tenant":"x\u001b[31m\u009b2J\u202e\ty","requests_ok":20,"fuel":100},{"tenant":"","requests_client_error":10}]}`
)

func TestTopPrintsOneFrameWithoutControlCharacters(t *testing.T) {
	admin := edgeThatAnswers(t, map[string]string{"/status": hostileStatus, "/usage": hostileUsage})
	code, out, errOut := command("", "top", "--admin", admin, "--once", "--interval", "1ms")
	if code != exitOK {
		t.Fatalf("%d %s", code, errOut)
	}
	for _, part := range []string{
		"3 in progress", "1 handled, 2 relayed, 4 passing", "current abc evil�]0;title��name 1", "x�[31m�2J��y\n", "  (none)\n",
		"2.0       0.0      10", "2 tenants in the last 10 s, by requests\n",
	} {
		if !strings.Contains(out, part) {
			t.Errorf("the frame lacks %q:\n%s", part, out)
		}
	}
	if strings.ContainsFunc(out, func(r rune) bool { return r < ' ' && r != '\n' || r >= 0x7f && r < 0xa0 || r == '\u202e' }) {
		t.Errorf("the frame has control characters: %q", out)
	}
}

func TestTopPrintsJSON(t *testing.T) {
	admin := edgeThatAnswers(t, map[string]string{"/status": hostileStatus, "/usage": hostileUsage})
	code, out, errOut := command("", "top", "--admin", admin, "--once", "--json", "--interval", "1ms", "--sort", "fuel")
	var f frame
	if err := json.Unmarshal([]byte(out), &f); err != nil || code != exitOK {
		t.Fatalf("%d %s: %v\n%s", code, errOut, err, out)
	}
	if f.InProgress != 3 || len(f.Programs) != 1 || f.Programs[0].Micros["p50"] != 1.5 || f.Programs[0].Traps != 2 || f.Tenants.Sort != "fuel" || len(f.Tenants.Rows) != 2 {
		t.Errorf("the frame is %+v", f)
	}
	off := edgeThatAnswers(t, map[string]string{"/status": hostileStatus})
	if code, out, _ := command("", "top", "--admin", off, "--once", "--interval", "1ms"); code != exitOK || !strings.Contains(out, "usage.enabled is false") {
		t.Errorf("an edge that does not count the use of tenants: %d\n%s", code, out)
	}
}

func TestTopRefusesAWrongCommandLine(t *testing.T) {
	for _, c := range []struct {
		args []string
		code int
		says string
	}{
		{[]string{"--sort", "name"}, exitUsage, "sort: expected requests"},
		{[]string{"--limit", "0"}, exitUsage, "--limit is a number from 1"},
		{[]string{"--interval", "0s"}, exitUsage, "--interval: expected"},
		{[]string{"--admin", "http://127.0.0.1:1"}, exitFailed, "start it, or name its address with --admin"},
		{[]string{"--admin", "http://127.0.0.1:1", "extra"}, exitUsage, "expected no arguments"},
	} {
		if code, _, errOut := command("", append([]string{"top"}, c.args...)...); code != c.code || !strings.Contains(errOut, c.says) {
			t.Errorf("%q: %d %q, expected %d and %q", c.args, code, errOut, c.code, c.says)
		}
	}
}

func TestAFrameHasTheRatesSinceTheOneBefore(t *testing.T) {
	poll := func(text string) *polled {
		p := &polled{}
		if err := json.Unmarshal([]byte(text), &p.status); err != nil {
			t.Fatal(err)
		}
		return p
	}
	before := poll(hostileStatus)
	now := poll(strings.NewReplacer("12:00:00Z", "12:00:05Z", `"calls":10,"fuel":500`, `"calls":60,"fuel":5500`, `[0,10,0]`, `[5,10,5]`, `"tenant":10`, `"tenant":35,"redirect":5`).Replace(hostileStatus))
	f := (&topOptions{}).frameOf(before, now)
	p := f.Programs[0]
	if f.Seconds != 5 || f.Results["tenant"] != 5 || f.Results["redirect"] != 1 || p.Calls != 10 || p.Fuel != 1000 || p.Micros["p50"] != 1 || p.Micros["p99"] != 2 {
		t.Errorf("the frame is %+v", f)
	}
	// A guest that was swapped in counts from its own beginning.
	swapped := poll(strings.NewReplacer("12:00:00Z", "12:00:05Z", `"digest":"abc"`, `"digest":"def"`).Replace(hostileStatus))
	if f := (&topOptions{}).frameOf(before, swapped); f.Programs[0].Calls != 2 {
		t.Errorf("after a swap: %+v", f.Programs[0])
	}
}

func TestQuantilesAreInTheirBuckets(t *testing.T) {
	h := stats.Histogram{Bounds: []float64{1, 2, 4}, Counts: []uint64{10, 80, 5, 5}}
	for share, want := range map[float64]float64{0.05: 0.5, 0.5: 1.5, 0.9: 2, 0.94: 3.6, 0.99: 4, 1: 4} {
		if got, ok := quantile(&h, share); !ok || got < want-1e-9 || got > want+1e-9 {
			t.Errorf("%v: %v, want %v", share, got, want)
		}
	}
	if _, ok := quantile(&stats.Histogram{}, 0.5); ok {
		t.Error("there is a quantile of no values")
	}
}
