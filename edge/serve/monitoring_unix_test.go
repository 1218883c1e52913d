//go:build unix

package serve

import (
	"encoding/json"
	"os"
	"os/exec"
	"regexp"
	"slices"
	"strings"
	"testing"
)

const monitoring = "../../assets/monitoring/"

func readMonitoring(t *testing.T, name string) string {
	t.Helper()
	b, err := os.ReadFile(monitoring + name)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// scraped returns the names of all series that a busy edge exports, and the labels of
// each.
func scraped(t *testing.T) map[string][]string {
	t.Helper()
	w := startObserved(t, 3)
	w.load(3)
	names := map[string][]string{}
	sample := regexp.MustCompile(`^([a-z_]+)(?:\{(.*)\})? `)
	label := regexp.MustCompile(`([a-z_]+)="`)
	for line := range strings.Lines(w.scrape()) {
		if m := sample.FindStringSubmatch(line); m != nil {
			labels := names[m[1]]
			for _, l := range label.FindAllStringSubmatch(m[2], -1) {
				labels = append(labels, l[1])
			}
			names[m[1]] = labels
		}
	}
	return names
}

// checkExpression checks that the metrics of an expression exist and have the labels by
// which they are selected.
func checkExpression(t *testing.T, names map[string][]string, where, expr string) {
	t.Helper()
	metric := regexp.MustCompile(`\b((?:tenantedge|process|go)_[a-z_]+)(?:\{([^}]*)\})?`)
	selector := regexp.MustCompile(`([a-z_]+)\s*(?:=~|!~|!=|=)`)
	found := metric.FindAllStringSubmatch(expr, -1)
	if len(found) == 0 && !strings.Contains(expr, "up{") {
		t.Errorf("%s: %q has no metric", where, expr)
	}
	for _, m := range found {
		labels, ok := names[m[1]]
		if !ok {
			t.Errorf("%s: no edge exports %s", where, m[1])
			continue
		}
		for _, s := range selector.FindAllStringSubmatch(m[2], -1) {
			if !slices.Contains(append(labels, "instance", "job"), s[1]) { // Prometheus adds these two
				t.Errorf("%s: %s has no label %s, only %v", where, m[1], s[1], labels)
			}
		}
	}
}

func TestTheDashboardAndTheAlertsUseMetricsThatExist(t *testing.T) {
	names := scraped(t)
	var dashboard struct {
		Panels []struct {
			Title   string
			Targets []struct{ Expr string }
		}
		Annotations struct{ List []struct{ Expr string } }
		Templating  struct{ List []struct{ Query any } }
	}
	if err := json.Unmarshal([]byte(readMonitoring(t, "dashboard.json")), &dashboard); err != nil {
		t.Fatal(err)
	}
	expressions := 0
	for _, p := range dashboard.Panels {
		for _, target := range p.Targets {
			checkExpression(t, names, "dashboard: "+p.Title, target.Expr)
			expressions++
		}
	}
	for _, a := range dashboard.Annotations.List {
		checkExpression(t, names, "dashboard: annotation", a.Expr)
	}
	if query := dashboard.Templating.List[2].Query.(map[string]any)["query"].(string); !strings.Contains(query, "tenantedge_requests_running") || names["tenantedge_requests_running"] == nil && expressions > 0 && !strings.Contains(query, "label_values") {
		t.Errorf("the instances are those of %s", query)
	}
	if expressions < 40 {
		t.Errorf("the dashboard has %d expressions, expected more", expressions)
	}
	rule := regexp.MustCompile(`(?s)- alert: (\w+)\n\s+expr: (.*?)\n\s+(?:for|labels):`)
	rules := rule.FindAllStringSubmatch(readMonitoring(t, "alerts.yml"), -1)
	for _, m := range rules {
		checkExpression(t, names, m[1], m[2])
	}
	if len(rules) != len(alertNames(t)) {
		t.Errorf("%d of %d alerts were checked", len(rules), len(alertNames(t)))
	}
}

func alertNames(t *testing.T) (names []string) {
	t.Helper()
	for _, m := range regexp.MustCompile(`- alert: (\w+)`).FindAllStringSubmatch(readMonitoring(t, "alerts.yml"), -1) {
		names = append(names, m[1])
	}
	return names
}

// Each alert fires in a test of the rules, and the runbook says what it means and what
// to do.
func TestEveryAlertIsTestedAndInTheRunbook(t *testing.T) {
	runbook, err := os.ReadFile("../cmd/tenantedge/RUNBOOK.md")
	if err != nil {
		t.Fatal(err)
	}
	tests := readMonitoring(t, "alerts_test.yml")
	rows := regexp.MustCompile("(?m)^\\| `(Tenantedge\\w+)` \\| [^|]{20,} \\| [^|]{20,} \\|$").FindAllStringSubmatch(string(runbook), -1)
	var documented []string
	for _, m := range rows {
		documented = append(documented, m[1])
	}
	names := alertNames(t)
	for _, name := range names {
		if !slices.Contains(documented, name) {
			t.Errorf("RUNBOOK.md has no row with meaning and remedy of %s", name)
		}
		if !strings.Contains(tests, "alertname: "+name+"\n") {
			t.Errorf("alerts_test.yml does not test %s", name)
		}
	}
	if len(documented) != len(names) || len(names) < 25 {
		t.Errorf("the runbook has %d alerts, the rules %d", len(documented), len(names))
	}
	tool := promtool(t)
	for _, args := range [][]string{{"check", "rules", "alerts.yml"}, {"test", "rules", "alerts_test.yml"}} {
		cmd := exec.Command(tool, args...)
		cmd.Dir = monitoring
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Errorf("promtool %v: %v\n%s", args, err, out)
		}
	}
}
