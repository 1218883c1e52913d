//go:build unix

package main

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"
)

// startLogging starts an edge process that logs every request to stderr, and waits until
// it is ready. It returns the addresses of its listener and of its admin listener.
func startLogging(t *testing.T, stderr *os.File) (c *exec.Cmd, address, admin string) {
	t.Helper()
	free := func() string {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		defer l.Close()
		return l.Addr().String()
	}
	address, admin = free(), free()
	path := writeFile(t, "edge.yaml", "admin: '"+admin+"'\nlisteners: ['"+address+"']\nlogs: {format: json, access: true}\n")
	c = exec.Command(os.Args[0], "serve", "-c", path)
	c.Env = append(os.Environ(), asProgram+"=1")
	c.Stderr = stderr
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Process.Kill() }) // it has ended, unless the test failed
	for deadline := time.Now().Add(patience); ; {
		resp, err := http.Get("http://" + admin + "/readyz")
		if err == nil {
			resp.Body.Close()
			if resp.StatusCode == http.StatusOK {
				return c, address, admin
			}
		}
		if time.Now().After(deadline) {
			t.Fatal("the edge does not become ready")
		}
	}
}

// sendRequests sends n requests, which the edge logs. Each must be answered.
func sendRequests(t *testing.T, address string, n int) {
	t.Helper()
	client := &http.Client{Timeout: patience}
	defer client.CloseIdleConnections()
	long := "/" + strings.Repeat("x", 1000)
	for i := range n {
		resp, err := client.Get("http://" + address + long)
		if err != nil {
			t.Fatalf("request %d: %v", i, err)
		}
		_, _ = io.Copy(io.Discard, resp.Body)
		resp.Body.Close()
		if resp.StatusCode != http.StatusNotFound {
			t.Fatalf("request %d: %d", i, resp.StatusCode)
		}
	}
}

var droppedMetric = regexp.MustCompile(`(?m)^tenantedge_log_lines_dropped_total (\S+)$`)

func droppedLines(t *testing.T, admin string) string {
	t.Helper()
	resp, err := http.Get("http://" + admin + "/metrics")
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	m := droppedMetric.FindSubmatch(text)
	if m == nil {
		t.Fatal("/metrics has no count of dropped lines")
	}
	return string(m[1])
}

func terminate(t *testing.T, c *exec.Cmd) {
	t.Helper()
	if err := c.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- c.Wait() }()
	select {
	case err := <-ended:
		if err != nil {
			t.Errorf("the edge ended with %v", err)
		}
	case <-time.After(patience):
		t.Fatal("the edge does not exit")
	}
}

func TestABlockedLogReaderBlocksNothing_G1(t *testing.T) {
	out, in, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer out.Close()
	c, address, admin := startLogging(t, in)
	in.Close()
	sendRequests(t, address, 2500) // more than 1 KiB each; a pipe holds 64 KiB
	if n := droppedLines(t, admin); n == "0" {
		t.Error("expected dropped lines, since nothing reads them, found none")
	}
	terminate(t, c)
}

func TestALogReaderThatResumesGetsTheNumberOfDroppedLines_G1(t *testing.T) {
	out, in, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer out.Close()
	c, address, admin := startLogging(t, in)
	in.Close()
	sendRequests(t, address, 2500)
	text := make(chan string, 1)
	go func() {
		all, _ := io.ReadAll(out)
		text <- string(all)
	}()
	n := droppedLines(t, admin)
	terminate(t, c)
	if all, want := <-text, fmt.Sprintf(`"msg":"log lines were dropped because their reader was too slow","lines":%s}`, n); !strings.Contains(all, want) || !strings.Contains(all, `"msg":"shut down"`) {
		t.Errorf("expected %s and the end in the log, found its last bytes %q", want, all[max(0, len(all)-400):])
	}
}

func TestAClosedLogPipeDoesNotEndTheProcess_G1(t *testing.T) {
	out, in, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	c, address, _ := startLogging(t, in)
	in.Close()
	out.Close()
	sendRequests(t, address, 300)
	terminate(t, c)
}

func TestAFullDiskForTheLogsBlocksNothing_G1(t *testing.T) {
	full, err := os.OpenFile("/dev/full", os.O_WRONLY, 0)
	if err != nil {
		t.Skip("this system has no /dev/full")
	}
	c, address, _ := startLogging(t, full)
	full.Close()
	sendRequests(t, address, 300)
	terminate(t, c)
}
