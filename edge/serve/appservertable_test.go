//go:build unix

package serve

import (
	"fmt"
	"os"
	"regexp"
	"strings"
	"testing"
)

// serversPage holds the findings. `make servers` writes it. Every run compares it
// with the servers that are installed in the same version.
const serversPage = "SERVERS.md"

// findings are texts by check, then by server. Those of the check "" are the
// servers' versions.
type findings map[string]map[string]string

func (f findings) set(check, server, found string) {
	if f[check] == nil {
		f[check] = map[string]string{}
	}
	f[check][server] = found
}

// TestApplicationServers tests the servers of the short run, or all servers with
// TENANTEDGE_SERVERS=all.
func TestApplicationServers(t *testing.T) {
	text, err := os.ReadFile(serversPage)
	if err != nil && !everyServer {
		t.Fatal(err)
	}
	documented, found := readFindings(string(text)), findings{}
	for _, a := range appServers {
		if !a.short && !everyServer {
			continue
		}
		t.Run(a.name, func(t *testing.T) {
			app := a.start(t)
			w := start(t, withUpstream(app.url()))
			found.set("", a.name, app.version)
			for _, c := range appServerChecks {
				t.Run(c.name, func(t *testing.T) { found.set(c.name, a.name, strings.Join(c.run(pair{t, app, w}), "; ")) })
			}
			if t.Failed() {
				t.Logf("tail of the server's log: %.2000s", app.Log())
			}
		})
	}
	switch {
	case everyServer && !t.Failed() && len(found[""]) == len(appServers):
		if err := os.WriteFile(serversPage, []byte(found.page()), 0o644); err != nil {
			t.Fatal(err)
		}
	case !everyServer:
		found.compare(t, documented)
	}
}

// compare reports where the page differs for a server in the same version.
func (f findings) compare(t *testing.T, documented findings) {
	for server, version := range f[""] {
		if documented[""][server] != version {
			t.Logf("%s has version %s here, %s has %q", server, version, serversPage, documented[""][server])
			continue
		}
		for _, c := range appServerChecks {
			if found := f[c.name][server]; documented[c.name][server] != found {
				t.Errorf("%s, %s: found %q, %s has %q; run make servers", server, c.name, found, serversPage, documented[c.name][server])
			}
		}
	}
}

const serversIntroduction = `# Application servers that the edge is tested with

` + "`make servers`" + ` installs these servers, starts each with a small application (see [testdata/servers](testdata/servers)), sends the
same requests to the server directly and through an edge, and writes this page. The sentence above each table states what the
edge does; the test fails if that is not true in front of one of the servers. ` + "`make test`" + ` does the same with a few of them and compares the
results with this page.

| server | version |
| --- | --- |
`

// page returns the page of f, which readFindings can read.
func (f findings) page() string {
	var page strings.Builder
	page.WriteString(serversIntroduction)
	for _, a := range appServers {
		fmt.Fprintf(&page, "| %s | %s |\n", a.name, f[""][a.name])
	}
	for _, c := range appServerChecks {
		fmt.Fprintf(&page, "\n## %s\n\n%s\n\n| server | requests without the edge |\n| --- | --- |\n", c.name, c.edge)
		written := map[string]bool{}
		for _, a := range appServers {
			found := f[c.name][a.name]
			if written[found] {
				continue
			}
			written[found] = true
			var same []string
			for _, other := range appServers {
				if f[c.name][other.name] == found {
					same = append(same, other.name)
				}
			}
			if found == "" {
				found = "nothing notable"
			}
			fmt.Fprintf(&page, "| %s | %s |\n", strings.Join(same, "<br>"), found)
		}
	}
	return page.String()
}

var tableRow = regexp.MustCompile(`^\| (.+) \| (.+) \|$`)

func readFindings(page string) findings {
	f, check := findings{}, ""
	for line := range strings.Lines(page) {
		line = strings.TrimSuffix(line, "\n")
		if title, ok := strings.CutPrefix(line, "## "); ok {
			check = title
			continue
		}
		row := tableRow.FindStringSubmatch(line)
		if row == nil || row[1] == "server" || row[1] == "---" {
			continue
		}
		found := row[2]
		if found == "nothing notable" {
			found = ""
		}
		for server := range strings.SplitSeq(row[1], "<br>") {
			f.set(check, server, found)
		}
	}
	return f
}

func TestThePageOfServersIsParsedAsItIsWritten(t *testing.T) {
	text, err := os.ReadFile(serversPage)
	if err != nil {
		t.Fatal(err)
	}
	if readFindings(string(text)).page() != string(text) {
		t.Errorf("%s differs from the page that the checks write; run make servers", serversPage)
	}
	f := findings{}
	for i, a := range appServers {
		f.set("", a.name, fmt.Sprint("1.", i))
		for j, c := range appServerChecks {
			f.set(c.name, a.name, strings.Repeat(code("a|b")+"; x", (i+j)%3))
		}
	}
	if got := readFindings(f.page()); fmt.Sprint(got) != fmt.Sprint(f) {
		t.Errorf("read %v, expected %v", got, f)
	}
}
