package serve

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"slices"

	"github.com/tenantedge/tenantedge/edge"
	"github.com/tenantedge/tenantedge/edge/channel"
	"github.com/tenantedge/tenantedge/edge/config"
	"github.com/tenantedge/tenantedge/edge/proof"
	"github.com/tenantedge/tenantedge/edge/session"
	"github.com/tenantedge/tenantedge/edge/smoke"
	"github.com/tenantedge/tenantedge/edge/websocket"
	"github.com/tenantedge/tenantedge/guest/abi"
	"github.com/tenantedge/tenantedge/guest/tenancy"
	"github.com/tenantedge/tenantedge/tenantdb"
)

// Options are what a configuration file cannot hold. The zero value works.
type Options struct {
	// Logger is the logger of all parts. nil: slog.Default.
	Logger *slog.Logger
	// Handlers are the Go handlers that websocket routes of the file name.
	Handlers map[string]websocket.Handler
	// Guest is the guest's Wasm. It replaces guest.path, which is then not watched.
	// nil: guest.path, or else the built-in router.
	Guest []byte
	// SmokeRun tries guests before they are loaded; see edge.Config. nil: smoke.Run.
	SmokeRun func(context.Context, smoke.Trial) error
	// Around wraps the handler of all requests, in front of the guest. nil: none.
	Around func(http.Handler) http.Handler
	// Within wraps the handler of the requests that the guest has routed. nil: none.
	Within func(http.Handler) http.Handler
	// Configure changes the configuration of the Server's Host, which has the
	// Server's own functions, such as Refused. nil: nothing is changed.
	Configure func(*edge.Config)
	// Listeners replace the listeners in the file. Run closes them. For HTTPS, pass
	// listeners of package crypto/tls.
	Listeners []net.Listener
	// Sockets are listening sockets that the process inherited from systemd. Each
	// serves the listener with its address or, as systemd:NAME, its name. Run does
	// not close them, so that the next Server of the process can use them too.
	Sockets []*os.File
	// Ready is called by Run after the listeners are open. nil: not called.
	Ready func(*Server)
	// Reloading is called by Follow before it reads the configuration again because it
	// was asked to. Follow calls done afterwards. nil: not called.
	Reloading func(*Server) (done func())
	// Force makes a shutdown interrupt open requests at once when it is closed.
	// nil: only limits.shutdown_timeout does.
	Force <-chan struct{}
}

// Parts are the services that a configuration file names: directory, sessions,
// queries and channel layer. A program that does not serve requests itself
// makes a Host of them:
//
//	parts, err := serve.Open(file, serve.Options{})
//	if err != nil {
//		return err
//	}
//	defer parts.Close()
//	if err := parts.Load(ctx); err != nil {
//		return err
//	}
//	host, err := edge.New(ctx, parts.Config)
type Parts struct {
	// Config configures a Host with these parts. Its Guest is Options.Guest: the
	// file guest.path is not read. Callers may change it before edge.New.
	Config edge.Config
	// Source fills Config.Directory. nil: there are only static tenants.
	Source tenantdb.Source
	// Sessions reads sessions. nil: the file has no key sessions.
	Sessions *session.Reader
	// SessionStore is the database of the sessions. nil: they are in cookies.
	SessionStore session.Store

	file     *config.File
	registry *guestRegistry // nil: guest.path is not a reference
	log      *slog.Logger
	counts   *common // of the Server; nil: the Parts are not those of one
	rows     *service[*rows]
	reader   *service[*sessionService] // nil: there are no sessions
	layer    *service[channel.Layer]   // nil: there is none
	closers  []func() error
}

// Open opens the parts that file names. It checks what the file refers to on this
// machine, such as secrets and certificates, but does not connect to servers, load
// tenants or open listeners. Errors about the file are *config.Error, joined.
func Open(file *config.File, o Options) (*Parts, error) {
	if err := file.CheckEnvironment(); err != nil {
		return nil, err
	}
	return open(file, o, nil, nil)
}

// open is Open without the check. It shares the services of before, which may be nil,
// whose settings are the same. counts is that of the Server; nil: there is none.
func open(file *config.File, o Options, counts *common, before *Parts) (*Parts, error) {
	if o.Logger == nil {
		o.Logger = slog.Default()
	}
	p := &Parts{Config: file.Edge(), file: file, log: o.Logger, counts: counts}
	if o.SmokeRun == nil {
		o.SmokeRun = smoke.Run
	}
	p.Config.Guest, p.Config.Logger, p.Config.SmokeRun = o.Guest, o.Logger, o.SmokeRun
	if p.Config.CompileCache = file.Guest.CompileCache; p.Config.CompileCache == "" {
		p.Config.CompileCache = compileCache()
	}
	p.Config.Websockets.Handlers = o.Handlers
	for _, step := range []func(*Parts) error{p.readProofKeys, p.openRows, p.openSessions, p.openChannels} {
		if err := step(cmp.Or(before, &Parts{})); err != nil {
			return nil, errors.Join(err, p.Close())
		}
	}
	return p, nil
}

func (p *Parts) newDirectory() *tenantdb.Directory {
	o := tenantdb.Options{Logger: p.log}
	if p.file.GuestConfig.Compat == abi.Hardened {
		o.Normalize, o.RefuseTenant = tenancy.NormalizeHost, p.Config.RefuseTenant
	}
	if p.file.GuestConfig.Default != nil {
		o.CloneReference = p.file.GuestConfig.Default.CloneReference
	}
	return tenantdb.NewDirectory(o)
}

func (p *Parts) readProofKeys(*Parts) error {
	for _, k := range p.file.TenantHeaderProof {
		secret, err := k.Secret()
		if err != nil {
			return fmt.Errorf("tenant_header_proof: key %s: %w", k.ID, err)
		}
		p.Config.ProofKeys = append(p.Config.ProofKeys, proof.Key{ID: k.ID, Secret: secret})
	}
	return nil
}

// Load fills the directory from its source. The first error is returned: Load
// does not wait for a database that is down.
func (p *Parts) Load(ctx context.Context) error {
	return p.rows.value.load(ctx, true)
}

// Locate returns err, an error of edge.New or New, as a *config.Error with the
// position in the file that is the cause. If there is none it returns err itself.
func (p *Parts) Locate(err error) error { return locate(p.file, err) }

func locate(file *config.File, err error) error {
	invalid := file.CheckGuest()
	if unread := (*guestFileError)(nil); invalid == nil && errors.As(err, &unread) {
		invalid = file.At(unread.err, "guest", "path")
	}
	if invalid != nil {
		// Of err, only the error of the last good guest adds anything.
		var lastGood *LastGoodError
		if errors.As(err, &lastGood) {
			return errors.Join(invalid, lastGood)
		}
		return invalid
	}
	if located := file.LocateGuestError(err); located != err {
		return located
	}
	if file.Guest.Path != "" && errors.Is(err, edge.ErrGuestRefused) {
		return file.At(err, "guest", "path")
	}
	return err
}

// ledger returns the ledger of the Server; nil: there is none.
func (p *Parts) ledger() *ledger {
	if p.counts == nil {
		return nil
	}
	return p.counts.ledger
}

// onClose makes Close call c.
func (p *Parts) onClose(c func() error) { p.closers = append(p.closers, c) }

// Close closes the parts in reverse order. Close the Host first.
func (p *Parts) Close() error {
	var errs []error
	for _, c := range slices.Backward(p.closers) {
		errs = append(errs, c())
	}
	p.closers = nil
	return errors.Join(errs...)
}
