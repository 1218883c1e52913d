package sockets

import (
	"context"
	_ "embed"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"github.com/tenantedge/tenantedge/bench/process"
)

//go:embed daphne/app.py
var daphneApp []byte

// daphneMissing returns which part of Django Channels is not installed, or "".
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

// daphneVersion returns the installed versions.
func daphneVersion(context.Context) (string, error) {
	if missing := daphneMissing(); missing != "" {
		return "", errors.New(missing)
	}
	out, err := python("import channels, channels_redis, daphne, django; print(daphne.__version__, 'channels', channels.__version__, 'channels_redis', channels_redis.__version__, 'Django', django.__version__)")
	return strings.TrimSpace(string(out)), err
}

// python runs a line of Python, with the system's interpreter if there is one,
// since that has Debian's packages.
func python(line string) ([]byte, error) {
	program := "/usr/bin/python3"
	if _, err := os.Stat(program); err != nil {
		program = "python3"
	}
	return exec.Command(program, "-c", line).Output()
}

// daphne returns a function that starts daphne with its own Redis server.
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
			_ = store.Wait() // reports the signal
			return errors.Join(err, remove())
		}
		address, err := process.FreeAddress()
		if err != nil {
			return nil, Target{}, errors.Join(err, stop())
		}
		_, port, _ := strings.Cut(address, ":")
		// The clients expect no pings.
		c := exec.CommandContext(ctx, "daphne", "--verbosity", "0", "--ping-interval", "3600", "--bind", "127.0.0.1", "--port", port, "--application-close-timeout", "1", "app:application")
		c.Dir = dir
		c.Env = append(os.Environ(), "LAYER="+layer, "REDIS=unix://"+redis, "PYTHONPATH="+dir)
		s, err := process.StartAt(ctx, c, address, func() error {
			err := c.Process.Kill()
			_ = c.Wait()
			return errors.Join(err, stop())
		})
		if err != nil {
			return nil, Target{}, errors.Join(err, stop())
		}
		return s, Target{Address: address, Host: address}, nil
	}
}
