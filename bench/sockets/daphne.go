package sockets

import (
	"context"
	_ "embed"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/tenantedge/tenantedge/bench/process"
)

//go:embed daphne/app.py
var daphneApp []byte

// daphneMissing says what of Django Channels is not installed.
func daphneMissing() string {
	for program, from := range map[string]string{"daphne": "daphne", "redis-server": "redis-server"} {
		if _, err := exec.LookPath(program); err != nil {
			return program + " is not installed (Debian's package " + from + ")"
		}
	}
	if _, err := python("import channels, channels_redis, daphne"); err != nil {
		return "python3 has no channels and channels_redis (Debian's packages python3-django-channels and python3-channels-redis)"
	}
	return ""
}

// daphneVersion is what is installed.
func daphneVersion(context.Context) (string, error) {
	if missing := daphneMissing(); missing != "" {
		return "", errors.New(missing)
	}
	out, err := python("import channels, channels_redis, daphne, django; print(daphne.__version__, 'channels', channels.__version__, 'channels_redis', channels_redis.__version__, 'Django', django.__version__)")
	return strings.TrimSpace(string(out)), err
}

// python runs a line of Python: the system's, which has the system's packages.
func python(line string) ([]byte, error) {
	program := "/usr/bin/python3"
	if _, err := os.Stat(program); err != nil {
		program = "python3"
	}
	return exec.Command(program, "-c", line).Output()
}

// daphne starts daphne, with a Redis of its own behind it.
func daphne(layer string) func(ctx context.Context) (*process.Server, Target, error) {
	return func(ctx context.Context) (*process.Server, Target, error) {
		dir, err := os.MkdirTemp("", "bench-daphne-")
		if err != nil {
			return nil, Target{}, err
		}
		remove := func() error { return os.RemoveAll(dir) }
		fail := func(err error) (*process.Server, Target, error) {
			return nil, Target{}, errors.Join(err, remove())
		}
		if err := os.WriteFile(filepath.Join(dir, "app.py"), daphneApp, 0o600); err != nil {
			return fail(err)
		}
		redis := filepath.Join(dir, "redis.sock")
		store := exec.CommandContext(ctx, "redis-server", "--port", "0", "--unixsocket", redis, "--save", "", "--appendonly", "no", "--dir", dir)
		if err := store.Start(); err != nil {
			return fail(err)
		}
		stop := func() error {
			err := store.Process.Kill()
			_ = store.Wait() // it was killed, and says so
			return errors.Join(err, remove())
		}
		port, err := freePort()
		if err != nil {
			return nil, Target{}, errors.Join(err, stop())
		}
		address := "127.0.0.1:" + strconv.Itoa(port)
		// A shell says where it will listen, as the other servers do. Pings of
		// daphne's would be messages that nobody counts.
		c := exec.CommandContext(ctx, "sh", "-c", `echo "$1"; exec 1>/dev/null 3>&-; exec daphne --verbosity 0 --ping-interval 3600 --bind 127.0.0.1 --port "$2" --application-close-timeout 1 app:application`, "daphne", address, strconv.Itoa(port))
		c.Dir = dir
		c.Env = append(os.Environ(), "LAYER="+layer, "REDIS=unix://"+redis, "PYTHONPATH="+dir)
		s, err := process.Start(c, func() error {
			err := c.Process.Kill()
			_ = c.Wait()
			return errors.Join(err, stop())
		})
		if err != nil {
			return nil, Target{}, errors.Join(err, stop())
		}
		t := Target{Address: address, Host: address}
		if err := ready(ctx, address); err != nil {
			return nil, Target{}, errors.Join(err, s.Close())
		}
		return s, t, nil
	}
}

// freePort is a port that nobody listens on at the moment.
func freePort() (int, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return 0, err
	}
	return l.Addr().(*net.TCPAddr).Port, l.Close()
}

// ready waits until a server takes connections.
func ready(ctx context.Context, address string) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	for {
		conn, err := (&net.Dialer{}).DialContext(ctx, "tcp", address)
		if err == nil {
			return conn.Close()
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("sockets: %s takes no connections: %w", address, err)
		case <-time.After(50 * time.Millisecond):
		}
	}
}
