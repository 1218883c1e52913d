package testserver

import (
	"errors"
	"os"
	"os/exec"
	"strconv"
)

// pidFile is the file in the folder that holds the process id of the server.
const pidFile = "server.pid"

// watchdog is a process that ends the server and removes its folder when the test
// process ends.
type watchdog struct {
	tests   *os.File // a pipe that the watchdog reads until the test process ends
	process *exec.Cmd
}

// The script renames the folder first. A server that is being started has written
// its process id by then, or fails to write it and does not start.
const watchScript = `cat >/dev/null
mv "$1" "$1.removed"
if pid=$(cat "$1.removed/` + pidFile + `" 2>/dev/null); then
	kill -s "$2" -- "$3$pid" 2>/dev/null
	tries=0
	while [ "$tries" -lt 1200 ] && kill -0 "$pid" 2>/dev/null; do sleep 0.05; tries=$((tries + 1)); done
fi
rm -rf "$1.removed"`

func watch(dir string, server Config) (*watchdog, error) {
	read, write, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	group := ""
	if server.Group {
		group = "-" // kill takes a negative id for a group
	}
	c := exec.Command("/bin/sh", "-c", watchScript, "testserver-watchdog", dir, strconv.Itoa(int(server.Kill)), group)
	c.Stdin = read
	inNewSession(c)
	if err := errors.Join(c.Start(), read.Close()); err != nil {
		return nil, errors.Join(err, write.Close())
	}
	return &watchdog{write, c}, nil
}

// Close makes the watchdog end the server and remove the folder, and waits for
// it.
func (w *watchdog) Close() error { return errors.Join(w.tests.Close(), w.process.Wait()) }

// underWatch wraps c in a shell that writes its process id to pidFile and then
// replaces itself by the server.
func underWatch(c *exec.Cmd) *exec.Cmd {
	shell := exec.Command("/bin/sh", append([]string{"-c", `echo $$ >` + pidFile + ` && exec "$@"`, "testserver", c.Path}, c.Args[1:]...)...)
	shell.Dir, shell.Env, shell.SysProcAttr = c.Dir, c.Env, c.SysProcAttr
	return shell
}
