package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"github.com/tenantedge/tenantedge/tenantdb/postgres"
)

func newDB() *cobra.Command {
	return group(&cobra.Command{
		Use:     "db",
		Short:   "Prepare the database that the directory follows",
		Long:    "db prepares the database of a directory with source postgres.",
		Example: "  tenantedge db init -c tenantedge.yaml --dry-run",
	}, newDBInit())
}

func newDBInit() *cobra.Command {
	var path string
	var dry, sql bool
	c := &cobra.Command{
		Use:   "init --config FILE",
		Short: "Make what is missing: tables, triggers that tell of changes",
		Long: text(`
			init puts triggers on the tables of tenants and domains, so that edges learn of
			changes within milliseconds. Where the configuration names no tables, it makes
			them first, with their invariants as constraints. Tables that are there are left
			as they are; running it again does no harm. It is one transaction.

			Without it edges find changes by asking (directory.poll_interval).
		`),
		Example: text(`
			  tenantedge db init -c tenantedge.yaml --dry-run --sql   read first
			  tenantedge db init -c tenantedge.yaml
		`),
		Args: noArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			file, err := loadConfig(path)
			if err != nil {
				return err
			}
			dsn, err := postgresOf(file)
			if err != nil {
				return err
			}
			steps, err := postgres.Init(c.Context(), postgres.InitOptions{DSN: dsn, Tables: tables(file.Directory), DryRun: dry})
			if err != nil {
				return err
			}
			for _, s := range steps {
				mark := "+"
				if s.SQL == "" {
					mark = "="
				}
				if _, err := fmt.Fprintln(c.OutOrStdout(), mark, s.What); err != nil {
					return err
				}
				if sql && s.SQL != "" {
					if _, err := fmt.Fprintln(c.OutOrStdout(), s.SQL); err != nil {
						return err
					}
				}
			}
			if dry {
				_, err = fmt.Fprintln(c.OutOrStdout(), "nothing was changed: --dry-run")
			}
			return err
		},
	}
	configFlag(c, &path)
	c.Flags().BoolVar(&dry, "dry-run", false, "tell what would be done, and do nothing")
	c.Flags().BoolVar(&sql, "sql", false, "show the statements too")
	return c
}
