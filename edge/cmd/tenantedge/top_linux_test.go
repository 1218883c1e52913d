package main

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// console is a terminal that a test reads and types on.
type console struct {
	*testing.T
	test, program *os.File // the two ends

	mu   sync.Mutex
	text bytes.Buffer
}

func openConsole(t *testing.T) *console {
	t.Helper()
	test, err := os.OpenFile("/dev/ptmx", os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		t.Skipf("no pseudo-terminals: %v", err)
	}
	t.Cleanup(func() { test.Close() })
	if err := unix.IoctlSetPointerInt(int(test.Fd()), unix.TIOCSPTLCK, 0); err != nil {
		t.Fatal(err)
	}
	n, err := unix.IoctlGetInt(int(test.Fd()), unix.TIOCGPTN)
	if err != nil {
		t.Fatal(err)
	}
	program, err := os.OpenFile(fmt.Sprintf("/dev/pts/%d", n), os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { program.Close() })
	if err := unix.IoctlSetWinsize(int(program.Fd()), unix.TIOCSWINSZ, &unix.Winsize{Row: 12, Col: 60}); err != nil {
		t.Fatal(err)
	}
	c := &console{T: t, test: test, program: program}
	go func() {
		buffer := make([]byte, 4096)
		for {
			n, err := test.Read(buffer)
			c.mu.Lock()
			c.text.Write(buffer[:n])
			c.mu.Unlock()
			if err != nil {
				return
			}
		}
	}()
	return c
}

func (c *console) shown() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.text.String()
}

// shows waits until the terminal has shown text.
func (c *console) shows(text string) {
	c.Helper()
	deadline, tick := time.After(30*time.Second), time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for !strings.Contains(c.shown(), text) {
		select {
		case <-tick.C:
		case <-deadline:
			c.Fatalf("%q was not shown, but\n%q", text, c.shown())
		}
	}
}

func (c *console) settings() unix.Termios {
	c.Helper()
	s, err := unix.IoctlGetTermios(int(c.program.Fd()), unix.TCGETS)
	if err != nil {
		c.Fatal(err)
	}
	return *s
}

func TestTopGivesTheTerminalBack(t *testing.T) {
	admin := edgeThatAnswers(t, map[string]string{"/status": hostileStatus, "/usage": hostileUsage})
	for name, end := range map[string]func(*console){
		"key":    func(c *console) { _, _ = c.test.WriteString("xq") },
		"ctrl-C": func(c *console) { _, _ = c.test.WriteString("\x03") },
		"signal": func(c *console) { _ = unix.Kill(os.Getpid(), unix.SIGTERM) }, // top catches it
	} {
		t.Run(name, func(t *testing.T) {
			t.Setenv("TERM", "xterm")
			c := openConsole(t)
			before := c.settings()
			ended := make(chan int)
			go func() {
				ended <- run(context.Background(), []string{"top", "--admin", admin, "--interval", "20ms"}, c.program, c.program, c.program)
			}()
			c.shows("by requests")
			if raw := c.settings(); raw.Lflag&(unix.ICANON|unix.ECHO) != 0 {
				t.Error("the terminal waits for lines, or shows what is typed")
			}
			_, _ = c.test.WriteString("f")
			c.shows("by fuel")
			end(c)
			if code := <-ended; code != exitOK {
				t.Errorf("exit %d", code)
			}
			c.shows("\x1b[?25h\x1b[?1049l")
			if c.settings() != before {
				t.Error("the settings of the terminal are not those from before")
			}
			text := c.shown()
			if !strings.HasPrefix(text, "\x1b[?1049h\x1b[?25l\x1b[H") {
				t.Errorf("it begins with %q", text[:20])
			}
			for _, line := range strings.Split(strings.NewReplacer("\x1b[K", "", "\x1b[J", "", "\x1b[H", "\n", "\x1b[?1049h", "", "\x1b[?25l", "", "\x1b[?25h", "", "\x1b[?1049l", "", "\r", "").Replace(text), "\n") {
				if n := len([]rune(line)); n > 60 || strings.ContainsRune(line, '\x1b') {
					t.Errorf("a line of %d characters: %q", n, line)
				}
			}
		})
	}
}

func TestTopWritesNoControlSequencesToADumbTerminal(t *testing.T) {
	admin := edgeThatAnswers(t, map[string]string{"/status": hostileStatus, "/usage": hostileUsage})
	t.Setenv("TERM", "dumb")
	c := openConsole(t)
	before := c.settings()
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan int)
	go func() {
		ended <- run(ctx, []string{"top", "--admin", admin, "--interval", "20ms"}, c.program, c.program, c.program)
	}()
	c.shows("by requests\r\n\r\n12:00:00") // a second frame
	if c.settings() != before {
		t.Error("the settings of the terminal are changed")
	}
	cancel()
	if code := <-ended; code != exitOK {
		t.Errorf("exit %d", code)
	}
	if strings.ContainsRune(c.shown(), '\x1b') {
		t.Errorf("it has control sequences: %q", c.shown())
	}
}
