package main

import (
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"github.com/tenantedge/tenantedge/edge/config"
	"github.com/tenantedge/tenantedge/tenantdb"
	"github.com/tenantedge/tenantedge/tenantdb/postgres"
)

func newDomain(path *string) *cobra.Command {
	return group(&cobra.Command{
		Use:   "domain",
		Short: "Add and remove domains of tenants",
		Long:  "domain adds and removes the rows by which a tenant is found: a domain, or a\nfolder of a domain.",
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
			add writes a domain row. With --primary, it becomes the tenant's primary domain
			instead of the current one. A tenant's first row is always primary.
		`),
		Example: text(`
			  tenantedge tenants -c tenantedge.yaml domain add acme acme.example.com --primary
			  tenantedge tenants -c tenantedge.yaml domain add acme old.example.com --redirect
			  tenantedge tenants -c tenantedge.yaml domain add acme shop.example.com --folder acme
		`),
		Args: exactArgs("TENANT", "DOMAIN"),
		RunE: func(c *cobra.Command, args []string) error {
			if row.IsPrimary && row.RedirectToPrimary {
				return usagef("%sexpected --primary or --redirect, found both", errorPrefix(c))
			}
			row.Domain = args[1]
			return withStore(*path, func(file *config.File, s *postgres.Store) error {
				added, err := s.AddDomain(c.Context(), args[0], row)
				if err != nil {
					return err
				}
				return printDomain(c.OutOrStdout(), file, added)
			})
		},
	}
	f := c.Flags()
	f.StringVar(&row.Folder, "folder", "", "`FOLDER` of the domain, the first path segment; empty: the whole host")
	f.BoolVar(&row.IsPrimary, "primary", false, "make it the tenant's primary domain")
	f.BoolVar(&row.RedirectToPrimary, "redirect", false, "redirect to the tenant's primary domain")
	return c
}

func newDomainRemove(path *string) *cobra.Command {
	var folder string
	c := &cobra.Command{
		Use:   "rm DOMAIN",
		Short: "Remove a domain",
		Long: text(`
			rm deletes the row of a domain or, with --folder, the row of one of its folders.
			If it was the tenant's primary domain, another domain of the tenant becomes
			primary, if possible one that does not redirect.
		`),
		Example: "  tenantedge tenants -c tenantedge.yaml domain rm old.example.com\n  tenantedge tenants -c tenantedge.yaml domain rm shop.example.com --folder acme",
		Args:    exactArgs("DOMAIN"),
		RunE: func(c *cobra.Command, args []string) error {
			return withStore(*path, func(_ *config.File, s *postgres.Store) error {
				remaining, err := s.RemoveDomain(c.Context(), args[0], folder)
				if err != nil {
					return err
				}
				primary := "its tenant has no domain left"
				if len(remaining) > 0 {
					primary = fmt.Sprintf("the primary domain of tenant %s is %s", remaining[0].TenantID, formatDomain(remaining[0].Domain, remaining[0].Folder))
				}
				_, err = fmt.Fprintf(c.OutOrStdout(), "removed %s; %s\n", formatDomain(args[0], folder), primary)
				return err
			})
		},
	}
	c.Flags().StringVar(&folder, "folder", "", "`FOLDER` of the row; empty: the row of the whole host")
	return c
}

// formatDomain formats a domain, or a folder of it, for people.
func formatDomain(domain, folder string) string {
	if folder == "" {
		return domain
	}
	return domain + "/" + folder + "/"
}

// printDomain writes which row was added, and whether requests can reach it.
func printDomain(out io.Writer, file *config.File, d tenantdb.Domain) error {
	role := ""
	switch {
	case d.IsPrimary:
		role = ", its primary domain"
	case d.RedirectToPrimary:
		role = ", which redirects to its primary domain"
	}
	if reason := file.Unreachable(d); reason != "" {
		_, err := fmt.Fprintf(out, "tenant %s has %s%s; it is never reached: %s\n", d.TenantID, formatDomain(d.Domain, d.Folder), role, reason)
		return err
	}
	_, err := fmt.Fprintf(out, "tenant %s is found at %s%s\n", d.TenantID, formatDomain(d.Domain, d.Folder), role)
	return err
}
