package main

import (
	"context"
	"io"
	"net"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"

	"github.com/tenantedge/tenantedge/edge/config"
)

func TestServeNamesThePortInUse(t *testing.T) {
	busy, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer busy.Close()
	at := busy.Addr().String()
	code, _, stderr := command("", "serve", "-c", writeFile(t, "edge.yaml", "admin: off\nlisteners: ['"+at+"']\n"))
	if code != exitFailed || !strings.Contains(stderr, "listeners: expected "+at+" to be free") {
		t.Errorf("exit %d, %q", code, stderr)
	}
}

// asProgram is an environment variable. If it is set, TestMain runs the program
// instead of the tests.
const asProgram = "TENANTEDGE_TEST_RUN"

// The signals that orchestrators send end the process with success.
func TestServeShutsDownOnASignal(t *testing.T) {
	for _, signal := range []os.Signal{os.Interrupt, syscall.SIGTERM} {
		t.Run(signal.String(), func(t *testing.T) {
			path := writeFile(t, "edge.yaml", "admin: off\nlisteners: ['127.0.0.1:0']\nlogs: {format: json}\n")
			c := exec.Command(os.Args[0], "serve", "-c", path)
			c.Env = append(os.Environ(), asProgram+"=1")
			logs, err := c.StderrPipe()
			if err != nil {
				t.Fatal(err)
			}
			if err := c.Start(); err != nil {
				t.Fatal(err)
			}
			var text strings.Builder
			buffer := make([]byte, 4096)
			for !strings.Contains(text.String(), `"msg":"serving"`) {
				n, err := logs.Read(buffer)
				text.Write(buffer[:n])
				if err != nil {
					t.Fatalf("it ended early (%v): %s", err, &text)
				}
			}
			if err := c.Process.Signal(signal); err != nil {
				t.Fatal(err)
			}
			rest, err := io.ReadAll(logs)
			if err != nil {
				t.Fatal(err)
			}
			if err := c.Wait(); err != nil || !strings.Contains(string(rest), `"msg":"shut down"`) {
				t.Errorf("%v: %s", err, rest)
			}
		})
	}
}

func TestLogsAreTextForPeopleAndJSONForPrograms(t *testing.T) {
	for format, want := range map[string]string{"auto": `"msg":"hello"`, "json": `"msg":"hello"`, "text": "msg=hello"} {
		var out strings.Builder
		newLogger(&out, config.Logs{Format: format}).InfoContext(context.Background(), "hello")
		if !strings.Contains(out.String(), want) {
			t.Errorf("%s: %s", format, out.String())
		}
	}
}
