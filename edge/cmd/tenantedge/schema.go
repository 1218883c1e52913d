package main

import (
	"github.com/spf13/cobra"

	"github.com/tenantedge/tenantedge/edge/config"
)

func newSchema() *cobra.Command {
	return &cobra.Command{
		Use:   "schema",
		Short: "Print the JSON schema of the configuration",
		Long: text(`
			schema prints the JSON schema of the configuration file, with which editors complete
			keys, show what they mean and mark mistakes. Editors with the YAML language server
			use the schema that the first line of a file names:

			  # yaml-language-server: $schema=tenantedge.schema.json

			check finds more: what depends on several keys, and on files and servers.
		`),
		Example: "  tenantedge schema >tenantedge.schema.json",
		Args:    noArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			_, err := c.OutOrStdout().Write(config.Schema())
			return err
		},
	}
}
