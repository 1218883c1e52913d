package main

import (
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"regexp"
	"testing"

	"github.com/tenantedge/tenantedge/edge/internal/browsertest"
)

// TestTheDemonstrationInABrowser uses the pages in a real browser. With
// TENANTEDGE_SCREENSHOTS it writes screenshots to that folder; demo.png is that of the
// README.
func TestTheDemonstrationInABrowser(t *testing.T) {
	if testing.Short() {
		t.Skip("it takes a minute")
	}
	values := map[string]string{"port": regexp.MustCompile(`http://localhost:(\d+)`).FindStringSubmatch(startDemo(t))[1]}
	if folder := os.Getenv("TENANTEDGE_SCREENSHOTS"); folder != "" {
		values["screenshots"], values["screenshot"] = folder, folder+"/demo.png"
	}
	browsertest.Run(t, "testdata/demo.cjs", values)
}

func TestThePageOfTheStartInABrowser(t *testing.T) {
	listeners, err := listenLocal(0)
	if err != nil {
		t.Fatal(err)
	}
	early := waitAt(listeners)
	next := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/html")
		_, _ = io.WriteString(w, `<title>x</title><link rel="icon" href="data:,"><h1>compiled</h1>`)
	})}
	t.Cleanup(func() { next.Close() })
	control := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {
		early.stop()
		for _, l := range early.handed() {
			go func() { _ = next.Serve(l) }() // until it is closed
		}
	}))
	t.Cleanup(control.Close)
	browsertest.Run(t, "testdata/waiting.cjs", map[string]string{"url": "http://" + listeners[0].Addr().String() + "/", "control": control.URL})
}
