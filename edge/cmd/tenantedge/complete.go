package main

import (
	"context"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"
	"unicode"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/tenantedge/tenantedge/edge/config"
	"github.com/tenantedge/tenantedge/guest/abi"
	"github.com/tenantedge/tenantedge/tenantdb"
)

// completionTime bounds how long the completion of a name waits for a database.
const completionTime = 2 * time.Second

// configNames are the configurations whose names are completed if the command line
// has none.
var configNames = []string{"tenantedge.yaml", "/etc/tenantedge/tenantedge.yaml"}

// completeAll completes the flags and arguments of a command and of all below it.
// Their placeholders in the usage say what they are.
func completeAll(c *cobra.Command) {
	for _, flags := range []*pflag.FlagSet{c.Flags(), c.PersistentFlags()} {
		flags.VisitAll(func(f *pflag.Flag) { completeFlag(c, f) })
	}
	if c.ValidArgsFunction == nil && c.Runnable() && !c.HasSubCommands() {
		_, arguments, _ := strings.Cut(c.Use, " ")
		names := strings.Fields(arguments)
		c.ValidArgsFunction = func(c *cobra.Command, args []string, typed string) ([]string, cobra.ShellCompDirective) {
			if len(args) < len(names) {
				return complete(c, names[len(args)], typed)
			}
			if n := len(names); n > 0 && strings.Contains(names[n-1], "...") {
				return complete(c, names[n-1], typed)
			}
			return nil, cobra.ShellCompDirectiveNoFileComp
		}
	}
	for _, sub := range c.Commands() {
		completeAll(sub)
	}
}

func completeFlag(c *cobra.Command, f *pflag.Flag) {
	if _, known := c.GetFlagCompletionFunc(f.Name); known || f.Annotations[cobra.BashCompFilenameExt] != nil || f.Value.Type() == "bool" {
		return
	}
	placeholder, usage := pflag.UnquoteUsage(f)
	switch {
	case f.Name == "tenant":
		placeholder = "TENANT"
	case f.Name == "host":
		placeholder = "DOMAIN"
	case f.Name == "folder" || f.Name == "domain":
		placeholder = "TEXT" // a folder of URLs, or a new domain
	case strings.Contains(usage, "Wasm FILE"):
		placeholder = "GUEST.wasm"
	case f.Name == "config":
		placeholder = "CONFIG"
	}
	// This fails only for a flag that does not exist or has a completion.
	_ = c.RegisterFlagCompletionFunc(f.Name, func(c *cobra.Command, _ []string, typed string) ([]string, cobra.ShellCompDirective) {
		return complete(c, placeholder, typed)
	})
}

// complete returns the values that the placeholder of a flag or an argument stands
// for.
func complete(c *cobra.Command, placeholder, typed string) ([]string, cobra.ShellCompDirective) {
	switch strings.Trim(placeholder, "[].") {
	case "FILE", "CASES", "LOG", "NAME", "KEY", "FILE.jsonl", "FILES":
		return nil, cobra.ShellCompDirectiveDefault
	case "CONFIG":
		return []string{"yaml", "yml", "json"}, cobra.ShellCompDirectiveFilterFileExt
	case "DIR", "FOLDER":
		return nil, cobra.ShellCompDirectiveFilterDirs
	case "GUEST.wasm":
		return []string{"wasm"}, cobra.ShellCompDirectiveFilterFileExt
	case "TENANT":
		return matching(typed, known(c).schemas), cobra.ShellCompDirectiveNoFileComp
	case "DOMAIN":
		return matching(typed, known(c).domains), cobra.ShellCompDirectiveNoFileComp
	case "COLUMN=VALUE":
		return matching(typed, known(c).settings), cobra.ShellCompDirectiveNoFileComp | cobra.ShellCompDirectiveNoSpace
	case "REQUEST":
		return urls(typed, "http://", known(c).domains), cobra.ShellCompDirectiveNoSpace
	case "URL":
		return urls(typed, "ws://", known(c).domains), cobra.ShellCompDirectiveNoSpace
	}
	return nil, cobra.ShellCompDirectiveNoFileComp
}

// urls completes the host in a request such as http://acme.example.com/. It adds no
// method, because bash inserts the space after it without quotes.
func urls(typed, scheme string, domains []string) []string {
	start := scheme
	if at := strings.LastIndex(typed, "://"); at >= 0 {
		start = typed[:at+len("://")]
	} else if method, _, ok := strings.Cut(typed, " "); ok {
		start = method + " " + scheme
	}
	all := make([]string, len(domains))
	for i, d := range domains {
		all[i] = start + d + "/"
	}
	return matching(typed, all)
}

func matching(typed string, all []string) []string {
	return slices.DeleteFunc(all, func(s string) bool { return !strings.HasPrefix(s, typed) })
}

// names are those of a configuration and its directory, sorted.
type names struct {
	schemas, domains []string
	settings         []string // attributes of tenants, with the values that choose a urlconf: plan=, state=paused
}

// known reads the configuration that the command line names, or else one of
// configNames. It returns what could be read, since a completion has nowhere to
// report an error.
func known(c *cobra.Command) (n names) {
	path := ""
	if f := c.Flag("config"); f != nil {
		path = f.Value.String()
	}
	named := path != ""
	for i := 0; path == "" && i < len(configNames); i++ {
		if _, err := os.Stat(configNames[i]); err == nil {
			path = configNames[i]
		}
	}
	if path == "" {
		return n
	}
	file, err := config.Load(path)
	if err != nil {
		return n
	}
	for _, t := range file.GuestConfig.Tenants {
		n.schemas = append(n.schemas, t.Schema)
		n.domains = append(append(n.domains, t.Domains...), t.FallbackDomains...)
	}
	for _, name := range file.Directory.Attributes {
		n.settings = append(n.settings, name+"=")
	}
	if d := file.GuestConfig.Default; d != nil {
		for _, choice := range []*abi.Choice{d.URLConfBy, d.WSURLConfBy, d.Status} {
			n.settings = append(n.settings, choices(choice)...)
		}
	}
	var state tenantdb.State
	// The configuration of a folder that is not the user's could have Tab send the
	// password of PGPASSWORD to a database of its own.
	if file.Directory.Source == "file" || named || filepath.IsAbs(path) {
		ctx, cancel := context.WithTimeout(c.Context(), completionTime)
		defer cancel()
		state, _ = listed(ctx, path)
	}
	for _, t := range state.Tenants {
		n.schemas = append(n.schemas, t.Schema)
	}
	for _, d := range state.Domains {
		n.domains = append(n.domains, d.Domain)
	}
	for _, list := range []*[]string{&n.schemas, &n.domains, &n.settings} {
		*list = slices.DeleteFunc(*list, unsafe)
		slices.Sort(*list)
		*list = slices.Compact(*list)
	}
	return n
}

// unsafe reports whether a name has characters that a shell, a terminal or cobra's
// scripts may take for more than text. Django does not validate domains, so that a
// tenant may have chosen such a name; no request can have it as its host.
func unsafe(name string) bool {
	return strings.ContainsFunc(name, func(r rune) bool {
		return !unicode.IsLetter(r) && !unicode.IsDigit(r) && !strings.ContainsRune("-_.=", r)
	})
}

func choices(c *abi.Choice) (all []string) {
	if c == nil {
		return nil
	}
	for value := range c.Values {
		all = append(all, c.Attribute+"="+value)
	}
	return all
}
