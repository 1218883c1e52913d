package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"github.com/tenantedge/tenantedge/edge/config"
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
			edges follow at once; nothing has to be told or restarted.

			A tenant is named by its id or its schema name. Of its domains one is always
			primary: the first one, until another is made so.
		`),
		Example: text(`
			  tenantedge tenants -c tenantedge.yaml list
			  tenantedge tenants -c tenantedge.yaml add acme --domain acme.example.com
			  tenantedge tenants -c tenantedge.yaml domain add acme old.example.com --redirect
			  tenantedge tenants -c tenantedge.yaml rm acme --drop-schema
		`),
	}, newTenantsList(&path), newTenantsAdd(&path), newTenantsRemove(&path), newDomain(&path))
	c.PersistentFlags().StringVarP(&path, "config", "c", "", "configuration `FILE`, YAML or JSON")
	// It fails for a flag that does not exist, which the line above added.
	_ = c.MarkPersistentFlagFilename("config", "yaml", "yml", "json")
	return c
}

// withStore opens the tables that a configuration names.
func withStore(path string, do func(*postgres.Store) error) error {
	file, err := loadConfig(path)
	if err != nil {
		return err
	}
	dsn, err := postgresOf(file)
	if err != nil {
		return err
	}
	reserved := []string{"public", "default"}
	for _, t := range file.Tenants {
		reserved = append(reserved, t.Schema)
	}
	if file.Default != nil && file.Default.CloneReference != "" {
		reserved = append(reserved, file.Default.CloneReference)
	}
	store, err := postgres.NewStore(postgres.StoreOptions{DSN: dsn, Tables: tables(file.Directory), Reserved: reserved})
	if err != nil {
		return err
	}
	return errors.Join(do(store), store.Close())
}

// postgresOf is the connection string of the configuration's directory.
func postgresOf(file *config.File) (string, error) {
	if file.Directory.Source != "postgres" {
		found := "none"
		if file.Directory.Source != "" {
			found = "source " + file.Directory.Source
		}
		return "", fmt.Errorf("%s: directory: expected source postgres, found %s; tenants of a file are changed by editing it", file.Name, found)
	}
	dsn, err := file.Directory.ConnString()
	if err != nil {
		return "", fmt.Errorf("%s: directory: %w", file.Name, err)
	}
	return dsn, nil
}

func newTenantsList(path *string) *cobra.Command {
	var asJSON bool
	c := &cobra.Command{
		Use:     "list",
		Short:   "List tenants and their domains",
		Long:    "list shows every tenant with its domains: * marks the primary one, > those that redirect to it.",
		Example: "  tenantedge tenants -c tenantedge.yaml list\n  tenantedge tenants -c tenantedge.yaml list --json | jq .",
		Args:    noArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			return withStore(*path, func(s *postgres.Store) error {
				state, err := s.List(c.Context())
				if err != nil {
					return err
				}
				if asJSON {
					return listJSON(c.OutOrStdout(), state)
				}
				return listText(c.OutOrStdout(), state)
			})
		},
	}
	c.Flags().BoolVar(&asJSON, "json", false, "write one JSON object, in the form that a directory file has")
	return c
}

func listText(w io.Writer, state tenantdb.State) error {
	domains := map[string][]string{}
	for _, d := range state.Domains {
		text := d.Domain
		if d.Folder != "" {
			text += "/" + d.Folder + "/"
		}
		switch {
		case d.IsPrimary:
			text = "*" + text
		case d.RedirectToPrimary:
			text = ">" + text
		}
		domains[d.TenantID] = append(domains[d.TenantID], text)
	}
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "ID\tSCHEMA\tDOMAINS")
	for _, t := range state.Tenants {
		fmt.Fprintf(table, "%s\t%s\t%s\n", t.ID, t.Schema, strings.Join(domains[t.ID], " "))
	}
	return table.Flush()
}

func listJSON(w io.Writer, state tenantdb.State) error {
	type domain struct {
		TenantID          string `json:"tenant_id"`
		Domain            string `json:"domain"`
		Folder            string `json:"folder"`
		IsPrimary         bool   `json:"is_primary"`
		RedirectToPrimary bool   `json:"redirect_to_primary"`
	}
	out := struct {
		Tenants []map[string]string `json:"tenants"`
		Domains []domain            `json:"domains"`
	}{[]map[string]string{}, []domain{}}
	for _, t := range state.Tenants {
		row := map[string]string{"id": t.ID, "schema_name": t.Schema}
		for _, a := range t.Attributes {
			row[a.Name] = a.Value
		}
		out.Tenants = append(out.Tenants, row)
	}
	for _, d := range state.Domains {
		out.Domains = append(out.Domains, domain(d))
	}
	enc := json.NewEncoder(w)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	return enc.Encode(out)
}

func newTenantsAdd(path *string) *cobra.Command {
	var t postgres.NewTenant
	var domain tenantdb.Domain
	var attributes []string
	c := &cobra.Command{
		Use:   "add SCHEMA",
		Short: "Add a tenant and make its schema",
		Long: text(`
			add writes a tenant's row and makes its schema, both or neither. The schema is
			empty: let your application migrate it.
		`),
		Example: text(`
			  tenantedge tenants -c tenantedge.yaml add acme --domain acme.example.com
			  tenantedge tenants -c tenantedge.yaml add acme --domain shop.example.com --folder acme
			  tenantedge tenants -c tenantedge.yaml add acme --set schema_pathname=acme-files --no-schema
		`),
		Args: exactArgs("SCHEMA"),
		RunE: func(c *cobra.Command, args []string) error {
			t.Schema = args[0]
			for _, a := range attributes {
				name, value, ok := strings.Cut(a, "=")
				if !ok || name == "" {
					return usagef("tenants add: --set: expected column=value, found %q", a)
				}
				t.Attributes = append(t.Attributes, tenantdb.Attribute{Name: name, Value: value})
			}
			if domain.Domain == "" && domain.Folder != "" {
				return usagef("tenants add: expected --domain with --folder, found none")
			}
			return withStore(*path, func(s *postgres.Store) error {
				return addTenant(c.Context(), c.OutOrStdout(), s, t, domain)
			})
		},
	}
	f := c.Flags()
	f.StringVar(&t.ID, "id", "", "`ID` of the row; without it the database gives one")
	f.StringArrayVar(&attributes, "set", nil, "further column of the row, as `COLUMN=VALUE`; may be repeated")
	f.BoolVar(&t.NoSchema, "no-schema", false, "write the row alone: the schema is there, or made elsewhere")
	f.StringVar(&domain.Domain, "domain", "", "first `DOMAIN` of the tenant")
	f.StringVar(&domain.Folder, "folder", "", "`FOLDER` of that domain; empty: the whole host")
	return c
}

func addTenant(ctx context.Context, out io.Writer, s *postgres.Store, t postgres.NewTenant, domain tenantdb.Domain) error {
	added, err := s.AddTenant(ctx, t)
	if err != nil {
		return err
	}
	fmt.Fprintf(out, "added tenant %s with id %s\n", added.Schema, added.ID)
	if domain.Domain == "" {
		return nil
	}
	row, err := s.AddDomain(ctx, added.ID, domain)
	if err != nil {
		return fmt.Errorf("the tenant was added, its domain was not: %w", err)
	}
	return tellDomain(out, row)
}

func newTenantsRemove(path *string) *cobra.Command {
	var drop bool
	c := &cobra.Command{
		Use:   "rm TENANT",
		Short: "Remove a tenant and its domains",
		Long: text(`
			rm deletes the tenant's row and its domains. The schema stays, with all that is
			in it, unless --drop-schema says otherwise.
		`),
		Example: "  tenantedge tenants -c tenantedge.yaml rm acme\n  tenantedge tenants -c tenantedge.yaml rm 17 --drop-schema",
		Args:    exactArgs("TENANT"),
		RunE: func(c *cobra.Command, args []string) error {
			return withStore(*path, func(s *postgres.Store) error {
				t, err := s.RemoveTenant(c.Context(), args[0], drop)
				if err != nil {
					return err
				}
				what := "its schema is still there"
				if drop {
					what = "its schema too"
				}
				_, err = fmt.Fprintf(c.OutOrStdout(), "removed tenant %s with id %s; %s\n", t.Schema, t.ID, what)
				return err
			})
		},
	}
	c.Flags().BoolVar(&drop, "drop-schema", false, "drop the tenant's schema with everything in it")
	return c
}

func newDomain(path *string) *cobra.Command {
	return group(&cobra.Command{
		Use:   "domain",
		Short: "Add and remove domains of tenants",
		Long:  "domain adds and removes the rows by which a tenant is found: a domain, or a folder of one.",
		Example: text(`
			  tenantedge tenants -c tenantedge.yaml domain add acme www.acme.example --primary
			  tenantedge tenants -c tenantedge.yaml domain rm old.example.com
		`),
	}, newDomainAdd(path), newDomainRemove(path))
}

func newDomainAdd(path *string) *cobra.Command {
	var row tenantdb.Domain
	c := &cobra.Command{
		Use:   "add TENANT DOMAIN",
		Short: "Add a domain to a tenant",
		Long: text(`
			add writes a domain row. With --primary it takes the place of the primary one;
			a tenant's first row is primary anyway.
		`),
		Example: text(`
			  tenantedge tenants -c tenantedge.yaml domain add acme acme.example.com --primary
			  tenantedge tenants -c tenantedge.yaml domain add acme old.example.com --redirect
			  tenantedge tenants -c tenantedge.yaml domain add acme shop.example.com --folder acme
		`),
		Args: exactArgs("TENANT", "DOMAIN"),
		RunE: func(c *cobra.Command, args []string) error {
			row.Domain = args[1]
			return withStore(*path, func(s *postgres.Store) error {
				added, err := s.AddDomain(c.Context(), args[0], row)
				if err != nil {
					return err
				}
				return tellDomain(c.OutOrStdout(), added)
			})
		},
	}
	f := c.Flags()
	f.StringVar(&row.Folder, "folder", "", "first path segment, as `FOLDER`; empty: the whole host")
	f.BoolVar(&row.IsPrimary, "primary", false, "make it the tenant's primary domain")
	f.BoolVar(&row.RedirectToPrimary, "redirect", false, "redirect from it to the primary domain")
	c.MarkFlagsMutuallyExclusive("primary", "redirect")
	return c
}

func newDomainRemove(path *string) *cobra.Command {
	var folder string
	c := &cobra.Command{
		Use:     "rm DOMAIN",
		Short:   "Remove a domain",
		Long:    "rm deletes the row of a domain, or, with --folder, that of one of its folders.",
		Example: "  tenantedge tenants -c tenantedge.yaml domain rm old.example.com\n  tenantedge tenants -c tenantedge.yaml domain rm shop.example.com --folder acme",
		Args:    exactArgs("DOMAIN"),
		RunE: func(c *cobra.Command, args []string) error {
			return withStore(*path, func(s *postgres.Store) error {
				if err := s.RemoveDomain(c.Context(), args[0], folder); err != nil {
					return err
				}
				_, err := fmt.Fprintf(c.OutOrStdout(), "removed %s\n", place(args[0], folder))
				return err
			})
		},
	}
	c.Flags().StringVar(&folder, "folder", "", "`FOLDER` of the row; empty: that of the whole host")
	return c
}

func place(domain, folder string) string {
	if folder == "" {
		return domain
	}
	return domain + "/" + folder + "/"
}

func tellDomain(out io.Writer, d tenantdb.Domain) error {
	what := ""
	switch {
	case d.IsPrimary:
		what = ", its primary domain"
	case d.RedirectToPrimary:
		what = ", which redirects to its primary domain"
	}
	_, err := fmt.Fprintf(out, "tenant %s is found at %s%s\n", d.TenantID, place(d.Domain, d.Folder), what)
	return err
}
