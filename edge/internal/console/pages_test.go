package console

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/tenantedge/tenantedge/edge/stats"
	"github.com/tenantedge/tenantedge/tenantdb"
)

// many returns a directory of n tenants with two domains each.
func many(n int) tenantdb.State {
	var s tenantdb.State
	for i := range n {
		id := fmt.Sprint(i)
		s.Tenants = append(s.Tenants, tenantdb.Tenant{ID: id, Schema: fmt.Sprintf("shop_%06d", i)})
		s.Domains = append(s.Domains, tenantdb.Domain{TenantID: id, Domain: fmt.Sprintf("shop-%d.example.com", i), IsPrimary: true}, tenantdb.Domain{TenantID: id, Domain: fmt.Sprintf("old-%d.example.org", i)})
	}
	return s
}

func TestTenantsAreFoundPageByPage(t *testing.T) {
	w := start(t)
	w.rows.Replace(many(1234))
	var forwards []string
	pages := 0
	for q := (url.Values{}); ; pages++ {
		d := &tenantsData{Query: "SHOP"}
		d.find(t.Context(), w, q.Get("after"), "")
		if d.Found != 1234 || d.From != len(forwards)+1 {
			t.Fatalf("page %d: %d found, from %d", pages, d.Found, d.From)
		}
		for _, row := range d.Rows {
			forwards = append(forwards, row.Schema)
		}
		if d.Next == "" {
			break
		}
		u, err := url.Parse(d.Next)
		if err != nil || u.Query().Get("q") != "SHOP" {
			t.Fatal(d.Next, err)
		}
		q = u.Query()
	}
	if len(forwards) != 1234 || !slices.IsSorted(forwards) || pages != 24 {
		t.Errorf("%d rows on %d pages", len(forwards), pages)
	}
	d := &tenantsData{}
	d.find(t.Context(), w, "", forwards[100])
	if d.Rows[0].Schema != forwards[50] || len(d.Rows) != pageRows || d.From != 51 || d.First == "" || d.Previous == "" {
		t.Errorf("the page before: from %d, %+v", d.From, d.Rows[0])
	}
	for query, want := range map[string]string{"old-77.example.org": "shop_000077", "www": "www", "shop-1233": "shop_001233", "nothing": ""} {
		d := &tenantsData{Query: query}
		d.find(t.Context(), w, "", "")
		if want == "" && len(d.Rows) > 0 || want != "" && (len(d.Rows) != 1 || d.Rows[0].Schema != want) {
			t.Errorf("%s: %+v", query, d.Rows)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	d = &tenantsData{}
	if d.find(ctx, w, "", ""); d.Found > checkRows {
		t.Errorf("%d rows were looked at after the client left", d.Found)
	}
}

func TestCountingFilesIsBounded(t *testing.T) {
	w := start(t)
	d := &tenantData{Tenant: Tenant{Schema: "acme"}}
	ctx, cancel := context.WithTimeout(t.Context(), time.Millisecond)
	defer cancel()
	if d.count(ctx, w.console); d.Counted || !strings.Contains(d.UsageErr, "many files") {
		t.Errorf("%+v", d)
	}
	if len(w.console.working) > 0 {
		t.Error("the place is still taken")
	}
}

func TestHostileTextsAreText(t *testing.T) {
	w := start(t)
	attack := `"><script>alert(1)</script><img src=x onerror=alert(1)>` + "\u202e\x1b"
	w.rows.Replace(tenantdb.State{Tenants: []tenantdb.Tenant{{ID: attack, Schema: "acme"}}, Domains: []tenantdb.Domain{{TenantID: attack, Domain: attack}}})
	w.ring.Logger(quiet()).Warn(attack, attack, attack, "from", "guest")
	c := w.signedIn("operate")
	for _, path := range []string{"/console/tenants", "/console/tenants/acme", "/console/log", "/console/try?url=" + url.QueryEscape(attack), "/console/tenants?q=" + url.QueryEscape(attack), "/console/log?text=" + url.QueryEscape(attack), "/console/signin?next=" + url.QueryEscape(attack)} {
		status, body := c.get(path)
		if strings.Contains(body, "<script>alert") || strings.Contains(body, "<img src=x") || strings.Contains(body, "\x1b") && !strings.Contains(path, "?") {
			t.Errorf("%s: %d %s", path, status, body)
		}
	}
	if status, _ := c.post("/console/try", url.Values{"csrf": {c.csrf}, "url": {attack}, "method": {attack}}); status != http.StatusUnprocessableEntity {
		t.Errorf("trying it: %d", status)
	}
}

func TestTheGroupsOfATenantAreListed(t *testing.T) {
	w := start(t)
	_, body := w.signedIn("read").get("/console/tenants/acme")
	if want := `<th scope="row"><bdi>&lt;u&gt;chat</bdi></th><td class="n">1,234</td>`; !strings.Contains(body, want) {
		t.Errorf("the page lacks %s:\n%s", want, body)
	}
}

func TestADistributionIsDrawn(t *testing.T) {
	h := &stats.Histogram{Bounds: []float64{1, 2, 5, 10}, Counts: []uint64{0, 90, 9, 0, 1}, Sum: 250}
	d := newDistribution("fuel", h, quantity)
	if d.Calls != "100" || d.Half != "≤ 2" || d.Most != "≤ 5" || d.Mean != "2.5" || len(d.Bars) != 5 || d.Last != "more" {
		t.Errorf("%+v", d)
	}
	if got, want := fmt.Sprint(d.Rows), "[{1 to 2 90 90 %} {2 to 5 9 9 %} {10 to more 1 1 %}]"; got != want {
		t.Errorf("the table is %s, want %s", got, want)
	}
	for _, empty := range []*stats.Histogram{{}, {Bounds: []float64{1}, Counts: []uint64{0, 0}}} {
		if d := newDistribution("time", empty, seconds); len(d.Bars) > 0 || d.Calls != "0" {
			t.Errorf("without calls: %+v", d)
		}
	}
}

func TestTrafficIsDrawn(t *testing.T) {
	h := &history{changed: make(chan struct{})}
	at := time.Unix(1e9, 0)
	total := map[stats.Result]uint64{}
	random := rand.New(rand.NewPCG(1, 2))
	for range 2 * maxSamples {
		now := map[stats.Result]uint64{}
		for _, r := range results {
			total[r] += uint64(random.IntN(100))
			now[r] = total[r]
		}
		at = at.Add(sampleEvery)
		h.add(State{Host: stats.Host{Requests: now}}, at)
	}
	samples, _, _ := h.now()
	drawn := newTraffic(samples)
	if len(samples) != maxSamples || len(drawn.Areas) != len(results) || len(drawn.Rows) != len(results) {
		t.Errorf("%d samples, %d areas, %d rows", len(samples), len(drawn.Areas), len(drawn.Rows))
	}
	for _, a := range drawn.Areas {
		if strings.ContainsAny(a.Path, "NI-") || !strings.HasPrefix(a.Path, "M0.0 ") || !strings.HasSuffix(a.Path, "Z") {
			t.Errorf("%s: %s", a.Class, a.Path)
		}
	}
	h.add(State{Host: stats.Host{Requests: map[stats.Result]uint64{stats.ResultTenant: 1}}}, at.Add(sampleEvery)) // another configuration
	samples, _, _ = h.now()
	if rate := samples[len(samples)-1].rates[stats.ResultTenant]; rate != 0 {
		t.Errorf("after a reload: %v requests a second", rate)
	}
}

func TestNumbersAreWritten(t *testing.T) {
	for got, want := range map[string]string{
		number(1234567): "1,234,567", number(-1234): "-1,234", number(7): "7", plural(1, "file"): "1 file", plural(1200, "file"): "1,200 files", quantity(0): "0", quantity(16123): "16.1 k", quantity(2.5e9): "2.5 G",
		size(1023): "1023 B", size(100_000_000): "95.4 MiB", seconds(0.0000123): "12.3 µs", seconds(0.5): "500 ms", seconds(2): "2 s",
		percent(0.055): "5.5 %", ratio(3, 2): "1.5 ×", ratio(1, 0): "–", sentence("it broke; fix it"): "It broke; fix it.",
	} {
		if got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}

func BenchmarkSearch(b *testing.B) {
	w := &world{rows: tenantdb.NewDirectory(tenantdb.Options{})}
	w.rows.Replace(many(100_000))
	for b.Loop() {
		d := &tenantsData{Query: "shop-99999"}
		if d.find(b.Context(), w, "", ""); len(d.Rows) != 1 {
			b.Fatal(d.Rows)
		}
	}
}

func TestTheFleetIsShown(t *testing.T) {
	w := start(t)
	status, page := w.signedIn("read").get("/console/fleet")
	for _, want := range []string{"production", "this edge", "up to date", "behind", "stopped", "failed", "The database is &lt;down&gt;.", "&lt;b&gt;lost", "&lt;s&gt;ada", "better", "&lt;i&gt;guest"} {
		if status != http.StatusOK || !strings.Contains(page, want) {
			t.Errorf("%d, without %s: %s", status, want, page)
		}
	}
}
