package accounting

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/tenantedge/tenantedge/edge/stats"
)

func open(t testing.TB, o Options) *Ledger {
	t.Helper()
	l, err := Open(o)
	if err != nil {
		t.Fatal(err)
	}
	return l
}

// serve counts requests of a tenant, each with one unit of fuel.
func serve(l *Ledger, schema string, n int) {
	for range n {
		cost := new(stats.Cost)
		cost.Add(1, 0, 0)
		l.Account(Key{Schema: schema}).Served(&Request{Status: 200, Cost: cost})
	}
}

// total returns what the report says of a tenant.
func total(l *Ledger, schema string) Usage {
	r := l.Report(&Query{Tenants: []string{schema}})
	return r.Total
}

var noon = time.Date(2026, 11, 30, 12, 0, 0, 0, time.UTC)

func TestARequestCountsByItsOutcome(t *testing.T) {
	for _, c := range []struct {
		status int
		broken bool
		want   Usage
	}{
		{200, false, Usage{OK: 1}}, {206, false, Usage{OK: 1}}, {304, false, Usage{Redirect: 1}}, {301, false, Usage{Redirect: 1}},
		{404, false, Usage{ClientError: 1}}, {502, false, Usage{ServerError: 1}}, {101, false, Usage{Websocket: 1}},
		{499, false, Usage{Aborted: 1}}, {200, true, Usage{Aborted: 1}},
	} {
		l := open(t, Options{})
		var cost stats.Cost
		cost.Add(5, 2, 3)
		l.Account(Key{}).Served(&Request{Status: c.status, Aborted: c.broken, Cost: &cost, BytesIn: 7, BytesOut: 11, UpstreamTime: 13})
		c.want.Add(&Usage{GuestCalls: 1, Fuel: 5, HostCalls: 2, GuestTime: 3, BytesIn: 7, BytesOut: 11, UpstreamTime: 13})
		if got := total(l, ""); got != c.want {
			t.Errorf("%d %v: %+v, want %+v", c.status, c.broken, got, c.want)
		}
	}
}

func TestWindowsAddUpToWhatWasCounted(t *testing.T) {
	l := open(t, Options{})
	var group sync.WaitGroup
	const each, tenants = 2000, 7
	for n := range tenants {
		group.Go(func() { serve(l, fmt.Sprint("t", n), each) })
	}
	for range 50 {
		if err := l.close(time.Now()); err != nil {
			t.Fatal(err)
		}
	}
	group.Wait()
	for n := range tenants {
		if u := total(l, fmt.Sprint("t", n)); u != (Usage{OK: each, GuestCalls: each, Fuel: each}) {
			t.Errorf("t%d: %+v", n, u)
		}
	}
	if r := l.Report(&Query{}); r.Tenants != tenants || r.Total.OK != each*tenants || len(r.Rows) != tenants {
		t.Errorf("the report is %+v", r)
	}
}

func TestOldWindowsAreMergedIntoHoursAndThenDropped(t *testing.T) {
	ws := windows{limit: 1 << 20}
	const minutes = 10 * 24 * 60
	for n := range minutes {
		start := noon.Add(time.Duration(n) * time.Minute)
		ws.add(window{start, time.Minute, []row{{Key{Schema: "a"}, Usage{OK: 1}}, {Key{Schema: fmt.Sprint(n % 3)}, Usage{OK: 1}}}}, start.Add(time.Minute))
	}
	if want := 7*24 + 60; len(ws.all) < want-2 || len(ws.all) > want+3 {
		t.Errorf("%d windows are kept, want about %d", len(ws.all), want)
	}
	sum, rows := uint64(0), 0
	for i, w := range ws.all {
		rows += len(w.rows)
		if i > 0 && w.start.Before(ws.all[i-1].end()) {
			t.Errorf("the window of %s begins before the end of the one before, %s", w.start, ws.all[i-1].end())
		}
		if i > 0 && i < ws.hours && (w.length != time.Hour || len(w.rows) != 4) {
			if i < ws.hours-1 {
				t.Errorf("the window of the hour %s has %s and %d rows", w.start, w.length, len(w.rows))
			}
		}
		for _, r := range w.rows {
			if r.key.Schema == "a" {
				sum += r.usage.OK
			}
		}
	}
	if rows != ws.rows {
		t.Errorf("%d rows are counted, want %d", ws.rows, rows)
	}
	if covered := ws.all[len(ws.all)-1].end().Sub(ws.all[0].start); sum != uint64(covered.Minutes()) {
		t.Errorf("%d requests in %s, want one in each minute", sum, covered)
	}
}

