package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"github.com/tenantedge/tenantedge/edge/config"
	"github.com/tenantedge/tenantedge/edge/internal/fleet"
	"github.com/tenantedge/tenantedge/tenantdb/postgres"
)

func newDB() *cobra.Command {
	return group(&cobra.Command{
		Use:     "db",
		Short:   "Set up the database of the directory",
		Long:    "db sets up the database of a directory with source postgres.",
		Example: "  tenantedge db init -c tenantedge.yaml --dry-run",
	}, newDBInit(), newDBUninstall())
}

func newDBInit() *cobra.Command {
	return dbCommand(&cobra.Command{
		Use:   "init --config FILE",
		Short: "Create missing tables and triggers",
		Long: text(`
			init installs triggers on the tables of tenants and domains, so that edges learn of
			changes within milliseconds. If the configuration names no tables, init creates
			them first, with their invariants as constraints; tables that the configuration
			names must exist. Existing tables stay unchanged, and init can run again. All of it
			is one transaction.

			Without the triggers, edges poll for changes (directory.poll_interval).

			With the section fleet, init creates the tables of the fleet too, in its database.
		`),
		Example: text(`
			  tenantedge db init -c tenantedge.yaml --dry-run   # shows the statements
			  tenantedge db init -c tenantedge.yaml
		`),
	}, (*postgres.DB).Init, (*fleet.Store).Install)
}

func newDBUninstall() *cobra.Command {
	return dbCommand(&cobra.Command{
		Use:   "uninstall --config FILE",
		Short: "Remove the triggers that notify of changes",
		Long: text(`
			uninstall removes the triggers that init installed on the tables of tenants and
			domains, and their function. The tables and their rows stay. Running edges poll for
			changes from then on (directory.poll_interval). All of it is one transaction.
		`),
		Example: text(`
			  tenantedge db uninstall -c tenantedge.yaml --dry-run   # shows the statements
			  tenantedge db uninstall -c tenantedge.yaml
		`),
	}, (*postgres.DB).Uninstall, nil)
}

// dbCommand completes c, a command that changes the database of the directory and that
// of the fleet, and shows the steps. With ofFleet nil, the fleet's stays as it is.
func dbCommand(c *cobra.Command, change func(db *postgres.DB, ctx context.Context, dryRun bool) ([]postgres.Step, error),
	ofFleet func(s *fleet.Store, ctx context.Context, dryRun bool) ([]postgres.Step, error)) *cobra.Command {
	var path string
	var dry, sql bool
	c.Args = noArgs
	c.RunE = func(c *cobra.Command, _ []string) error {
		file, err := loadConfig(path)
		if err != nil {
			return err
		}
		var steps []postgres.Step
		hasFleet := ofFleet != nil && file.Fleet != nil
		if file.Directory.Source == "postgres" || !hasFleet {
			if steps, err = changeDirectory(c.Context(), file, dry, change); err != nil {
				return err
			}
		}
		if hasFleet {
			more, err := changeFleet(c.Context(), file, dry, ofFleet)
			if err != nil {
				return err
			}
			steps = append(steps, more...)
		}
		return showSteps(c.OutOrStdout(), steps, dry, sql)
	}
	configFlag(c, &path)
	c.Flags().BoolVar(&dry, "dry-run", false, "show the statements without running them")
	c.Flags().BoolVar(&sql, "sql", false, "show the statements that are run")
	return c
}

func changeDirectory(ctx context.Context, file *config.File, dry bool, change func(db *postgres.DB, ctx context.Context, dryRun bool) ([]postgres.Step, error)) ([]postgres.Step, error) {
	config, err := database(file)
	if err != nil {
		return nil, err
	}
	db, err := postgres.Open(config)
	if err != nil {
		return nil, err
	}
	steps, err := change(db, ctx, dry)
	return steps, errors.Join(err, db.Close())
}

func changeFleet(ctx context.Context, file *config.File, dry bool, change func(s *fleet.Store, ctx context.Context, dryRun bool) ([]postgres.Step, error)) ([]postgres.Step, error) {
	s, err := fleet.OpenConfigured(file)
	if err != nil {
		return nil, err
	}
	steps, err := change(s, ctx, dry)
	return steps, errors.Join(err, s.Close())
}

// showSteps writes a line for each step. With sql or dry it also writes the
// statements, as a script for psql.
func showSteps(w io.Writer, steps []postgres.Step, dry, sql bool) error {
	sql = sql || dry
	comment := ""
	if sql {
		comment = "-- "
	}
	var out bytes.Buffer
	for _, s := range steps {
		mark := "+"
		if s.SQL == "" {
			mark = "="
		}
		fmt.Fprintf(&out, "%s%s %s\n", comment, mark, s.What)
		if sql && s.SQL != "" {
			fmt.Fprintf(&out, "%s;\n", s.SQL)
		}
	}
	if dry {
		fmt.Fprintln(&out, "-- nothing was changed: --dry-run")
	}
	_, err := w.Write(out.Bytes())
	return err
}
