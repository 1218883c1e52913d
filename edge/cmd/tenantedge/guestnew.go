package main

import (
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"github.com/tenantedge/tenantedge/edge/internal/scaffold"
)

func guestNewCommand() *cobra.Command {
	language := scaffold.Languages[0].Name
	names := strings.Join(scaffold.LanguageNames(), ", ")
	c := &cobra.Command{
		Use:   "new DIR [--lang LANGUAGE]",
		Short: "Create the project of a guest",
		Long: text(`
			new writes a project to DIR, which must be empty or missing: a guest that finds the
			tenant by the first label of the host, tests, a configuration with two tenants, and
			the SDK of this version of tenantedge. The project builds without a clone of
			tenantedge.

			The languages are ` + names + `.
			If the compiler is not installed, new prints how to install it.
		`),
		Example: text(`
			  tenantedge guest new myguest
			  tenantedge guest new myguest --lang rust
		`),
		Args: exactArgs("DIR"),
		RunE: func(c *cobra.Command, args []string) error {
			l, err := scaffold.LanguageNamed(language)
			if err != nil {
				return usagef("guest new: --lang: %v", err)
			}
			files, err := scaffold.New(args[0], l)
			if err != nil {
				return fmt.Errorf("guest new: %w", err)
			}
			return describeProject(c.OutOrStdout(), args[0], l, files)
		},
	}
	c.Flags().StringVarP(&language, "lang", "l", language, "`LANGUAGE` of the guest: "+names)
	_ = c.RegisterFlagCompletionFunc("lang", cobra.FixedCompletions(scaffold.LanguageNames(), cobra.ShellCompDirectiveNoFileComp))
	return c
}

// describeProject prints the files of a new project, and what to do next.
func describeProject(out io.Writer, dir string, l *scaffold.Language, files []string) error {
	var b strings.Builder
	fmt.Fprintf(&b, "Created a guest in %s in the folder %s:\n\n", l.Title, dir)
	sdk := 0
	for _, f := range files {
		if strings.HasPrefix(f, "sdk/") {
			sdk++
			continue
		}
		fmt.Fprintln(&b, strings.TrimRight(fmt.Sprintf("  %-28s %s", f, l.About(f)), " "))
	}
	if sdk > 0 {
		fmt.Fprintf(&b, "  %-28s the SDK of this version, %s\n", "sdk/", plural(sdk, "file"))
	}
	if !l.Tested {
		fmt.Fprintf(&b, "\nThis template is untested: no toolchain for %s was available to its authors. Please report\nwhat does not work.\n", l.Title)
	}
	if missing := l.Missing(); len(missing) > 0 {
		fmt.Fprintf(&b, "\nThis machine lacks %s. Install it first:\n%s", strings.Join(missing, " and "), l.Install())
	}
	fmt.Fprintf(&b, "\nNext:\n\n")
	if dir != "." {
		word := scaffold.ShellWord(dir)
		if strings.HasPrefix(dir, "-") {
			word = "-- " + word
		}
		fmt.Fprintf(&b, "  cd %s\n", word)
	}
	fmt.Fprintf(&b, "  %s guest dev   # builds and serves the guest, and again after each change\n", scaffold.ShellWord(programName()))
	_, err := io.WriteString(terminal{out}, b.String())
	return err
}
