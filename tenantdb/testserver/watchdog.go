package testserver

import (
	"errors"
	"os"
	"os/exec"
	"strconv"
)

// pidFile in a server's folder holds the id of its process.
const pidFile = "server.pid"

// watchdog is a process that outlives the tests, ends the server that they left
// and removes its folder.
type watchdog struct {
	tests   *os.File // the watchdog reads from its other end, which ends with the tests
	process *exec.Cmd
}

// The folder goes out of the way first: a server that is just being started
// either has written its id by then, or cannot, and does not start.
const watchScript = `cat >/dev/null
mv "$1" "$1.gone"
if pid=$(cat "$1.gone/` + pidFile + `" 2>/dev/null); then
	kill -s "$2" -- "$3$pid" 2>/dev/null
	tries=0
	while [ "$tries" -lt 1200 ] && kill -0 "$pid" 2>/dev/null; do sleep 0.05; tries=$((tries + 1)); done
fi
rm -rf "$1.gone"`

func watch(dir string, server Config) (*watchdog, error) {
	read, write, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	group := ""
	if server.Group {
		group = "-" // before the id of its leader
	}
	c := exec.Command("/bin/sh", "-c", watchScript, "testserver-watchdog", dir, strconv.Itoa(int(server.Kill)), group)
	c.Stdin = read
	inNewSession(c)
	if err := errors.Join(c.Start(), read.Close()); err != nil {
		return nil, errors.Join(err, write.Close())
	}
	return &watchdog{write, c}, nil
}

// Close has the watchdog do its work, and waits for it.
func (w *watchdog) Close() error { return errors.Join(w.tests.Close(), w.process.Wait()) }

// underWatch returns the command with its process told to the watchdog before
// it is the server's. A shell writes it down, which the server then replaces.
func underWatch(c *exec.Cmd) *exec.Cmd {
	shell := exec.Command("/bin/sh", append([]string{"-c", `echo $$ >` + pidFile + ` && exec "$@"`, "testserver", c.Path}, c.Args[1:]...)...)
	shell.Dir, shell.Env, shell.SysProcAttr = c.Dir, c.Env, c.SysProcAttr
	return shell
}
