package main

import (
	"strings"

	"github.com/spf13/cobra"
)

func newRoot() *cobra.Command {
	root := &cobra.Command{
		Use:   "tenantedge",
		Short: "Route the requests of a multi-tenant application",
		Long: text(`
			tenantedge runs in front of a multi-tenant application. For every request, a
			WebAssembly guest decides which tenant it is for: by domain, folder, header or
			session, as django-pgschemas does. The request is then proxied, served from files,
			answered, redirected or refused.
		`),
		Example: text(`
			  tenantedge serve --demo                     try it without a configuration
			  tenantedge init                             write a configuration to start with
			  tenantedge serve --config tenantedge.yaml   serve
			  tenantedge check --config tenantedge.yaml   find its errors
			  tenantedge eval --config tenantedge.yaml \
			    --request 'GET http://acme.example.com/'  show where a request would go
			  tenantedge tenants --config tenantedge.yaml list
		`),
		SilenceUsage:  true,
		SilenceErrors: true,
		Args:          noArgs,
		RunE:          func(c *cobra.Command, _ []string) error { return c.Help() },
	}
	root.SetFlagErrorFunc(func(_ *cobra.Command, err error) error { return usagef("%v", err) })
	root.Version, _ = moduleVersions() // for --version; the command version prints more
	root.AddCommand(newServe(), newCheck(), newEval(), newBench(), newTenants(), newFiles(), newDB(), newWS(), guestCommand(), newUsage(), newTop(), newInit(), newSchema(), newMan(), newVersion())
	completeAll(root)
	return root
}

// noArgs accepts no arguments.
func noArgs(c *cobra.Command, args []string) error {
	if len(args) == 0 {
		return nil
	}
	if c.HasSubCommands() {
		names := make([]string, 0, len(c.Commands()))
		for _, sub := range c.Commands() {
			if sub.IsAvailableCommand() {
				names = append(names, sub.Name())
			}
		}
		return usagef("%sexpected one of %s, found %q", errorPrefix(c), strings.Join(names, ", "), args[0])
	}
	remedy := ""
	if c.Flags().Lookup("config") != nil {
		remedy = "; --config FILE names the configuration"
	}
	return usagef("%sexpected no arguments, found %q%s", errorPrefix(c), args[0], remedy)
}

// errorPrefix returns the prefix of an error about a command: its path without the
// program's name, which every error starts with.
func errorPrefix(c *cobra.Command) string {
	_, path, ok := strings.Cut(c.CommandPath(), " ")
	if !ok {
		return ""
	}
	return path + ": "
}

// exactArgs requires one argument for each name.
func exactArgs(names ...string) cobra.PositionalArgs {
	return func(c *cobra.Command, args []string) error {
		if len(args) != len(names) {
			return usagef("%sexpected %s, found %d arguments", errorPrefix(c), strings.Join(names, " and "), len(args))
		}
		return nil
	}
}

// group returns a command that only has subcommands.
func group(c *cobra.Command, subs ...*cobra.Command) *cobra.Command {
	c.Args = noArgs
	c.RunE = func(c *cobra.Command, _ []string) error { return c.Help() }
	c.AddCommand(subs...)
	return c
}

// configFlag adds --config.
func configFlag(c *cobra.Command, path *string) {
	c.Flags().StringVarP(path, "config", "c", "", "configuration `FILE`, YAML or JSON")
	completeFiles(c)
}

func completeFiles(c *cobra.Command) {
	// This fails only for a flag that does not exist.
	_ = c.MarkFlagFilename("config", "yaml", "yml", "json")
}

// text removes the indentation of the Go code from s.
func text(s string) string {
	lines := strings.Split(strings.Trim(s, "\n"), "\n")
	for i, l := range lines {
		for range 3 {
			l = strings.TrimPrefix(l, "\t")
		}
		lines[i] = l
	}
	return strings.TrimRight(strings.Join(lines, "\n"), " \t\n")
}
