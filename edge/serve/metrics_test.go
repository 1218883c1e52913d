package serve

import (
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
)

func TestMetricsAreOnlyOnTheAdminListener(t *testing.T) {
	w := start(t)
	w.get("acme.example.com", "/")
	other := prometheus.NewCounter(prometheus.CounterOpts{Name: "tenantedge_other_total", Help: "A metric of another component."})
	w.server.Metrics().MustRegister(other)
	resp, err := noRedirects.Get("http://" + w.server.AdminAddr().String() + "/metrics")
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil || resp.StatusCode != http.StatusOK {
		t.Fatalf("%d, %v", resp.StatusCode, err)
	}
	for _, line := range []string{
		`tenantedge_requests_total{result="tenant"} 1`, "tenantedge_requests_running ", "tenantedge_guest_calls_total 1",
		"tenantedge_directory_tenants 2", "tenantedge_other_total 0", "go_goroutines ", "# HELP tenantedge_guest_info ",
	} {
		if !strings.Contains(string(body), line) {
			t.Errorf("%q is missing in\n%s", line, body)
		}
	}
	for _, secret := range []string{"acme", "umbra", "example.com"} {
		if strings.Contains(string(body), secret) {
			t.Errorf("the metrics name a tenant: %s", secret)
		}
	}
	if a := w.get("acme.example.com", "/metrics"); strings.Contains(a.body, "tenantedge_guest_calls_total") {
		t.Error("clients can read the metrics")
	}
}
