package main

import (
	"bufio"
	"bytes"
	"context"
	"io"
	"net"
	"net/http"
	"os"
	"regexp"
	"strings"
	"testing"
	"time"
)

// patience bounds each wait of a test. None is expected to take that long.
const patience = time.Minute

var atLocalhost = &http.Client{
	Timeout: patience,
	// Some resolvers do not resolve *.localhost to loopback.
	Transport: &http.Transport{DialContext: func(ctx context.Context, network, address string) (net.Conn, error) {
		_, port, err := net.SplitHostPort(address)
		if err != nil {
			return nil, err
		}
		return (&net.Dialer{}).DialContext(ctx, network, net.JoinHostPort("127.0.0.1", port))
	}},
	CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
}

func fetch(t *testing.T, url string, headers ...string) (int, http.Header, string) {
	t.Helper()
	r, err := http.NewRequest(http.MethodGet, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i+1 < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	resp, err := atLocalhost.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, resp.Header, string(body)
}

// startDemo starts `serve --demo` with further arguments and returns what it prints.
func startDemo(t *testing.T, args ...string) string {
	t.Helper()
	t.Setenv("TMPDIR", t.TempDir())
	ctx, cancel := context.WithCancel(context.Background())
	stdout, out := io.Pipe()
	ended := make(chan int, 1)
	var log bytes.Buffer // read only after the end
	go func() {
		code := run(ctx, append([]string{"serve", "--demo"}, args...), strings.NewReader(""), out, &log)
		out.Close()
		ended <- code
	}()
	t.Cleanup(func() {
		cancel()
		if code := <-ended; code != exitOK {
			t.Errorf("the demonstration ended with %d: %s", code, log.String())
		}
	})
	var hint strings.Builder
	lines := bufio.NewScanner(stdout)
	for lines.Scan() {
		hint.WriteString(lines.Text() + "\n")
		if strings.Contains(lines.Text(), "Ctrl-C") {
			return hint.String()
		}
	}
	t.Fatalf("the demonstration printed only %q", hint.String())
	return ""
}

func TestTheDemonstrationServesWhatItAdvertises(t *testing.T) {
	hint := startDemo(t)
	pages := regexp.MustCompile(`(?m)^  (http://\S+)\s+(\w+) `).FindAllStringSubmatch(hint, -1)
	if len(pages) != 5 {
		t.Fatalf("the hint lists %d pages, expected 5:\n%s", len(pages), hint)
	}
	for _, p := range pages {
		url, tenant := p[1], p[2]
		status, header, body := fetch(t, url, "Tenant", "tenant2", "X-Forwarded-Host", "tenant2.localhost")
		if status != http.StatusOK || !strings.HasPrefix(header.Get("Content-Type"), "text/html") || !strings.Contains(body, "“"+tenant+"”") {
			t.Errorf("%s: %d, expected the page of %s", url, status, tenant)
		}
		if tenant == "www" {
			continue
		}
		if csp := header.Get("Content-Security-Policy"); !strings.HasPrefix(csp, "default-src 'none'; script-src 'self'; ") || !strings.Contains(header.Get("Server-Timing"), "guest;dur=") {
			t.Errorf("%s: the headers are %v", url, header)
		}
		_, _, text := fetch(t, url, "Accept", "text/plain", "Tenant", "tenant2")
		if !strings.HasPrefix(text, "tenant "+tenant+"\n") || !strings.Contains(text, "Tenant: "+tenant+"\n") {
			t.Errorf("%s as text: %q", url, text)
		}
	}
	base := strings.TrimSuffix(pages[1][1], "/")
	if status, header, body := fetch(t, base+"/-/demo/style.css"); status != http.StatusOK || !strings.HasPrefix(header.Get("Content-Type"), "text/css") || body == "" {
		t.Errorf("the style: %d", status)
	}
	ready := regexp.MustCompile(`http://\S+/readyz`).FindString(hint)
	if status, _, body := fetch(t, ready); status != http.StatusOK || !strings.Contains(body, `"tenants": 3`) {
		t.Errorf("%s: %d %s", ready, status, body)
	}
}

// Every URL that the demonstration prints or answers has the port it listens on.
func TestTheLinksOfTheDemonstrationWork_F6(t *testing.T) {
	hint := startDemo(t)
	base := regexp.MustCompile(`http://localhost:\d+`).FindString(hint)
	_, port, _ := strings.Cut(strings.TrimPrefix(base, "http://"), ":")
	status, header, _ := fetch(t, strings.Replace(base, "localhost", "old.localhost", 1)+"/hello?a=1")
	if status != http.StatusMovedPermanently || header.Get("Location") != "//tenant2.localhost:"+port+"/hello?a=1" {
		t.Errorf("the old domain: %d to %q", status, header.Get("Location"))
	}
	for _, url := range []string{strings.Replace(base, "localhost", "unknown.localhost", 1) + "/", base + "/no-such-page"} {
		status, header, body := fetch(t, url, "Accept", "text/html")
		if status != http.StatusNotFound || !strings.HasPrefix(header.Get("Content-Type"), "text/html") || !strings.Contains(body, "//tenant1.localhost:"+port+"/") {
			t.Errorf("%s: %d, %q", url, status, body)
		}
		if status, header, body = fetch(t, url); status != http.StatusNotFound || !strings.HasPrefix(header.Get("Content-Type"), "text/plain") || !strings.HasPrefix(body, "404 Not Found\nrequest ") {
			t.Errorf("%s as text: %d, %q", url, status, body)
		}
	}
	fields := regexp.MustCompile(`eval -c (\S+) -r '(.*)'`).FindStringSubmatch(hint)
	if fields == nil {
		t.Fatal("the hint has no eval command")
	}
	if code, stdout, stderr := command("", "eval", "-c", fields[1], "-r", fields[2]); code != exitOK || !strings.Contains(stdout, "tenant3") || !strings.Contains(fields[2], ":"+port+"/") {
		t.Errorf("eval: exit %d, %s%s", code, stdout, stderr)
	}
	text, err := os.ReadFile(fields[1])
	if err != nil || !strings.Contains(string(text), `listeners: ["127.0.0.1:`+port+`"]`) || strings.Contains(string(text), "//127.0.0.1:8082") || strings.Contains(string(text), "//127.0.0.1:8083") {
		t.Errorf("the configuration is not that of the demonstration: %v\n%s", err, text)
	}
}

func TestTheDemonstrationStreams(t *testing.T) {
	hint := startDemo(t)
	base := regexp.MustCompile(`http://tenant1\S+`).FindString(hint)
	resp, err := atLocalhost.Get(base + "events")
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if line, err := bufio.NewReader(resp.Body).ReadString('\n'); !strings.HasPrefix(line, "data: ") {
		t.Errorf("read %q, %v", line, err)
	}
}

func TestTwoDemonstrationsRunAtTheSameTime(t *testing.T) {
	if one, two := startDemo(t), startDemo(t); one == two {
		t.Error("both demonstrations print the same addresses")
	}
}
