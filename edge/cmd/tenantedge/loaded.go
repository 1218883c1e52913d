package main

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"github.com/tenantedge/tenantedge/edge/config"
	"github.com/tenantedge/tenantedge/edge/serve"
	"github.com/tenantedge/tenantedge/edge/websocket"
)

func loadConfig(path string) (*config.File, error) {
	if path == "" {
		return nil, usagef("expected --config FILE, found none; edge/config/REFERENCE.md describes the file")
	}
	return config.Load(path)
}

// databaseWait is how long commands that serve no requests wait for the database
// before they read the saved state, which may be out of date.
const databaseWait = time.Minute

// openLoaded opens the parts that decide about requests and loads the directory,
// for commands that serve no requests. The guest is read from guest.path.
func openLoaded(ctx context.Context, f *config.File, log *slog.Logger) (*serve.Parts, error) {
	f.Directory.StateWait = max(f.Directory.StateWait, databaseWait)
	parts, err := serve.Open(f, serve.Options{Logger: log})
	if err != nil {
		return nil, err
	}
	// No websocket is opened.
	parts.Config.Channels, parts.Config.Websockets = nil, websocket.Config{}
	if err := f.CheckGuest(); err != nil {
		return nil, errors.Join(err, parts.Close())
	}
	if parts.Config.Guest, _, err = serve.ReadGuest(ctx, f); err != nil {
		return nil, errors.Join(f.At(err, "guest", "path"), parts.Close())
	}
	if err := parts.Load(ctx); err != nil {
		return nil, errors.Join(err, parts.Close())
	}
	return parts, nil
}
