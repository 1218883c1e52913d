package tenantedge_test

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strconv"
	"strings"
	"testing"
)

// BenchmarkCaddy compares processor time of Caddy for a request: its own
// reverse_proxy, with `tenantedge` before it, and `tenantedge_serve`. The metric
// cpu-µs/op does not depend on the load of the machine as much as the time does.
func BenchmarkCaddy(b *testing.B) {
	for _, tenants := range []int{1000, 100_000} {
		for _, c := range []struct{ name, site string }{
			{"bare", "reverse_proxy @host"}, {"routed", "tenantedge\n\treverse_proxy @host"}, {"serve", "tenantedge_serve"},
		} {
			b.Run(fmt.Sprintf("%s/%d", c.name, tenants), func(b *testing.B) { benchmarkSite(b, c.site, tenants) })
		}
	}
}

func benchmarkSite(b *testing.B, site string, tenants int) {
	w := newWorld(b)
	var rows strings.Builder
	rows.WriteString("tenants:\n")
	for i := range tenants {
		fmt.Fprintf(&rows, "- {id: %d, schema_name: t%d}\n", i, i)
	}
	rows.WriteString("domains:\n")
	for i := range tenants {
		fmt.Fprintf(&rows, "- {tenant_id: %d, domain: t%d.test}\n", i, i)
	}
	w.write(w.dir+"/rows.yaml", rows.String())
	w.edgeFile("tenants: {default: {URLCONF: app}}\ndirectory: {source: file, path: rows.yaml}\nurlconfs: {app: \"@app\"}\n")
	l, err := net.Listen("tcp", w.address)
	if err != nil {
		b.Fatal(err)
	}
	file, err := l.(*net.TCPListener).File()
	if err != nil {
		b.Fatal(err)
	}
	defer file.Close()
	_ = l.Close()
	p := w.runCaddy(w.soakCaddyfile(site, 0), file)
	client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 64}}
	defer client.CloseIdleConnections()
	request := func(i int) {
		r, _ := http.NewRequest(http.MethodGet, "http://"+w.address+"/path?query", nil)
		r.Host = fmt.Sprintf("t%d.test", i%tenants)
		response, err := client.Do(r)
		if err != nil {
			b.Error(err)
			return
		}
		defer response.Body.Close()
		if _, _ = io.Copy(io.Discard, response.Body); response.StatusCode != http.StatusOK {
			b.Error(response.Status)
		}
	}
	for i := range 2000 {
		request(i % 16)
	}
	before := p.processorTime(b)
	b.SetParallelism(8)
	b.ResetTimer()
	b.RunParallel(func(pb *testing.PB) {
		for i := 0; pb.Next(); i++ {
			request(i * 7919 % 64) // tenants that come again, as on a real server
		}
	})
	b.StopTimer()
	b.ReportMetric((p.processorTime(b)-before)*1e6/float64(b.N), "cpu-µs/op")
	b.ReportMetric(p.resident(b), "MiB")
}

// processorTime returns the processor time of a process in seconds.
func (p *process) processorTime(t testing.TB) float64 {
	t.Helper()
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", p.Process.Pid))
	if err != nil {
		t.Skip(err)
	}
	fields := strings.Fields(string(stat)[strings.LastIndexByte(string(stat), ')')+1:])
	sum := 0.0
	for _, at := range []int{11, 12} { // utime and stime in ticks of 10 ms
		ticks, err := strconv.ParseFloat(fields[at], 64)
		if err != nil {
			t.Fatal(err)
		}
		sum += ticks / 100
	}
	return sum
}
