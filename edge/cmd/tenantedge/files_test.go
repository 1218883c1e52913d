package main

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestFilesOfATenantFromTheCommandLine(t *testing.T) {
	config, location := writeFile(t, "edge.yaml", acme), t.TempDir()
	local := writeFile(t, "report.txt", "figures")
	do := func(stdin, want string, args ...string) {
		t.Helper()
		code, stdout, stderr := command(stdin, append([]string{"files", "-c", config, "-l", location}, args...)...)
		if code != exitOK || stdout != want {
			t.Errorf("%q: exit %d %s\n%q, expected %q", args, code, stderr, stdout, want)
		}
	}
	do("", "", "-t", "acme", "ls") // it has no files yet
	do("", "", "-t", "acme", "ls", "./")
	do("", "report.txt\n", "-t", "acme", "put", local)
	do("piped", "d/x.txt\n", "-t", "7", "put", "-", "d/x.txt")
	do("", "piped", "-t", "acme", "get", "d/x.txt")
	if got, err := os.ReadFile(filepath.Join(location, "acme-files", "d", "x.txt")); string(got) != "piped" || err != nil {
		t.Errorf("%q, %v: expected the file in the folder that the guest names", got, err)
	}
	copied := filepath.Join(t.TempDir(), "copy")
	do("", "", "-t", "acme", "get", "report.txt", copied)
	if got, err := os.ReadFile(copied); string(got) != "figures" || err != nil {
		t.Errorf("%q, %v", got, err)
	}
	code, stdout, stderr := command("", "files", "-c", config, "-l", location, "-t", "acme", "ls")
	if lines := strings.Split(stdout, "\n"); code != exitOK || len(lines) != 3 || !strings.HasSuffix(lines[0], " d/") ||
		!strings.HasPrefix(lines[1], "7 ") || !strings.HasSuffix(lines[1], " report.txt") {
		t.Errorf("exit %d %s\n%s", code, stderr, stdout)
	}
	do("", "", "-t", "acme", "rm", "report.txt", "missing")
	do("", "e/\x1b[2J\n", "-t", "acme", "put", local, "e/\x1b[2J")
	if code, stdout, stderr := command("", "files", "-c", config, "-l", location, "-t", "acme", "ls", "e"); code != exitOK || !strings.HasSuffix(stdout, ` "\x1b[2J"`+"\n") {
		t.Errorf("exit %d %s\n%q: expected a quoted name", code, stderr, stdout)
	}
	// Like Django, put reads a backslash as a slash, and prints the name.
	do("b", "b/s.txt\n", "-t", "acme", "put", "-", `b\s.txt`)
	do("", "b", "-t", "acme", "get", "b/s.txt")
	do("x", "x.txt\n", "-t", "www", "put", "-", "x.txt")
	for want, args := range map[string][]string{
		"suspicious":                    {"-t", "acme", "get", "../www/x.txt"},
		"missing: no such file":         {"-t", "acme", "ls", "missing"},
		"no such file":                  {"-t", "acme", "get", "report.txt"},
		`b\s.txt: no such file`:         {"-t", "acme", "get", `b\s.txt`},
		"does not exist, found it":      {"-t", "acme", "get", "d/x.txt", copied},
		`found none named "unknown"`:    {"-t", "unknown", "ls"},
		"expected --tenant":             {"ls"},
		"expected a name for standard":  {"-t", "acme", "put", "-"},
		"expected a name and optionall": {"-t", "acme", "get"},
		"files rm: expected one or mor": {"-t", "acme", "rm"},
	} {
		code, stdout, stderr := command("", append([]string{"files", "-c", config, "-l", location}, args...)...)
		if code == exitOK || !strings.Contains(stderr, want) {
			t.Errorf("%q: exit %d %s%s, expected %q", args, code, stdout, stderr, want)
		}
	}
}

func TestALongTransferShowsItsProgress(t *testing.T) {
	var shown bytes.Buffer
	bar := transferOn(&shown, 4<<20)
	if bar.bar.shown {
		t.Error("a progress bar is shown, but the output is not a terminal")
	}
	bar.bar.shown = true
	for _, want := range []int{25, 50, 75, 100} {
		if _, _ = bar.Write(make([]byte, 1<<20)); !strings.HasSuffix(shown.String(), fmt.Sprintf("] %3d %%", want)) {
			t.Errorf("%q, expected %d %%", shown.String(), want)
		}
	}
	bar.end()
}
