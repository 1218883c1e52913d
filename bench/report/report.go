// Package report makes a Markdown report with plots from the raw logs that
// package measure writes. It measures nothing and reads nothing else, so that
// the same logs always give the same report.
//
//	path, err := report.Write("results")
package report

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// logs are those of all suites; what was not run is nil.
type logs struct{ route, phase, concurrent, scale, http, files, swap, sockets, crowd *log }

// page is the report while it is written.
type page struct {
	logs
	folder string
	text   strings.Builder
	lost   []string // where others are ahead of us
}

// Write writes REPORT.md and its plots into the folder of the logs, and
// returns the report's path.
func Write(folder string) (string, error) {
	p := &page{folder: folder}
	for suite, into := range map[string]**log{"route": &p.route, "phase": &p.phase, "concurrent": &p.concurrent, "scale": &p.scale, "http": &p.http, "files": &p.files, "swap": &p.swap, "sockets": &p.sockets, "crowd": &p.crowd} {
		l, err := readLog(folder, suite)
		if err != nil {
			return "", err
		}
		*into = l
	}
	if p.route == nil {
		return "", fmt.Errorf("report: expected logs in %s, found no route.txt; `go run . run` writes them", folder)
	}
	var body strings.Builder
	for _, section := range []func() error{p.rivals, p.phases, p.overHTTP, p.servedFiles, p.atOnce, p.bySize, p.underSwaps, p.websockets, p.crowds} {
		if err := section(); err != nil {
			return "", err
		}
	}
	body.WriteString(p.text.String())
	p.text.Reset()
	p.head()
	p.marks()
	p.losses()
	p.text.WriteString(body.String())
	p.method()
	path := filepath.Join(folder, "REPORT.md")
	return path, os.WriteFile(path, []byte(p.text.String()), 0o644)
}

func (p *page) printf(format string, args ...any) { fmt.Fprintf(&p.text, format, args...) }

// plot writes a plot and shows it.
func (p *page) plot(name, alt string, svg []byte) error {
	p.printf("\n![%s](%s)\n", alt, name)
	return os.WriteFile(filepath.Join(p.folder, name), svg, 0o644)
}

func (p *page) head() {
	c := p.route.config
	p.printf("# What a routed request costs\n\nMade by `go run . report`, in the folder bench, from the raw logs beside it; `make bench` makes both anew, and `make crowd` those of the crowd.\n\n")
	p.printf("%s. %s domains in the table, %s rounds.\n", p.route.machine(), c["domains"], c["rounds"])
	var versions []string
	for _, l := range []*log{p.route, p.http, p.files} {
		if l == nil {
			continue
		}
		for _, name := range []string{"wazero", "http-wasm-host-go", "wasmtime-go", "workerd", "nginx"} {
			if v := l.config["version-"+name]; v != "" && !strings.Contains(strings.Join(versions, " "), name+" ") {
				versions = append(versions, name+" "+v)
			}
		}
	}
	p.printf("Versions: %s.\n", strings.Join(versions, ", "))
	p.printf("\nLoad average of the machine before and after each suite: ")
	var loads []string
	for _, s := range []struct {
		name string
		log  *log
	}{{"route", p.route}, {"phase", p.phase}, {"http", p.http}, {"concurrent", p.concurrent}, {"scale", p.scale}, {"files", p.files}, {"swap", p.swap}, {"sockets", p.sockets}, {"crowd", p.crowd}} {
		if s.log != nil {
			loads = append(loads, fmt.Sprintf("%s %s, %s", s.name, s.log.config["load-before"], s.log.config["load-after"]))
		}
	}
	p.printf("%s. The benchmark itself counts for one to two.\n", strings.Join(loads, "; "))
	p.printf("**Times are those of this machine at that time. Only ratios travel.**\n")
	for _, l := range []*log{p.route, p.http, p.files} {
		if l == nil {
			continue
		}
		for _, key := range slices.Sorted(maps.Keys(l.config)) {
			if name, ok := strings.CutPrefix(key, "missing-"); ok {
				p.printf("\n%s was left out: %s.\n", name, l.config[key])
			}
		}
	}
}

func (p *page) losses() {
	p.printf("\n## Where we lose\n\n")
	if len(p.lost) == 0 {
		p.printf("Nowhere, but to the native logic.\n")
	}
	for _, l := range p.lost {
		p.printf("- %s\n", l)
	}
}

func (p *page) method() {
	p.printf(`
## How it was measured

- All rivals route by the same table and the same requests (a host drawn at random for each, with a path and a query). A test proves that they answer
  alike: the same outcome, schema and path for tenants by domain, by folder and static ones, other spellings of a host, and refusals.
- Cases take turns, round by round, each for the same time. Told is the median of the rounds with an interval that holds the true median with 95 %% confidence
  (benchmath, as benchstat has it), or the whole range where the rounds are too few for that. Differences that a Mann-Whitney U test takes for chance
  (p > 0.05) are not counted as losses or gains.
- Ours is told with each request what the guest would ask of the directory (look_ahead); plain wazero and the other rivals ask by a host call, which is a part of what they cost.
- Otherwise fairness leans towards the others. The guest for http-wasm has the shortcut of the default guest and our host function for the directory, which its ABI lacks, and
  hands on schema and path alone, where ours answers a whole decision. wasmtime-go has an instance per goroutine, so that nothing is borrowed. wazero's WithCloseOnContextDone watches
  a context that all requests share. workerd runs JavaScript with a Map of the table, which is its best case: no Wasm, no lookup over a boundary.
- Over HTTP each server is a process of its own on the loopback interface. The client runs on the same cores, so throughput tells less of a difference than
  there is; the processor time that a server used for a request, which the kernel counts in ticks of 10 ms, tells it whole.
`)
}
