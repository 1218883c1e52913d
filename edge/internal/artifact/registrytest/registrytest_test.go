//go:build unix

package registrytest

import (
	"crypto/tls"
	"net/http"
	"testing"
)

// TestProgramIsBuilt builds the server. .ci/registry.sh runs it first, so that no
// other test has to wait.
func TestProgramIsBuilt(t *testing.T) {
	program, err := Program()
	if err != nil {
		t.Fatal(err)
	}
	t.Log(program)
}

func TestARegistryAsksForItsCredentials(t *testing.T) {
	r := Start(t, Config{TLS: true, User: "ci", Password: "secret"})
	client := &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true}}}
	defer client.CloseIdleConnections()
	for password, want := range map[string]int{"": http.StatusUnauthorized, "other": http.StatusUnauthorized, "secret": http.StatusOK} {
		request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "https://"+r.Host()+"/v2/", nil)
		if err != nil {
			t.Fatal(err)
		}
		request.SetBasicAuth("ci", password)
		answer, err := client.Do(request)
		if err != nil {
			t.Fatal(err)
		}
		if _ = answer.Body.Close(); answer.StatusCode != want {
			t.Errorf("password %q: %s", password, answer.Status)
		}
	}
}
