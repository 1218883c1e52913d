package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"
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
			date := ""
			if epoch := os.Getenv("SOURCE_DATE_EPOCH"); epoch != "" {
				seconds, err := strconv.ParseInt(epoch, 10, 64)
				if err != nil {
					return fmt.Errorf("man: SOURCE_DATE_EPOCH: expected seconds since 1970, found %q", epoch)
				}
				date = time.Unix(seconds, 0).UTC().Format(time.DateOnly)
			}
			root := c.Root()
			root.InitDefaultCompletionCmd()
			return writePages(root, args[0], date)
		},
	}
}

// writePages writes the pages of c and of all commands below it to dir.
func writePages(c *cobra.Command, dir, date string) error {
	if err := os.WriteFile(filepath.Join(dir, pageName(c)+".1"), []byte(manPage(c, date)), 0o644); err != nil {
		return fmt.Errorf("man: %w", expected("a folder for the pages", err))
	}
	for _, sub := range c.Commands() {
		if sub.IsAvailableCommand() {
			if err := writePages(sub, dir, date); err != nil {
				return err
			}
		}
	}
	return nil
}

func pageName(c *cobra.Command) string { return strings.ReplaceAll(c.CommandPath(), " ", "-") }
