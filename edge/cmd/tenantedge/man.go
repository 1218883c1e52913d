package main

import (
	"fmt"
	"os"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/cobra/doc"
)

func newMan() *cobra.Command {
	return &cobra.Command{
		Use:   "man DIR",
		Short: "Write the manual pages",
		Long: text(`
			man writes a manual page for each command to the folder DIR, which must exist. The
			pages are the same every time: they have the date in the variable SOURCE_DATE_EPOCH,
			seconds since 1970, or none.
		`),
		Example: "  tenantedge man /usr/local/share/man/man1",
		Args:    exactArgs("DIR"),
		RunE: func(c *cobra.Command, args []string) error {
			header := &doc.GenManHeader{Section: "1", Manual: "tenantedge", Source: "tenantedge"}
			if os.Getenv("SOURCE_DATE_EPOCH") == "" {
				header.Date = &time.Time{}
			}
			root := c.Root()
			root.InitDefaultCompletionCmd()
			var visit func(*cobra.Command)
			visit = func(sub *cobra.Command) {
				sub.DisableAutoGenTag = true // it has the date of the build
				for _, s := range sub.Commands() {
					visit(s)
				}
			}
			visit(root)
			if err := doc.GenManTree(root, header, args[0]); err != nil {
				return fmt.Errorf("man: %w", err)
			}
			return nil
		},
	}
}
