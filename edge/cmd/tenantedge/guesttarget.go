package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/user"

	"github.com/spf13/cobra"

	"github.com/tenantedge/tenantedge/edge/config"
	"github.com/tenantedge/tenantedge/edge/internal/artifact"
	"github.com/tenantedge/tenantedge/edge/internal/fleet"
)

// guestTarget is what a command shows or changes: one edge, over its admin listener, or
// a fleet.
type guestTarget struct {
	admin  adminClient
	config string // file whose section fleet names the fleet
	fleet  string // name of a fleet, whose database dsnEnv names
	dsnEnv string
	expect int64 // number of the newest rollout, if it must be that one; -1: any

	registry registryFlags

	command *cobra.Command
}

// defaultFleetDSNEnv is the variable that has the connection string of a fleet.
const defaultFleetDSNEnv = "TENANTEDGE_FLEET_DSN"

const targetHelp = `

The command is for one edge, which --admin names, or for a fleet: with --config, that
of the section fleet; with --fleet, the one of that name in the database whose
connection string the variable ` + defaultFleetDSNEnv + ` has.`

func (t *guestTarget) add(c *cobra.Command) {
	t.command, t.expect = c, -1
	t.admin.add(c)
	configFlag(c, &t.config)
	f := c.Flags()
	f.StringVar(&t.fleet, "fleet", "", "`NAME` of a fleet")
	f.StringVar(&t.dsnEnv, "dsn-env", defaultFleetDSNEnv, "`VARIABLE` that has the connection string of the fleet's database")
}

// addChange adds the flags of a command that changes what runs.
func (t *guestTarget) addChange(c *cobra.Command) {
	t.admin.addReason(c)
	c.Flags().Int64Var(&t.expect, "expect", -1, "change a fleet only if the `NUMBER` of its newest rollout is this, as guest status shows it")
}

// open opens the fleet; nil: the command is for one edge.
func (t *guestTarget) open() (*fleetClient, error) {
	one := ""
	for _, name := range []string{"admin", "token-env", "token-file", "ca"} {
		if t.command.Flags().Changed(name) {
			one = name
		}
	}
	switch {
	case t.config == "" && t.fleet == "":
		if t.command.Flags().Changed("dsn-env") || t.expect >= 0 {
			return nil, usagef("expected --fleet or --config with --dsn-env or --expect, found neither")
		}
		return nil, nil
	case one != "":
		return nil, usagef("expected flags for one edge (--admin) or for a fleet (--config, --fleet), found --%s too; remove it", one)
	case t.config != "" && t.fleet != "":
		return nil, usagef("expected either --config or --fleet, found both")
	}
	store, file, err := t.store()
	if err != nil {
		return nil, err
	}
	return &fleetClient{store: store, file: file, registry: t.registry.options(), expect: t.expect, who: whoami(), why: t.admin.reason}, nil
}

// store opens the store of the fleet. The file is that of --config; nil: --fleet names
// the fleet.
func (t *guestTarget) store() (*fleet.Store, *config.File, error) {
	if t.fleet != "" {
		dsn := os.Getenv(t.dsnEnv)
		if dsn == "" {
			return nil, nil, usagef("expected the connection string of the fleet's database in the variable %s, found none; set it, name another with --dsn-env, or use --config", t.dsnEnv)
		}
		store, err := fleet.Open(fleet.Config{DSN: dsn, Fleet: t.fleet})
		return store, nil, err
	}
	file, err := loadConfig(t.config)
	if err != nil {
		return nil, nil, err
	}
	if t.registry == (registryFlags{}) {
		t.registry = registryFlags{file.Guest.Registry.CAFile, file.Guest.Registry.PlainHTTP}
	}
	if file.Fleet == nil {
		return nil, nil, usagef("expected the section fleet in %s, found none; add it, or use --admin for one edge", t.config)
	}
	store, err := fleet.OpenConfigured(file)
	return store, file, err
}

// whoami returns the user and the host, for the history.
func whoami() string {
	name := cmp.Or(os.Getenv("USER"), "unknown")
	if u, err := user.Current(); err == nil {
		name = u.Username
	}
	host, err := os.Hostname()
	if err != nil {
		return name
	}
	return name + "@" + host
}

// isDigest reports whether an argument is a digest, or the beginning of one, and no
// file.
func isDigest(named string) bool {
	if !fleet.IsDigest(named) {
		return false
	}
	_, err := os.Stat(named)
	return errors.Is(err, fs.ErrNotExist)
}

// readNamed reads the guest in a file or in a registry. signed is the file with its
// signature; empty: that beside the guest.
func readNamed(ctx context.Context, named, signed string, o artifact.Options) (artifact.Guest, error) {
	g, err := readSigned(ctx, named, signed, o)
	if err == nil {
		err = checkModule(named, g.Wasm)
	}
	return g, err
}

// act runs onFleet if the flags choose a fleet, or else onEdge. name is that of the
// command, for errors.
func (t *guestTarget) act(name string, onFleet func(*fleetClient) error, onEdge func(*adminClient) error) error {
	f, err := t.open()
	switch {
	case err != nil:
	case f != nil:
		defer f.close()
		err = onFleet(f)
	default:
		err = onEdge(&t.admin)
	}
	if err != nil {
		return fmt.Errorf("guest %s: %w", name, err)
	}
	return nil
}
