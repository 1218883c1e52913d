package record

import (
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/tenantedge/tenantedge/edge/internal/guests"
	"github.com/tenantedge/tenantedge/guest/abi"
	"github.com/tenantedge/tenantedge/tenantdb"
)

func newGeneration(guest string) *generation {
	return &generation{Header{Version: Version, Guest: guest, Config: []byte(`{"abi":1}`), Headers: []string{"Tenant"}}}
}

// newEntry returns request n.
func newEntry(g *generation, n int) *entry {
	e := &entry{guest: g, decided: &guests.Decision{Outcome: abi.Tenant}, size: 100}
	e.Time, e.Fuel = int64(n), uint64(n)
	e.Request.Request = guests.Request{Method: "GET", Scheme: "https", Host: fmt.Sprintf("h%d.example.com", n), Target: "/x"}
	e.decided.Tenant.Schema, e.decided.Tenant.Dynamic, e.decided.Tenant.ID = "t", true, "1"
	row := &tenantdb.Match{Tenant: tenantdb.Tenant{ID: "1", Schema: "t"}, Domain: e.Request.Request.Host}
	e.Asks = []*Ask{{Kind: AskDomain, Of: []string{e.Request.Request.Host, ""}, Row: row}}
	return e
}

// read returns the requests of all files of a folder.
func read(t *testing.T, folder string) (all []Request) {
	t.Helper()
	names, err := Files(folder)
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range names {
		data, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		found, _, err := decoded(data)
		if err != io.EOF && !errors.Is(err, ErrTruncated) {
			t.Fatalf("%s: %v", name, err)
		}
		all = append(all, found...)
	}
	return all
}

func TestFilesAreRotatedAndBounded(t *testing.T) {
	folder := t.TempDir()
	w := writer{options: &Options{Folder: folder, MaxBytes: 2000, MaxFiles: 3}}
	g, other := newGeneration("a"), newGeneration("b")
	for n := range 1000 {
		if n%20 == 0 { // another guest begins another section
			g, other = other, g
		}
		w.add(newEntry(g, n))
		if err := w.write(n%10 == 0, n == 999); err != nil {
			t.Fatal(err)
		}
	}
	names, err := Files(folder)
	if err != nil || len(names) != 3 {
		t.Fatalf("the files are %q, %v: expected 3", names, err)
	}
	for _, name := range names {
		info, err := os.Stat(name)
		if err != nil || info.Size() > 4000 {
			t.Errorf("%s has %d bytes, %v: expected about 2000", name, info.Size(), err)
		}
		if runtime.GOOS != "windows" && info.Mode().Perm() != 0o600 {
			t.Errorf("%s has the mode %v: expected 0600", name, info.Mode())
		}
	}
	all := read(t, folder)
	if len(all) < 50 || all[len(all)-1].Time != 999 || all[0].Time != 1000-int64(len(all)) {
		t.Errorf("the files have %d requests, from %d to %d: expected the last ones", len(all), all[0].Time, all[len(all)-1].Time)
	}
	if s := w.taken(); s.Written != 1000 || s.Dropped != 0 || s.Errors != 0 || s.Bytes == 0 {
		t.Errorf("the figures are %+v", s)
	}
}

// A program that is killed leaves a frame without an end, and lines that are not
// complete.
func TestATruncatedFileIsReadUpToItsEnd(t *testing.T) {
	folder := t.TempDir()
	w := writer{options: &Options{Folder: folder, MaxBytes: 1 << 20, MaxFiles: 1}}
	g := newGeneration("a")
	var flushed []int64 // size of the file after each request
	for n := range 50 {
		w.add(newEntry(g, n))
		if err := w.write(true, n == 49); err != nil {
			t.Fatal(err)
		}
		flushed = append(flushed, w.size)
	}
	names, err := Files(folder)
	if err != nil || len(names) != 1 {
		t.Fatal(names, err)
	}
	data, err := os.ReadFile(names[0])
	if err != nil {
		t.Fatal(err)
	}
	for size := range int64(len(data)) {
		all, _, err := decoded(data[:size])
		complete := 0
		for _, end := range flushed {
			if end <= size {
				complete++
			}
		}
		if size > 20 && !errors.Is(err, ErrTruncated) || len(all) < complete {
			t.Errorf("of %d bytes %d requests are read, %v: expected %d", size, len(all), err, complete)
		}
	}
}

func TestTheQueueIsBounded(t *testing.T) {
	l := &Log{wake: make(chan struct{}, 1), full: make(chan struct{}, 1)}
	e := newEntry(newGeneration("a"), 1)
	e.size = maxQueued / 10
	for range 15 {
		l.put(e)
	}
	large := newEntry(e.guest, 2)
	large.tooMuch = true
	l.put(large)
	if s := l.Stats(); len(l.queue) != 10 || s.Dropped != 6 {
		t.Errorf("%d requests wait and %d were dropped: expected 10 and 6", len(l.queue), s.Dropped)
	}
}

func TestAFolderThatCannotBeWrittenIsAnError(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, folder := range []string{"", file, filepath.Join(file, "below")} {
		if _, err := Open(Options{Folder: folder, Rate: 1, Logger: slog.Default()}); err == nil || !strings.Contains(err.Error(), "expected") {
			t.Errorf("the folder %q: %v", folder, err)
		}
	}
}

func TestMistakesInLogsAreReportedWithTheirLine(t *testing.T) {
	first := strings.SplitAfter(body, "\n")
	for _, c := range []struct{ name, text, want string }{
		{"nothing", "", "EOF"},
		{"no header", body, "log:1: expected a log of requests"},
		{"another version", strings.Replace(header, `"v":1`, `"v":7`, 1), "log:1: expected version 1 of the format, found 7"},
		{"an unknown key of the header", strings.Replace(header, `"guest"`, `"gast"`, 1), `log:1: expected the header of a log of requests: json: unknown field "gast"`},
		{"an unknown line", header + `{"z":1}` + "\n", "log:2: expected {\"v\":"},
		{"an unknown key", header + `{"t":1,"path":"/"}` + "\n", `log:2: at byte 15: expected a key that FORMAT.md lists, found "path"`},
		{"a number out of turn", header + strings.Replace(first[0], `"r":0`, `"r":1`, 1), "expected the number 0"},
		{"an undefined row", header + first[1], "expected the number of a row above, of 0, found 0"},
		{"an undefined question", header + first[4], "expected the number of a question above, of 0, found 0"},
		{"too many values", header + `{"t":1,"headers":[null,null,null]}` + "\n", "expected at most 2 values"},
		{"no decision", header + `{"t":1,"fuel":1}` + "\n", "expected either decision or failed"},
		{"too few texts", header + `{"a":0,"ask":"query","of":["x"]}` + "\n", `expected 3 texts in of for "query", found 1`},
		{"a bad byte", header + "{\"t\":1,\"host\":\"\xff\"}\n", "expected UTF-8"},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, _, err := decoded([]byte(c.text))
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("the error is %v, want %q", err, c.want)
			}
		})
	}
}
