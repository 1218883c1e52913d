package report

import (
	"fmt"
	"math"

	"github.com/tenantedge/tenantedge/bench/web"
)

func fileServerTitle(name string) string {
	for _, f := range web.FileServers() {
		if f.Name == name {
			return f.Title
		}
	}
	return name
}

// servedFiles writes the section about file servers.
func (p *page) servedFiles() error {
	l := p.files
	if l == nil {
		return nil
	}
	p.printf("\n## Files\n\nAll servers serve the same files over %s keep-alive connections on the loopback interface, each in its own process; ours is the complete program with routing. ", l.config["connections"])
	p.printf("The baseline has the same timeouts. It copies files through user space, whereas the others use sendfile. With large files the client, which shares the cores, takes most of the time, so processor time is more meaningful than requests per second.\n\n")
	p.printf("| file | | requests/s | spread | relative to FileServerFS | p50 | processor time per request | relative to FileServerFS |\n| --- | --- | --: | --: | --: | --: | --: | --: |\n")
	for _, name := range l.names {
		size, server := part(name, "size"), part(name, "server")
		baseline := filesCase(size, web.PlainFiles)
		rate, _ := l.figure(name, "req/s")
		p50, _ := l.figure(name, "p50-ns")
		p.printf("| %s | %s | %s | %s | %s | %s |", size, fileServerTitle(server), count(rate.median), rate.spreadOf(), times(rate.median/at(l, baseline, "req/s")), nanoseconds(p50.median))
		// A load shorter than a tick of the kernel has no processor time.
		used, ratio := "", ""
		if cpu := at(l, name, "cpu-ns/op"); !math.IsNaN(cpu) {
			used = nanoseconds(cpu)
			if of := at(l, baseline, "cpu-ns/op"); !math.IsNaN(of) {
				ratio = times(of / cpu)
			}
		}
		p.printf(" %s | %s |\n", used, ratio)
		if server == web.Nginx {
			ours := filesCase(size, web.EdgeFiles)
			if theirs, our := at(l, name, "cpu-ns/op"), at(l, ours, "cpu-ns/op"); theirs < our && l.differ(name, ours, "cpu-ns/op") {
				p.losses = append(p.losses, fmt.Sprintf("Files of %s: nginx uses %s of processor time per request, tenantedge %s (%s).", size, nanoseconds(theirs), nanoseconds(our), times(our/theirs)))
			}
		}
	}
	return nil
}

func filesCase(size, server string) string { return "Files/size=" + size + "/server=" + server }

// fileGoals compares our file servers with the baseline and, for small files, with
// nginx.
func (p *page) fileGoals() (all []goal) {
	for _, server := range []string{web.EdgeFiles, web.EdgeMedia} {
		small := filesCase("1KiB", server)
		// relative returns how much processor time ours takes.
		relative := func(to string) float64 {
			return at(p.files, small, "cpu-ns/op") / at(p.files, filesCase("1KiB", to), "cpu-ns/op")
		}
		if ratio := relative(web.Nginx); !math.IsNaN(ratio) {
			all = append(all, goal{"processor time of a 1KiB file relative to nginx: " + fileServerTitle(server), "≤ 1.3×", times(ratio), ratio <= 1.3, true})
		}
		if ratio := 1 / relative(web.PlainFiles); !math.IsNaN(ratio) {
			all = append(all, goal{"1KiB files per processor time, relative to http.FileServerFS: " + fileServerTitle(server), "≥ 1.5×", times(ratio), ratio >= 1.5, true})
		}
		for _, size := range []string{"100KiB", "10MiB"} {
			name, baseline := filesCase(size, server), filesCase(size, web.PlainFiles)
			rate := at(p.files, name, "req/s") / at(p.files, baseline, "req/s")
			cpu := at(p.files, baseline, "cpu-ns/op") / at(p.files, name, "cpu-ns/op")
			if math.IsNaN(rate) {
				continue
			}
			found := times(rate)
			if !math.IsNaN(cpu) {
				found += "; " + times(cpu) + " by processor time"
			}
			all = append(all, goal{"throughput of " + size + " files relative to http.FileServerFS: " + fileServerTitle(server), "≥ 0.95×", found, rate >= 0.95 && !(cpu < 0.95), true})
		}
	}
	return all
}
