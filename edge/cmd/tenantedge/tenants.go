package main

import (
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/tenantedge/tenantedge/edge/config"
	"github.com/tenantedge/tenantedge/edge/serve"
	"github.com/tenantedge/tenantedge/guest/abi"
	"github.com/tenantedge/tenantedge/tenantdb"
	"github.com/tenantedge/tenantedge/tenantdb/postgres"
)

func newTenants() *cobra.Command {
	var path string
	c := group(&cobra.Command{
		Use:   "tenants",
		Short: "List and change the tenants of the directory",
		Long: text(`
			tenants reads and writes the tables of a directory with source postgres. Running
			edges apply changes at once, without a restart. Tenants of a file can be listed; to
			change them, edit the file.

			Name a tenant by its id or its schema name. One of its domains is always primary:
			the first one, until another one is made primary.
		`),
		Example: text(`
			  tenantedge tenants -c tenantedge.yaml list
			  tenantedge tenants -c tenantedge.yaml add acme --domain acme.example.com
			  tenantedge tenants -c tenantedge.yaml domain add acme old.example.com --redirect
			  tenantedge tenants -c tenantedge.yaml rm acme --drop-schema
		`),
	}, newTenantsList(&path), newTenantsAdd(&path), newTenantsRemove(&path), newDomain(&path))
	c.PersistentFlags().StringVarP(&path, "config", "c", "", "configuration `FILE`, YAML or JSON")
	// This fails only for a flag that does not exist.
	_ = c.MarkPersistentFlagFilename("config", "yaml", "yml", "json")
	return c
}

// withStore calls do with a configuration and the tables that it names.
func withStore(path string, do func(*config.File, *postgres.Store) error) error {
	file, err := loadConfig(path)
	if err != nil {
		return err
	}
	return withStoreOf(file, func(s *postgres.Store) error { return do(file, s) })
}

func withStoreOf(file *config.File, do func(*postgres.Store) error) error {
	c, err := database(file)
	if err != nil {
		return err
	}
	c.Reserved = []string{"public", "default"}
	for _, t := range file.GuestConfig.Tenants {
		c.Reserved = append(c.Reserved, t.Schema)
	}
	if file.GuestConfig.Default != nil && file.GuestConfig.Default.CloneReference != "" {
		c.Reserved = append(c.Reserved, file.GuestConfig.Default.CloneReference)
	}
	if file.GuestConfig.Compat == abi.Hardened {
		edgeConfig := file.Edge()
		c.RefuseTenant = edgeConfig.RefuseTenant
	}
	db, err := postgres.Open(c)
	if err != nil {
		return err
	}
	return errors.Join(do(db.Store), db.Close())
}

// database returns the configuration of the directory's database.
func database(file *config.File) (postgres.Config, error) {
	if file.Directory.Source != "postgres" {
		if file.Directory.Source == "" {
			return postgres.Config{}, fmt.Errorf("%s: directory: expected source postgres, found none; add the key directory", file.Name)
		}
		return postgres.Config{}, fmt.Errorf("%s: directory: expected source postgres, found source %s; edit the file to change its tenants", file.Name, file.Directory.Source)
	}
	c, err := serve.Database(file)
	if err != nil {
		return postgres.Config{}, file.At(err, "directory")
	}
	return c, nil
}

func newTenantsAdd(path *string) *cobra.Command {
	var t postgres.NewTenant
	var domain tenantdb.Domain
	var attributes []string
	c := &cobra.Command{
		Use:   "add SCHEMA",
		Short: "Add a tenant and create its schema",
		Long: text(`
			add writes the rows of a tenant and of its domain, and creates its schema, in one
			transaction. The schema is empty: let your application migrate it.
		`),
		Example: text(`
			  tenantedge tenants -c tenantedge.yaml add acme --domain acme.example.com
			  tenantedge tenants -c tenantedge.yaml add acme --domain shop.example.com --folder acme
			  tenantedge tenants -c tenantedge.yaml add acme --set schema_pathname=acme-files --no-schema
		`),
		Args: exactArgs("SCHEMA"),
		RunE: func(c *cobra.Command, args []string) error {
			t.Schema = args[0]
			var err error
			if t.Attributes, err = parseAttributes(attributes); err != nil {
				return err
			}
			switch {
			case c.Flags().Changed("domain"):
				t.Domain = &domain
			case domain.Folder != "":
				return usagef("tenants add: expected --domain with --folder, found none")
			}
			return withStore(*path, func(file *config.File, s *postgres.Store) error {
				added, err := s.AddTenant(c.Context(), t)
				if err != nil {
					return err
				}
				fmt.Fprintf(c.OutOrStdout(), "added tenant %s with id %s\n", added.Schema, added.ID)
				if t.Domain == nil {
					return nil
				}
				return printDomain(c.OutOrStdout(), file, tenantdb.Domain{TenantID: added.ID, Domain: domain.Domain, Folder: domain.Folder, IsPrimary: true})
			})
		},
	}
	f := c.Flags()
	f.StringVar(&t.ID, "id", "", "`ID` of the row; default: assigned by the database")
	f.StringArrayVar(&attributes, "set", nil, "additional column of the row, as `COLUMN=VALUE`; may be repeated")
	f.BoolVar(&t.NoSchema, "no-schema", false, "write only the rows; the schema exists or is created elsewhere")
	f.StringVar(&domain.Domain, "domain", "", "first `DOMAIN` of the tenant")
	f.StringVar(&domain.Folder, "folder", "", "`FOLDER` of that domain; empty: the whole host")
	return c
}

// parseAttributes parses the values of --set, column=value.
func parseAttributes(values []string) ([]tenantdb.Attribute, error) {
	var attributes []tenantdb.Attribute
	for _, v := range values {
		name, value, ok := strings.Cut(v, "=")
		if !ok || name == "" {
			return nil, usagef("tenants add: --set: expected column=value, found %q", v)
		}
		attributes = append(attributes, tenantdb.Attribute{Name: name, Value: value})
	}
	return attributes, nil
}

func newTenantsRemove(path *string) *cobra.Command {
	var drop bool
	c := &cobra.Command{
		Use:   "rm TENANT",
		Short: "Remove a tenant and its domains",
		Long: text(`
			rm deletes the tenant's row and its domains. The schema and its contents stay,
			unless --drop-schema is given.
		`),
		Example: "  tenantedge tenants -c tenantedge.yaml rm acme\n  tenantedge tenants -c tenantedge.yaml rm 17 --drop-schema",
		Args:    exactArgs("TENANT"),
		RunE: func(c *cobra.Command, args []string) error {
			return withStore(*path, func(_ *config.File, s *postgres.Store) error {
				t, err := s.RemoveTenant(c.Context(), args[0], drop)
				if err != nil {
					return err
				}
				schema := "its schema was kept"
				if drop {
					schema = "its schema was dropped"
				}
				_, err = fmt.Fprintf(c.OutOrStdout(), "removed tenant %s with id %s; %s\n", t.Schema, t.ID, schema)
				return err
			})
		},
	}
	c.Flags().BoolVar(&drop, "drop-schema", false, "drop the tenant's schema with everything in it")
	return c
}
