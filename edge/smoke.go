package edge

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/exec"
	"strings"
	"time"

	"github.com/tenantedge/tenantedge/edge/internal/instance"
	"github.com/tenantedge/tenantedge/guest/abi"
)

// Trial is a guest to be tried in another process, with what it would get in
// this one.
type Trial struct {
	Wasm         []byte
	Config       []byte // the abi.Config that it is configured with, as JSON
	Limits       GuestLimits
	CompileCache string // folder where the code that was compiled can stay
}

const (
	// smokeMarker in the environment makes a process a smoke run.
	smokeMarker = "TENANTEDGE_SMOKE_RUN"
	// smokeBound is how long a smoke run may take. Loading the default guest
	// takes one to two seconds on a machine that does nothing else.
	smokeBound = 2 * time.Minute
	// smokeOutput is how much of what a smoke run writes is read, in bytes.
	smokeOutput = 16 << 10
)

// ReexecSmokeRun returns a Config.SmokeRun that starts this program once more,
// as a process of its own that loads the guest, configures it, has it test
// itself and route made-up requests. That process has an empty environment,
// bounded memory, processor time and wall time, and is killed when ctx ends. A
// guest that crashes it, hangs it or makes it run out of memory is refused.
//
// The program must call SmokeMain first thing in main.
func ReexecSmokeRun() func(context.Context, Trial) error {
	return smokeRun{bound: smokeBound}.run
}

// SmokeMain turns a process that ReexecSmokeRun started into the smoke run, and
// does not return then. In every other process it does nothing. Call it before
// anything else in main, and in TestMain of tests that swap guests.
func SmokeMain() {
	if os.Getenv(smokeMarker) != "" {
		os.Exit(smokeChild(os.Stdin, os.Stdout))
	}
}

// smokeRun starts processes.
type smokeRun struct {
	bound   time.Duration
	program []string // with arguments; nil: this program
}

// errSmoke is what every guest is expected to do.
const errSmoke = "expected the guest to load and to answer in a process of its own, found "

func (s smokeRun) run(ctx context.Context, t Trial) error {
	if os.Getenv(smokeMarker) != "" {
		return errors.New("expected the smoke run's process to call edge.SmokeMain, found that it starts another; call it first thing in main")
	}
	question, err := t.encode()
	if err != nil {
		return err
	}
	limited, cancel := context.WithTimeout(ctx, s.bound)
	defer cancel()
	c, err := s.command(limited)
	if err != nil {
		return err
	}
	stdout, stderr := &head{most: smokeOutput}, &head{most: smokeOutput}
	c.Stdin, c.Stdout, c.Stderr = io.MultiReader(bytes.NewReader(question), bytes.NewReader(t.Wasm)), stdout, stderr
	if err := c.Start(); err != nil && ctx.Err() == nil {
		return fmt.Errorf("expected to start this program once more, found %w; see that it may start processes", err)
	}
	ended := c.Wait() // of what was not started, an error
	switch {
	case ctx.Err() != nil:
		return fmt.Errorf("%sno end before its caller's: %w", errSmoke, ctx.Err())
	case limited.Err() != nil:
		return fmt.Errorf("%sno end after %v; look for what takes so long to compile or to configure", errSmoke, s.bound)
	}
	var v verdict
	said := json.Unmarshal(stdout.bytes, &v)
	switch {
	case said == nil && v.Error != "":
		return errors.New(errSmoke + v.Error)
	case said == nil && v.Passed && ended == nil:
		return nil
	case ended != nil:
		return fmt.Errorf("%sthat the process ended by %w%s; it would have ended this one too", errSmoke, ended, lastWords(stderr.bytes))
	}
	return fmt.Errorf("expected the verdict of a smoke run, found %.100q; call edge.SmokeMain first thing in main", stdout.bytes)
}

func (s smokeRun) command(ctx context.Context) (*exec.Cmd, error) {
	program := s.program
	if program == nil {
		path, err := ownProgram()
		if err != nil {
			return nil, fmt.Errorf("expected to find this program to start it once more: %w", err)
		}
		program = []string{path, "smoke-run"} // for ps; nobody reads it
	}
	c := exec.CommandContext(ctx, program[0], program[1:]...)
	c.Env = []string{smokeMarker + "=1"}
	c.WaitDelay = time.Second // for what it may have started to let go of the pipes
	return c, nil
}

// ownProgram is the file of this program: on Linux also when another version
// has been put in its place, whose engine may differ.
func ownProgram() (string, error) {
	const own = "/proc/self/exe"
	if _, err := os.Stat(own); err == nil {
		return own, nil
	}
	return os.Executable()
}

// lastWords is the first line of what a process that crashed wrote: Go puts the
// reason there.
func lastWords(stderr []byte) string {
	line, _, _ := strings.Cut(strings.TrimSpace(string(stderr)), "\n")
	if line == "" {
		return ""
	}
	return fmt.Sprintf(": %.300s", line)
}

// head keeps the first bytes of what is written to it.
type head struct {
	most  int
	bytes []byte
}

