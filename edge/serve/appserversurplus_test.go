//go:build unix

package serve

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// TestSurplusOfRealServers_A1 runs for TENANTEDGE_SURPLUS (2s) with each server.
func TestSurplusOfRealServers_A1(t *testing.T) {
	length, err := time.ParseDuration(os.Getenv("TENANTEDGE_SURPLUS"))
	if err != nil {
		length = 2 * time.Second
	}
	for _, a := range appServers {
		if a.surplus {
			t.Run(a.name, func(t *testing.T) { crossfire(t, a.start(t).url(), length) })
		}
	}
	t.Run("raw", func(t *testing.T) {
		var n atomic.Int64
		crossfire(t, rawUpstream(t, func(r *http.Request) (string, string, time.Duration) {
			q := r.URL.Query()
			body := q.Get("b")
			if body == "" {
				body = "page of " + r.Header.Get("Tenant") + " " + q.Get("n")
			}
			answer := response200(body)
			if s := q.Get("s"); s != "" {
				answer = "HTTP/1.1 " + s + "\r\n\r\n" + body
			} else if r.Method == http.MethodHead {
				return answer, "", 0
			}
			switch n.Add(1) % 4 {
			case 0:
				return answer + forgedAnswer, "", 0
			case 1:
				return answer, forgedAnswer, time.Duration(n.Load()%50) * time.Millisecond
			}
			return answer, "", 0
		}), length)
	})
}

// crossfire runs eight clients of two tenants. Each requests its own pages; some
// also provoke bodies where HTTP has none.
func crossfire(t *testing.T, u *url.URL, length time.Duration) {
	w := start(t, withUpstream(u))
	ctx, cancel := context.WithTimeout(t.Context(), length)
	defer cancel()
	var requests, wrong, failed atomic.Int64
	var all sync.WaitGroup
	for i := range 8 {
		all.Add(1)
		go func() {
			defer all.Done()
			transport := &http.Transport{MaxConnsPerHost: 1}
			defer transport.CloseIdleConnections()
			client := &http.Client{Transport: transport, Timeout: patience}
			tenant := []string{"acme", "umbra"}[i%2]
			for n := 0; ctx.Err() == nil; n++ {
				own := fmt.Sprintf("%d-%d", i, n)
				method, query, expected := http.MethodGet, "n="+own, "page of "+tenant+" "+own
				status := http.StatusOK
				switch {
				case n%3 == 1:
					method, query, expected = http.MethodHead, "b="+forgedQuery, ""
				case n%6 == 2:
					query, expected, status = "s=204+No+Content&b="+forgedQuery, "", http.StatusNoContent
				case n%6 == 5:
					method = http.MethodPost
				}
				r := w.request(method, tenant+".example.com", "/?"+query)
				if method == http.MethodPost {
					r.Body, r.ContentLength = io.NopCloser(strings.NewReader("data")), 4
				}
				resp, err := client.Do(r)
				requests.Add(1)
				if err != nil {
					failed.Add(1)
					t.Errorf("%s: %v", own, err)
					continue
				}
				body, err := io.ReadAll(resp.Body)
				resp.Body.Close()
				if resp.StatusCode >= 500 || err != nil {
					failed.Add(1)
				} else if resp.StatusCode != status || string(body) != expected {
					wrong.Add(1)
					t.Errorf("%s %s: %d %q, expected %q", method, query, resp.StatusCode, body, expected)
				}
			}
		}()
	}
	all.Wait()
	if wrong.Load() > 0 || failed.Load() > 0 {
		t.Errorf("%d wrong answers, %d failed", wrong.Load(), failed.Load())
		if log := w.logs.String(); len(log) > 2000 {
			t.Log(log[len(log)-2000:])
		}
	}
	t.Logf("%d requests, %d wrong, %d failed, connections %+v", requests.Load(), wrong.Load(), failed.Load(), w.server.now().proxies[0].Stats())
}