func TestTheMemoryOfWindowsIsBounded(t *testing.T) {
	ws := windows{limit: 1000}
	for n := range 200 {
		start := noon.Add(time.Duration(n) * time.Minute)
		w := window{start: start, length: time.Minute}
		for i := range 100 {
			w.rows = append(w.rows, row{Key{Schema: fmt.Sprintf("t%04d", (n*10+i)%5000)}, Usage{OK: 1}})
		}
		ws.add(w, start.Add(time.Minute))
		if ws.rows > ws.limit {
			t.Fatalf("%d rows are kept after window %d, want at most %d", ws.rows, n, ws.limit)
		}
	}
	if ws.rows < 100 || ws.all[len(ws.all)-1].start != noon.Add(199*time.Minute) {
		t.Errorf("%d rows are kept, the last of %s", ws.rows, ws.all[len(ws.all)-1].start)
	}
}

func TestAnAccountIsDroppedOnceItIsIdle(t *testing.T) {
	gone := map[Key]bool{}
	l := open(t, Options{Exists: func(k Key) bool { return !gone[k] }})
	accounts := func() int { l.mu.Lock(); defer l.mu.Unlock(); _, n := l.live(time.Now()); return n }
	serve(l, "a", 1)
	held := l.Hold(Key{Schema: "held"})
	removed := Key{Schema: "removed", ID: "7"}
	l.Account(removed).Received(5)
	gone[removed] = true
	rotate := func(n int) {
		for range n {
			if err := l.close(time.Now()); err != nil {
				t.Fatal(err)
			}
		}
	}
	rotate(1)
	if n := accounts(); n != 3 {
		t.Errorf("%d accounts after a window, want 3", n)
	}
	rotate(2)
	if l.shards[0].accounts[removed] != nil || accounts() != 2 {
		t.Errorf("%d accounts, want those of the tenants that exist", accounts())
	}
	rotate(20)
	if n := accounts(); n != 1 {
		t.Errorf("%d accounts after many windows, want the one that is held", n)
	}
	held.Sent(3)
	held.Release()
	rotate(20)
	if n := accounts(); n != 0 {
		t.Errorf("%d accounts, want none", n)
	}
	if u := total(l, "removed"); u.WebsocketIn != 5 {
		t.Errorf("of the removed tenant: %+v", u)
	}
	if u := total(l, "held"); u.WebsocketOut != 3 {
		t.Errorf("of the held account: %+v", u)
	}
	serve(l, "a", 1)
	if u := total(l, "a"); u.OK != 2 {
		t.Errorf("of a tenant that comes back: %+v", u)
	}
}

func TestOpenWebsocketsCountInEachWindow(t *testing.T) {
	var a Account
	a.holders.Add(2)
	at := func(seconds int) time.Time { return noon.Add(time.Duration(seconds) * time.Second) }
	a.count(at(0), 1)
	a.count(at(10), 1)
	if u := a.usage(at(15)); u.WebsocketTime != uint64(20*time.Second) {
		t.Errorf("%d ns after 15 s and 5 s", u.WebsocketTime)
	}
	a.count(at(20), ^uint64(0))
	a.count(at(30), ^uint64(0))
	if u := a.usage(at(100)); u.WebsocketTime != uint64(40*time.Second) {
		t.Errorf("%d ns, want those of 40 s", u.WebsocketTime)
	}
}