func (h *head) Write(p []byte) (int, error) {
	h.bytes = append(h.bytes, p[:min(len(p), h.most-len(h.bytes))]...)
	return len(p), nil
}

// trialHead is what stands before the Wasm in a smoke run's input.
type trialHead struct {
	Config       json.RawMessage
	Limits       GuestLimits
	CompileCache string
	Size         int
}

func (t *Trial) encode() ([]byte, error) {
	return json.Marshal(trialHead{t.Config, t.Limits, t.CompileCache, len(t.Wasm)})
}

func (t *Trial) decode(in io.Reader) error {
	var h trialHead
	d := json.NewDecoder(in)
	if err := d.Decode(&h); err != nil {
		return err
	}
	if h.Size < 0 || h.Size > instance.MaxModule {
		return fmt.Errorf("a guest of %d bytes", h.Size)
	}
	*t = Trial{Wasm: make([]byte, h.Size), Config: h.Config, Limits: h.Limits, CompileCache: h.CompileCache}
	_, err := io.ReadFull(io.MultiReader(d.Buffered(), in), t.Wasm)
	return err
}

// verdict is a smoke run's output.
type verdict struct {
	Passed bool
	Error  string
}

// smokeChild is the other process.
func smokeChild(in io.Reader, out io.Writer) (code int) {
	var t Trial
	err := t.decode(in)
	if err == nil {
		err = confine(&t)
	}
	if err != nil {
		err = fmt.Errorf("that it cannot be tried: %w", err)
	} else {
		err = t.run(context.Background())
	}
	v := verdict{Passed: err == nil}
	if err != nil {
		v.Error = strings.TrimPrefix(err.Error(), "edge: ")
		v.Error = v.Error[:min(len(v.Error), smokeOutput/8)] // JSON may take six bytes for one
	}
	if err := json.NewEncoder(out).Encode(v); err != nil {
		return 1
	}
	return 0
}

// run loads the guest as any Host does, and has it answer.
func (t *Trial) run(ctx context.Context) (err error) {
	var c abi.Config
	if err := json.Unmarshal(t.Config, &c); err != nil {
		return fmt.Errorf("that it cannot be tried: its configuration: %w", err)
	}
	limits := t.Limits
	limits.Instances = 1
	// A machine that is busy swapping refuses no guest for it: fuel is exact.
	limits.Deadline = max(limits.Deadline, 10*time.Second)
	h, err := New(ctx, Config{
		Guest: t.Wasm, Compat: c.Compat, Routers: c.Routers, Conflicts: c.Conflicts,
		TenantHeader: c.TenantHeader, TenantSessionKey: c.TenantSessionKey,
		Tenants: c.Tenants, Default: c.Default, WSURLConfs: c.WSURLConfs, Settings: c.Settings,
		Limits: limits, CompileCache: t.CompileCache, Logger: slog.New(slog.DiscardHandler),
	})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, h.Close()) }()
	for _, r := range smokeRequests(&c) {
		if _, err := h.Route(ctx, &r); err != nil {
			return fmt.Errorf("no decision on %s %s://%s%.80s: %w", r.Method, r.Scheme, r.Host, r.Target, err)
		}
	}
	return h.smokeOthers(ctx)
}

// smokeRequests are one of each kind, to hosts of static tenants, and to hosts
// that nobody has.
func smokeRequests(c *abi.Config) []Request {
	hosts := []string{"smoke.invalid"}
	for _, t := range c.Tenants {
		if len(t.Domains) > 0 && len(hosts) < 4 {
			hosts = append(hosts, t.Domains[0])
		}
	}
	var all []Request
	for _, host := range hosts {
		all = append(all,
			Request{Method: "GET", Scheme: "https", Host: host, Target: "/"},
			Request{Method: "POST", Scheme: "http", Host: host, Target: "/folder/a%20b/?c=d&e", Explain: true},
			Request{Method: "GET", Scheme: "https", Host: host, Target: "/ws/room/1/", Websocket: true},
		)
	}
	return append(all,
		Request{Method: "GET", Scheme: "http", NoHost: true, Target: "/"},
		Request{Method: "OPTIONS", Scheme: "http", Host: "[::1]:8080", Target: "*"},
		Request{Method: "GET", Scheme: "http", Host: "no host\x00", Target: "/" + strings.Repeat("a", 4096)},
	)
}

// smokeOthers asks for what is no decision. That the guest refuses is an answer.
func (h *Host) smokeOthers(ctx context.Context) error {
	tenant := &Tenant{Schema: "smoke"}
	key, cacheKey := h.CacheKey(ctx, tenant, "prefix", "1", "key")
	_, reverse := h.ReverseKey(ctx, key)
	_, pathname := h.Pathname(ctx, PathQuery{Tenant: tenant, Location: "/srv", BaseURL: "/media/", Name: "a b.txt"})
	_, authorize := h.Authorize(ctx, FileRequest{Tenant: tenant, Method: "GET", Name: "a b.txt", Host: "smoke.invalid"})
	for _, err := range []error{cacheKey, reverse, pathname, authorize} {
		if errors.Is(err, ErrGuest) {
			return err
		}
	}
	return nil
}
