package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"time"

	"github.com/tenantedge/tenantedge/edge"
	"github.com/tenantedge/tenantedge/edge/config"
	"github.com/tenantedge/tenantedge/edge/proof"
	"github.com/tenantedge/tenantedge/edge/session"
	"github.com/tenantedge/tenantedge/edge/smoke"
	"github.com/tenantedge/tenantedge/edge/storage"
	"github.com/tenantedge/tenantedge/guest/tenancy"
	"github.com/tenantedge/tenantedge/tenantdb"
	tenantfile "github.com/tenantedge/tenantedge/tenantdb/file"
	"github.com/tenantedge/tenantedge/tenantdb/postgres"
)

// wiring is what a configuration is made into: the parts of an edge, put
// together.
type wiring struct {
	edge      edge.Config
	directory *tenantdb.Directory
	source    tenantdb.Source    // nil: there are only static tenants
	db        *postgres.DB       // nil: not open
	sessions  *postgres.Sessions // nil: none are in a database
	reader    *session.Reader    // nil: no router needs sessions
	closers   []func() error
}

func loadConfig(path string) (*config.File, error) {
	if path == "" {
		return nil, usagef("expected --config FILE, found none; edge/config/REFERENCE.md says what the file holds")
	}
	return config.Load(path)
}

// wire opens what decides about a request: directory and keys. Nothing is
// loaded yet, and the guest's file is not read.
func wire(f *config.File, log *slog.Logger) (*wiring, error) {
	w := &wiring{edge: f.Edge()}
	w.edge.Logger, w.edge.CompileCache = log, compileCache()
	w.edge.SmokeRun = smoke.Run
	w.edge.Websockets = edge.WebsocketConfig{} // see wireWebsockets
	if f.Guest.CompileCache != "" {
		w.edge.CompileCache = f.Guest.CompileCache
	}
	for _, k := range f.TenantHeaderProof {
		secret, err := k.Secret()
		if err != nil {
			return nil, fmt.Errorf("tenant_header_proof: key %s: %w", k.ID, err)
		}
		w.edge.ProofKeys = append(w.edge.ProofKeys, proof.Key{ID: k.ID, Secret: secret})
	}
	options := tenantdb.Options{Logger: log}
	if f.Compat == edge.Hardened {
		options.Normalize, options.RefuseTenant = tenancy.NormalizeHost, w.edge.RefuseTenant
	}
	if f.Default != nil {
		options.CloneReference = f.Default.CloneReference
	}
	w.directory = tenantdb.NewDirectory(options)
	w.edge.Directory = w.directory
	if err := w.wireSource(f, log); err != nil {
		return nil, errors.Join(err, w.close())
	}
	return w, nil
}

// askingWait is how long commands that serve nothing wait for the database before
// they read the saved state: their answers are about what is true now.
const askingWait = time.Minute

// wireLoaded is wire with the directory filled, and what filled it closed: for
// commands that ask, and serve nothing.
func wireLoaded(ctx context.Context, f *config.File) (*wiring, error) {
	if err := f.CheckSurroundings(); err != nil {
		return nil, err
	}
	f.Directory.StateWait = max(f.Directory.StateWait, askingWait)
	w, err := wire(f, quietLogger())
	if err != nil {
		return nil, err
	}
	if err := f.CheckGuest(); err != nil {
		return nil, errors.Join(err, w.close())
	}
	if f.Guest.Path != "" {
		if w.edge.Guest, _, err = tenantfile.ReadRegular(f.Guest.Path, 0); err != nil {
			return nil, errors.Join(fmt.Errorf("guest.path: %w", err), w.close())
		}
	}
	if w.source != nil {
		if err = w.source.Load(ctx, w.directory); err != nil {
			err = fmt.Errorf("directory: %w", err)
		}
	}
	if err = errors.Join(err, w.close()); err != nil {
		return nil, err
	}
	return w, nil
}

// signingKeys reads the keys of signed URLs.
func signingKeys(f *config.File) ([]storage.Key, error) {
	keys := make([]storage.Key, len(f.SigningKeys))
	for i, k := range f.SigningKeys {
		secret, err := k.Secret()
		if err != nil {
			return nil, fmt.Errorf("signing_keys: key %s: %w", k.ID, err)
		}
		keys[i] = storage.Key{ID: k.ID, Secret: secret}
	}
	return keys, nil
}

// closes has close call c.
func (w *wiring) closes(c func() error) { w.closers = append(w.closers, c) }

// close closes what was opened, the last first.
func (w *wiring) close() error {
	var errs []error
	for _, c := range slices.Backward(w.closers) {
		errs = append(errs, c())
	}
	w.closers = nil
	return errors.Join(errs...)
}
