package main

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// manPage returns the manual page of c in the macros of man(7). It has the texts of
// --help.
func manPage(c *cobra.Command, date string) string {
	c.InitDefaultHelpFlag()
	var b strings.Builder
	fmt.Fprintf(&b, ".TH \"%s\" \"1\" \"%s\" \"tenantedge\" \"tenantedge\"\n", strings.ToUpper(roff(pageName(c))), date)
	fmt.Fprintf(&b, ".SH NAME\n%s \\- %s\n", roff(pageName(c)), roff(c.Short))
	fmt.Fprintf(&b, ".SH SYNOPSIS\n\\fB%s\\fP\n", roff(c.UseLine()))
	b.WriteString(".SH DESCRIPTION\n")
	for i, p := range strings.Split(strings.Trim(cmp.Or(c.Long, c.Short), "\n"), "\n\n") {
		if i > 0 {
			b.WriteString(".PP\n")
		}
		if strings.HasPrefix(p, "  ") || strings.HasPrefix(p, "\t") {
			b.WriteString(verbatim(p))
		} else {
			b.WriteString(roff(p) + "\n")
		}
	}
	b.WriteString(".SH OPTIONS\n")
	c.Flags().VisitAll(func(f *pflag.Flag) {
		if !f.Hidden {
			b.WriteString(manFlag(f))
		}
	})
	if c.Example != "" {
		b.WriteString(".SH EXAMPLES\n" + verbatim(c.Example))
	}
	if also := seeAlso(c); len(also) > 0 {
		b.WriteString(".SH SEE ALSO\n" + strings.Join(also, ",\n") + "\n")
	}
	return b.String()
}

func manFlag(f *pflag.Flag) string {
	placeholder, usage := pflag.UnquoteUsage(f)
	name := "--" + f.Name
	if f.Shorthand != "" {
		name = "-" + f.Shorthand + "\\fP, \\fB" + name
	}
	name = "\\fB" + strings.ReplaceAll(name, "-", "\\-") + "\\fP"
	if placeholder != "" {
		name += " \\fI" + roff(placeholder) + "\\fP"
	}
	if !slices.Contains([]string{"", "false", "0", "0s", "[]"}, f.DefValue) {
		usage += " (default " + f.DefValue + ")"
	}
	return ".TP\n" + name + "\n" + roff(usage) + "\n"
}

// seeAlso returns references to the pages of the command above c and of those below it.
func seeAlso(c *cobra.Command) (pages []string) {
	if c.HasParent() {
		pages = append(pages, pageName(c.Parent()))
	}
	for _, sub := range c.Commands() {
		if sub.IsAvailableCommand() {
			pages = append(pages, pageName(sub))
		}
	}
	for i, page := range pages {
		pages[i] = ".BR " + roff(page) + " (1)"
	}
	return pages
}

// verbatim shows a text with its line breaks and spaces.
func verbatim(s string) string {
	return ".nf\n" + roff(strings.ReplaceAll(s, "\t", "  ")) + "\n.fi\n"
}

// The characters that roff interprets, or replaces by typographic ones.
var roffText = strings.NewReplacer(`\`, `\e`, "-", `\-`, "'", `\(aq`, "`", `\(ga`, "^", `\(ha`, "~", `\(ti`, "\n.", "\n\\&.")

// roff returns s as the text of a manual page.
func roff(s string) string {
	return strings.TrimPrefix(roffText.Replace("\n"+s), "\n")
}
