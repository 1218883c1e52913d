package main

import (
	"context"
	"errors"
	"log/slog"
	"maps"
	"slices"

	"github.com/tenantedge/tenantedge/edge"
	"github.com/tenantedge/tenantedge/edge/config"
	"github.com/tenantedge/tenantedge/edge/serve"
)

// checkFile finds all that is wrong with a configuration before anything of it
// is opened. handlers are those that websocket routes may name.
func checkFile(file *config.File, handlers map[string]edge.WebsocketHandler) error {
	return errors.Join(file.CheckServe(slices.Sorted(maps.Keys(handlers))...), file.CheckSurroundings())
}

// prepared is an edge that is put together, and does not listen.
type prepared struct {
	*wiring
	server *serve.Server
}

// prepare puts together what serve serves. change, which may be nil, changes
// the options.
func prepare(ctx context.Context, file *config.File, handlers map[string]edge.WebsocketHandler, log *slog.Logger, change func(*edge.Config, *serve.Options)) (*prepared, error) {
	w, err := wire(file, log)
	if err != nil {
		return nil, err
	}
	p := &prepared{wiring: w}
	if err := errors.Join(w.wireServices(file, log), w.wireWebsockets(file, handlers, log)); err != nil {
		return nil, errors.Join(err, p.close())
	}
	token, err := file.AdminToken()
	keys, keysErr := signingKeys(file)
	if err := errors.Join(err, keysErr); err != nil {
		return nil, errors.Join(err, p.close())
	}
	o := serve.Options{
		Media: file.Media, SigningKeys: keys, OpenBucket: openBucket,
		AdminToken: token,
		URLConfs:   file.URLConfs, Fallback: file.Fallback,
		Listeners: file.Listeners, Admin: file.Admin, AdminHosts: file.AdminHosts, Limits: file.Limits,
		GuestFile: file.Guest.Path, KeptGuest: keptGuest(file.Guest, w.edge.CompileCache),
		AccessLog: file.Logs.Access, Logger: log,
	}
	if w.source != nil {
		o.Directory = w.directory.Stats
	}
	if change != nil {
		change(&w.edge, &o)
	}
	if p.server, err = serve.New(ctx, w.edge, o); err != nil {
		return nil, errors.Join(err, p.close())
	}
	return p, nil
}

// placed is an error of prepare with the place in the file that it is about.
func placed(file *config.File, err error) error {
	if bad := file.CheckGuest(); bad != nil {
		// Of what else is said, the guest that was kept is news.
		var kept *serve.KeptGuestError
		if errors.As(err, &kept) {
			return errors.Join(bad, kept)
		}
		return bad
	}
	if at := file.AtRefused(err); at != err {
		return at
	}
	if file.Guest.Path != "" && errors.Is(err, edge.ErrGuestRefused) {
		return file.At(err, "guest", "path")
	}
	return err
}

// close closes the server, if there is one yet, and then what it rests on.
func (p *prepared) close() error {
	var err error
	if p.server != nil {
		err = p.server.Close()
	}
	return errors.Join(err, p.wiring.close())
}
