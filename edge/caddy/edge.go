package tenantedge

import (
	"bytes"
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"sync/atomic"
	"time"

	"github.com/caddyserver/caddy/v2"

	"github.com/tenantedge/tenantedge/edge"
	"github.com/tenantedge/tenantedge/edge/config"
	"github.com/tenantedge/tenantedge/edge/serve"
)

// Edge is the configuration of an edge. It has exactly one of config and inline.
//
// Caddy replaces what the file says about listeners, admin and trusted_peers: they
// have no effect.
type Edge struct {
	// A configuration file of `tenantedge serve`, YAML or JSON. Relative paths in it
	// start from its folder. May have placeholders such as {env.CONFIG}.
	Config string `json:"config,omitempty"`
	// The same as a JSON object, or as a string that holds YAML. Relative paths start
	// from the working directory.
	Inline json.RawMessage `json:"inline,omitempty"`
	// How long to wait for the source of the directory. Default: 30s.
	LoadTimeout caddy.Duration `json:"load_timeout,omitempty"`
}

const defaultLoadTimeout = 30 * time.Second

// content is the content of an edge's configuration.
type content struct {
	name string // of the file; inline: a name for messages
	data []byte
}

func (e *Edge) read(name string) (content, error) {
	switch {
	case e.Config != "" && len(e.Inline) == 0:
		path, err := caddy.NewReplacer().ReplaceOrErr(e.Config, true, true)
		if err != nil {
			return content{}, fmt.Errorf("config: %w", err)
		}
		if path, err = filepath.Abs(path); err != nil {
			return content{}, fmt.Errorf("config: %w", err)
		}
		data, err := os.ReadFile(path)
		if err != nil {
			return content{}, fmt.Errorf("config: expected a configuration file: %w", err)
		}
		return content{path, data}, nil
	case len(e.Inline) > 0 && e.Config == "":
		var text string
		if err := json.Unmarshal(e.Inline, &text); err == nil {
			return content{name + ".yaml", []byte(text)}, nil
		}
		return content{name + ".json", bytes.Clone(e.Inline)}, nil
	}
	return content{}, errors.New("expected one of config, a configuration file, and inline, its content")
}

// pool has the edges that run. They outlive Caddy's configurations.
var pool = caddy.NewUsagePool()

// poolKey identifies an edge with everything that its configuration says.
type poolKey struct {
	name    string
	content [sha256.Size]byte
}

func (c content) key(name string) poolKey {
	return poolKey{name, sha256.Sum256(append([]byte(c.name+"\x00"), c.data...))}
}

// run returns the edge that runs with this content, or else starts one.
func (c content) run(name string, e *Edge, log slog.Handler) (*running, poolKey, error) {
	key, replaces := c.key(name), runs(name)
	value, _, err := pool.LoadOrNew(key, func() (caddy.Destructor, error) {
		file, err := config.Parse(c.name, c.data)
		if err != nil {
			return nil, err
		}
		return start(file, cmp.Or(time.Duration(e.LoadTimeout), defaultLoadTimeout), replaces, log.WithAttrs([]slog.Attr{slog.String("edge", name)}))
	})
	if err != nil {
		return nil, key, err
	}
	return value.(*running), key, nil
}

// runs reports whether an edge of that name runs.
func runs(name string) (found bool) {
	pool.Range(func(key, _ any) bool {
		found = key.(poolKey).name == name
		return !found
	})
	return found
}

// running is an edge that runs.
type running struct {
	file   *config.File
	server *serve.Server
	log    *switched
	cancel context.CancelFunc // ends the background work
	active atomic.Int64       // requests in progress
}

// start starts an edge. If it replaces another one, it must run the guest of its
// file, and not only the last good one.
func start(file *config.File, timeout time.Duration, replaces bool, log slog.Handler) (*running, error) {
	r := &running{file: file, log: newSwitched(log)}
	logger := slog.New(r.log)
	if len(file.TrustedPeers) > 0 {
		logger.Warn("trusted_peers has no effect in Caddy: set trusted_proxies in the global option servers")
		file.TrustedPeers = nil
	}
	background, cancel := context.WithCancel(context.Background())
	var err error
	if r.server, err = serve.New(background, file, serve.Options{Logger: logger, Within: noted, Configure: configure}); err != nil {
		cancel()
		return nil, err
	}
	r.cancel = cancel
	late := time.AfterFunc(timeout, cancel)
	err = r.server.Start(background)
	if !late.Stop() && background.Err() != nil {
		err = errors.Join(fmt.Errorf("the directory is not loaded after %v; see load_timeout", timeout), err)
	}
	if err == nil && replaces {
		err = r.server.SyncGuest(background)
	}
	if err != nil {
		return nil, errors.Join(err, r.close())
	}
	return r, nil
}

// configure lets Caddy decide what it decides for its own modules.
func configure(c *edge.Config) {
	c.PeerTrust = trustOf
	c.Websockets.Deferred = true
	respond := c.Refused
	c.Refused = func(w http.ResponseWriter, r *http.Request, e *edge.RouteError) {
		if s := routingOf(r.Context()); s != nil && s.refuse(e) {
			return
		}
		respond(w, r, e)
	}
}

// Destruct closes the websockets, with close code 1001, and then the edge. Unless the
// process exits, Caddy does not wait for the requests of a replaced configuration, so
// the edge serves until they have ended, in the background.
func (r *running) Destruct() error {
	if caddy.Exiting() {
		return r.end(0)
	}
	go func() {
		if err := r.end(linger); err != nil {
			slog.New(r.log).Warn("a replaced edge was closed with an error", "error", err)
		}
	}()
	return nil
}

// linger is how long a replaced edge waits for further requests: Caddy's old servers
// may have connections that they have accepted and not read yet.
const linger = 5 * time.Second

// end closes the edge once there was no request for idle, or after
// limits.shutdown_timeout.
func (r *running) end(idle time.Duration) error {
	ctx, cancel := context.WithTimeout(context.Background(), r.file.Limits.ShutdownTimeout)
	defer cancel()
	err := r.server.Shutdown(ctx)
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for last := time.Now(); ctx.Err() == nil && time.Since(last) < idle; {
		if r.active.Load() > 0 {
			last = time.Now()
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
		}
	}
	return errors.Join(err, r.close())
}

func (r *running) close() error {
	r.cancel()
	return r.server.Close()
}

var _ caddy.Destructor = (*running)(nil)