func TestTrackedTenantsDoNotTakeTurns(t *testing.T) {
	l := open(t, Options{Tracked: 2})
	window := func(requests map[string]int) {
		for schema, n := range requests {
			serve(l, schema, n)
		}
		if err := l.close(time.Now()); err != nil {
			t.Fatal(err)
		}
	}
	tracked := func() string {
		names := []string{}
		for name := range l.Tracked().Tenants {
			names = append(names, name)
		}
		if len(names) == 2 && names[0] > names[1] {
			names[0], names[1] = names[1], names[0]
		}
		return strings.Join(names, " ")
	}
	window(map[string]int{"a": 100, "b": 90, "c": 80, "": 500})
	for range 20 {
		window(map[string]int{"a": 90, "b": 80, "c": 100})
		if got := tracked(); got != "a b" {
			t.Fatalf("tracked: %s, want a b", got)
		}
	}
	if u := l.Tracked(); u.Tenants["a"].OK != 20*90 || u.Tenants["b"].OK != 20*80 || u.Other.OK != 100+90+80+500+20*100 {
		t.Errorf("tracked: a %d, b %d, others %d", u.Tenants["a"].OK, u.Tenants["b"].OK, u.Other.OK)
	}
	before := l.Tracked().Other.OK
	for range 20 {
		window(map[string]int{"a": 90, "b": 10, "c": 300})
	}
	if got := tracked(); got != "a c" {
		t.Errorf("tracked: %s, want a c", got)
	}
	if u := l.Tracked(); u.Other.OK < before || u.Tenants["c"].OK == 0 || u.Tenants["c"].OK > 20*300 {
		t.Errorf("others %d after %d, c %d", u.Other.OK, before, u.Tenants["c"].OK)
	}
	serve(l, "a", 5)
	serve(l, "b", 7)
	a, other := l.Tracked().Tenants["a"].OK, l.Tracked().Other.OK
	window(nil)
	if u := l.Tracked(); u.Tenants["a"].OK != a || u.Other.OK != other {
		t.Errorf("closing a window changes what was counted: a %d, then %d; others %d, then %d", a, u.Tenants["a"].OK, other, u.Other.OK)
	}
}

func TestReportsAreGroupedSortedAndLimited(t *testing.T) {
	rows := []Row{
		{noon, 60, "a", "", Usage{OK: 1, Fuel: 30}}, {noon, 60, "b", "1", Usage{OK: 5, Fuel: 20}}, {noon, 60, "c", "", Usage{OK: 3, Fuel: 10}},
		{noon.Add(time.Minute), 60, "a", "", Usage{OK: 10}}, {noon.Add(time.Hour), 3600, "a", "", Usage{OK: 100}},
		{noon.Add(24 * time.Hour), 60, "b", "2", Usage{ServerError: 1000}},
	}
	short := func(r Report) string {
		var parts []string
		for _, r := range r.Rows {
			parts = append(parts, fmt.Sprintf("%s+%g %s%s=%d", r.Start.Format("02T15:04"), r.Seconds, r.Tenant, r.ID, r.Requests()))
		}
		return strings.Join(parts, ", ")
	}
	for _, c := range []struct {
		query Query
		want  string
	}{
		{Query{}, "30T12:00+86460 a=111, 30T12:00+86460 b1=5, 30T12:00+86460 b2=1000, 30T12:00+86460 c=3"},
		{Query{Sort: "requests", Limit: 2}, "30T12:00+86460 b2=1000, 30T12:00+86460 a=111"},
		{Query{Sort: "fuel", Limit: 2}, "30T12:00+86460 a=111, 30T12:00+86460 b1=5"},
		{Query{By: Hour, Tenants: []string{"a"}}, "30T12:00+120 a=11, 30T13:00+3600 a=100"},
		{Query{By: Day, Sort: "requests"}, "30T12:00+7200 a=111, 30T12:00+7200 b1=5, 30T12:00+7200 c=3, 01T12:00+60 b2=1000"},
		{Query{By: Each, Since: noon.Add(time.Minute), Until: noon.Add(2 * time.Hour)}, "30T12:01+60 a=10, 30T13:00+3600 a=100"},
	} {
		if err := c.query.Check(); err != nil {
			t.Error(err)
		}
		s := NewSum(&c.query)
		for i := range rows {
			s.Add(&rows[i])
		}
		if got := short(s.Report()); got != c.want {
			t.Errorf("%+v:\n%s\nwant\n%s", c.query, got, c.want)
		}
	}
	for _, bad := range []Query{{By: "year"}, {Sort: "price"}, {Limit: -1}} {
		if bad.Check() == nil {
			t.Errorf("%+v is accepted", bad)
		}
	}
}

