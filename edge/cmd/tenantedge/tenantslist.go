package main

import (
	"context"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"github.com/tenantedge/tenantedge/tenantdb"
	tenantfile "github.com/tenantedge/tenantedge/tenantdb/file"
	"github.com/tenantedge/tenantedge/tenantdb/postgres"
)

func newTenantsList(path *string) *cobra.Command {
	var asJSON bool
	c := &cobra.Command{
		Use:   "list",
		Short: "List tenants and their domains",
		Long: text(`
			list shows every tenant of the directory with its domains: * marks the primary
			domain, > a domain that redirects to it. The tenants come from a database, a
			file, or the configuration itself.
		`),
		Example: "  tenantedge tenants -c tenantedge.yaml list\n  tenantedge tenants -c tenantedge.yaml list --json | jq .",
		Args:    noArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			state, err := listed(c.Context(), *path)
			if err != nil {
				return err
			}
			if asJSON {
				return listJSON(c.OutOrStdout(), state)
			}
			return listText(c.OutOrStdout(), state)
		},
	}
	c.Flags().BoolVar(&asJSON, "json", false, "write one JSON object, in the format of a directory file")
	return c
}

// listed reads the tenants of a configuration's directory from a database, a file
// or the configuration itself.
func listed(ctx context.Context, path string) (state tenantdb.State, err error) {
	file, err := loadConfig(path)
	if err != nil {
		return state, err
	}
	switch d := file.Directory; {
	case d.Source == "":
		return state, fmt.Errorf("%s: directory: expected source postgres or file, found none: the only tenants are those under the key tenants", file.Name)
	case d.Source == "file" && d.Path != "":
		data, _, err := tenantfile.ReadRegular(d.Path, 0)
		if err != nil {
			return state, fmt.Errorf("directory.path: %w", err)
		}
		return tenantfile.Decode(d.Path, data)
	case d.Source == "file":
		return tenantdb.State{Tenants: d.Tenants, Domains: d.Domains}, nil
	}
	err = withStoreOf(file, func(s *postgres.Store) (err error) {
		state, err = s.List(ctx)
		return err
	})
	return state, err
}

func listText(w io.Writer, state tenantdb.State) error {
	domains := map[string][]string{}
	for _, d := range state.Domains {
		text := formatDomain(d.Domain, d.Folder)
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
		fmt.Fprintf(table, "%s\t%s\t%s\n", inLine(t.ID), inLine(t.Schema), inLine(strings.Join(domains[t.ID], " ")))
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
	enc := newEncoder(w)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	return enc.Encode(out)
}
