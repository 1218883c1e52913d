package main

import (
	"bytes"
	"context"
	"io"
	"regexp"
	"strings"
	"testing"
)

// runConnect runs ws connect.
func runConnect(in io.Reader, args ...string) (code int, out, errOut string) {
	var stdout, stderr bytes.Buffer
	code = run(context.Background(), append([]string{"ws", "connect"}, args...), in, &stdout, &stderr)
	return code, stdout.String(), stderr.String()
}

func TestWSConnectTalksToTheDemonstrationsRoom(t *testing.T) {
	hint := startDemo(t)
	m := regexp.MustCompile(`tenant1\.localhost(:\d+)`).FindStringSubmatch(hint)
	if m == nil || !strings.Contains(hint, "ws connect ws://") {
		t.Fatalf("the demonstration prints %q", hint)
	}
	port := m[1]
	room := "ws://127.0.0.1" + port + "/room/lobby/"
	code, out, errOut := runConnect(strings.NewReader(""), room, "--host", "tenant1.localhost"+port, "--send", "hello", "--send", "again", "--wait", "100ms")
	if code != exitOK || out != "tenant1: visitor 1 joined\ntenant1: visitor 1 says hello\ntenant1: visitor 1 says again\n" || !strings.Contains(errOut, "closed with 1000") {
		t.Errorf("--send: %d\n%s%s", code, out, errOut)
	}
	lines, in := io.Pipe()
	go func() {
		_, _ = io.WriteString(in, "one\ntwo\n")
		_ = in.Close()
	}()
	code, out, errOut = runConnect(lines, room, "--host", "tenant2.localhost"+port)
	if code != exitOK || !strings.Contains(out, "tenant2: visitor 2 says two\n") {
		t.Errorf("lines: %d\n%s%s", code, out, errOut)
	}
	for _, c := range []struct {
		args []string
		code int
		says string
	}{
		{[]string{"ws://127.0.0.1" + port + "/nothing/", "--host", "tenant1.localhost" + port}, exitHandshake, "refused: 404 Not Found"},
		{[]string{room, "--host", "unknown.localhost" + port}, exitHandshake, "refused: 404 Not Found"},
		{[]string{room, "--host", "tenant1.localhost" + port, "--origin", "https://evil.example.net"}, exitHandshake, "refused: 403 Forbidden"},
		{[]string{room, "--host", "tenant1.localhost" + port, "--origin", ""}, exitHandshake, "refused: 403 Forbidden"},
		{[]string{room, "--host", "tenant1.localhost" + port, "-H", "Origin: https://evil.example.net"}, exitHandshake, "refused: 403 Forbidden"},
		{[]string{"ws://tenant1.localhost" + port + "/nothing/"}, exitHandshake, "refused: 404 Not Found"},
		{[]string{"ws://tenant1.localhost" + port + "/room/lobby/", "--send", "hi", "--wait", "100ms"}, exitOK, "closed with 1000"},
		{[]string{"http://127.0.0.1" + port}, exitUsage, "expected a URL such as ws://"},
		{[]string{room, "-H", "no colon"}, exitUsage, "expected NAME: VALUE"},
		{[]string{}, exitUsage, "expected URL"},
		{[]string{"ws://127.0.0.1:1/"}, exitFailed, "ws connect: "},
	} {
		if code, _, errOut := runConnect(strings.NewReader(""), c.args...); code != c.code || !strings.Contains(errOut, c.says) {
			t.Errorf("%q: %d %q, expected %d and %q", c.args, code, errOut, c.code, c.says)
		}
	}
}