func TestNamesInACSVAreNoFormulasAndControlNoTerminal(t *testing.T) {
	for id, want := range map[string]string{
		"=cmd|' /C calc'!A0": "'=cmd|' /C calc'!A0", "+1": "'+1", "-1": "'-1", "@SUM(1)": "'@SUM(1)", "'=1": "''=1",
		"\t=1": "\uFFFD=1", "a\nb": "a\uFFFDb", "\x1b]0;x\a\u009b": "\uFFFD]0;x\uFFFD\uFFFD",
		"7": "7", "": "", "é-1": "é-1", "0b5c7b9e-1": "0b5c7b9e-1",
	} {
		r := Report{Rows: []Row{{noon, 60, "acme", id, Usage{}}}}
		var out bytes.Buffer
		if err := r.WriteCSV(&out, nil); err != nil {
			t.Fatal(err)
		}
		lines, err := csv.NewReader(&out).ReadAll()
		if err != nil || len(lines) != 2 || lines[1][3] != want {
			t.Errorf("%q: %q, %v, expected %q", id, lines, err, want)
		}
	}
}

func TestACSVHasAllFigures(t *testing.T) {
	var u Usage
	for n, figure := range u.Figures() {
		*figure = uint64(n + 1)
	}
	r := Report{Rows: []Row{{noon, 60, `a,"b`, "7", u}}}
	var out bytes.Buffer
	if err := r.WriteCSV(&out, nil); err != nil {
		t.Fatal(err)
	}
	lines, err := csv.NewReader(&out).ReadAll()
	if err != nil || len(lines) != 2 {
		t.Fatalf("%d lines, %v", len(lines), err)
	}
	if got := strings.Join(lines[1], " "); got != `2026-11-30T12:00:00Z 60 a,"b 7 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16` {
		t.Errorf("the row is %s", got)
	}
	// The names of the columns are those of the JSON.
	text, err := json.Marshal(u)
	if err != nil {
		t.Fatal(err)
	}
	var fields map[string]uint64
	if err := json.Unmarshal(text, &fields); err != nil || len(fields) != len(Columns) {
		t.Fatalf("%s: %v", text, err)
	}
	for n, name := range Columns {
		if fields[name] != uint64(n+1) {
			t.Errorf("%s is %d in JSON, want %d", name, fields[name], n+1)
		}
	}
}

func TestAnotherProcessGoesOnWithTheFiles(t *testing.T) {
	folder := filepath.Join(t.TempDir(), "usage")
	for n := range 3 {
		l := open(t, Options{Folder: folder})
		l.load()
		if got := total(l, "a").OK; got != uint64(n*10) {
			t.Errorf("process %d begins with %d requests, want %d", n, got, n*10)
		}
		serve(l, "a", 10)
		if err := l.Close(); err != nil {
			t.Fatal(err)
		}
	}
	names, err := Files(folder)
	if err != nil || len(names) != 1 {
		t.Fatalf("%d files, %v; want one", len(names), err)
	}
	// A process that was killed while it wrote.
	file, err := os.OpenFile(names[0], os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := file.WriteString(`{"start":"2026-11-30T12:0`); err != nil {
		t.Fatal(err)
	}
	if err := file.Close(); err != nil {
		t.Fatal(err)
	}
	l := open(t, Options{Folder: folder})
	l.load()
	serve(l, "a", 10)
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	data, err := os.ReadFile(names[0])
	if err != nil {
		t.Fatal(err)
	}
	sum := uint64(0)
	var malformed *Malformed
	if err := Read(bytes.NewReader(data), func(r *Row) { sum += r.OK }); !errors.As(err, &malformed) || malformed.Count != 1 || malformed.Line != 4 || sum != 40 {
		t.Errorf("%d requests in the file, %v; want 40 and one line that is none", sum, err)
	}
}

// The last window of a process before is recent only if it adjoins the open one.
func TestWhatWasUsedLongBeforeAStartIsNotRecent(t *testing.T) {
	for ago, want := range map[time.Duration]uint64{time.Minute + time.Second: 7, time.Hour / 4: 0} {
		folder := t.TempDir()
		row := fmt.Sprintf(`{"start":%q,"seconds":60,"tenant":"a","requests_ok":7}`+"\n", time.Now().Add(-ago).UTC().Format(time.RFC3339Nano))
		if err := os.WriteFile(filepath.Join(folder, "usage-20261130T120000.000000000Z.jsonl"), []byte(row), 0o600); err != nil {
			t.Fatal(err)
		}
		l := open(t, Options{Folder: folder})
		l.load()
		r := l.Report(&Query{By: Recent})
		if covered := r.To.Sub(r.From); r.Total.OK != want || (covered > 2*time.Minute) {
			t.Errorf("%v ago: %d requests in %v, expected %d", ago, r.Total.OK, covered, want)
		}
		if all := total(l, "a").OK; all != 7 {
			t.Errorf("%v ago: %d requests in total, expected 7", ago, all)
		}
	}
}

func TestFilesAreBounded(t *testing.T) {
	folder := t.TempDir()
	l := open(t, Options{Folder: folder, MaxBytes: 300, MaxFiles: 3})
	for range 30 {
		serve(l, "a", 1)
		if err := l.close(time.Now()); err != nil {
			t.Fatal(err)
		}
	}
	names, err := Files(folder)
	if err != nil || len(names) != 3 {
		t.Fatalf("%d files, %v; want 3", len(names), err)
	}
	for _, name := range names {
		info, err := os.Stat(name)
		if err != nil || info.Size() > 300+200 || info.Mode().Perm() != 0o600 {
			t.Errorf("%s: %v, %v", name, info, err)
		}
	}
}

func TestWhatCannotBeWrittenIsWrittenLater(t *testing.T) {
	folder := filepath.Join(t.TempDir(), "usage")
	l := open(t, Options{Folder: folder})
	if err := os.Remove(folder); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(folder, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	serve(l, "a", 3)
	if err := l.close(time.Now()); err == nil {
		t.Error("closing a window that cannot be written reports no error")
	}
	if err := os.Remove(folder); err != nil {
		t.Fatal(err)
	}
	serve(l, "a", 4)
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	again := open(t, Options{Folder: folder})
	again.load()
	if got := total(again, "a").OK; got != 7 {
		t.Errorf("%d requests are in the files, want 7", got)
	}
}

func TestCountingAllocatesNothing(t *testing.T) {
	l := open(t, Options{})
	serve(l, "acme", 1)
	schema, id := "acme", ""
	r := Request{Status: 200, Cost: new(stats.Cost), BytesOut: 5}
	if n := testing.AllocsPerRun(1000, func() { l.Account(Key{schema, id}).Served(&r) }); n != 0 {
		t.Errorf("%v allocations for a request, want none", n)
	}
}

func FuzzRead(f *testing.F) {
	f.Add(`{"start":"2026-11-30T12:00:00Z","seconds":60,"tenant":"acme","requests_ok":3,"fuel":8679}` + "\n")
	f.Add(`{"start":"1901-01-01T00:00:00Z","seconds":-1}` + "\nnull\n[]\n{")
	f.Add(`{"start":"2026-11-30T12:00:00Z","seconds":1e300,"fuel":18446744073709551615}` + "\n" + `{"start":"9999-11-30T12:00:00Z","seconds":1e18,"fuel":18446744073709551615}`)
	f.Fuzz(func(t *testing.T, text string) {
		rows := 0
		sums := []*Sum{NewSum(&Query{By: Each}), NewSum(&Query{By: Day, Sort: "fuel"}), NewSum(&Query{})}
		_ = Read(strings.NewReader(text), func(r *Row) {
			rows++
			for _, s := range sums {
				s.Add(r)
			}
		})
		for _, s := range sums {
			r := s.Report()
			if len(r.Rows) > rows {
				t.Errorf("%d rows of %d", len(r.Rows), rows)
			}
			if err := r.WriteCSV(&bytes.Buffer{}, func(*Usage) string { return "1" }); err != nil {
				t.Error(err)
			}
			if _, err := json.Marshal(r); err != nil {
				t.Error(err)
			}
		}
	})
}
