package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/spf13/cobra"
)

func TestAManualPageHasTheTextsOfTheHelp(t *testing.T) {
	root := &cobra.Command{Use: "edge", Short: "Do nothing", Run: func(*cobra.Command, []string) {}}
	c := &cobra.Command{
		Use: "try-it FILE", Short: "Try it", Example: "  edge try-it 'a b' ~/x",
		Long: "First line,\nsecond: C:\\x *y* _z_.\n\n  404  not found\n\n  tenants:\n    - a\n\n.dot, and 'quotes'.",
		Run:  func(*cobra.Command, []string) {},
	}
	c.Flags().StringP("config", "c", "", "`FILE` to read")
	c.Flags().Int("count", 3, "`NUMBER` of times")
	c.Flags().Bool("hidden", false, "")
	_ = c.Flags().MarkHidden("hidden")
	root.AddCommand(c)
	want := `.TH "EDGE\-TRY\-IT" "1" "2026-01-31" "tenantedge" "tenantedge"
.SH NAME
edge\-try\-it \- Try it
.SH SYNOPSIS
\fBedge try\-it FILE [flags]\fP
.SH DESCRIPTION
First line,
second: C:\ex *y* _z_.
.PP
.nf
  404  not found
.fi
.PP
.nf
  tenants:
    \- a
.fi
.PP
\&.dot, and \(aqquotes\(aq.
.SH OPTIONS
.TP
\fB\-c\fP, \fB\-\-config\fP \fIFILE\fP
FILE to read
.TP
\fB\-\-count\fP \fINUMBER\fP
NUMBER of times (default 3)
.TP
\fB\-h\fP, \fB\-\-help\fP
help for try\-it
.SH EXAMPLES
.nf
  edge try\-it \(aqa b\(aq \(ti/x
.fi
.SH SEE ALSO
.BR edge (1)
`
	if got := manPage(c, "2026-01-31"); got != want {
		t.Errorf("found\n%s\nexpected\n%s", got, want)
	}
}

func TestManualPagesOfAllCommands(t *testing.T) {
	t.Setenv("SOURCE_DATE_EPOCH", "1700000000") // 22:13 in UTC
	local := time.Local
	time.Local = time.FixedZone("", 9*60*60)
	defer func() { time.Local = local }()
	folder := t.TempDir()
	if code, _, stderr := command("", "man", folder); code != exitOK {
		t.Fatal(stderr)
	}
	pages, err := filepath.Glob(filepath.Join(folder, "*.1"))
	if err != nil || len(pages) < 50 {
		t.Errorf("%d pages, %v", len(pages), err)
	}
	for name, want := range map[string]string{
		"tenantedge.1":                    ".BR tenantedge\\-serve (1)",
		"tenantedge-serve.1":              `"2023-11-14"`,
		"tenantedge-tenants-domain-add.1": ".SH EXAMPLES",
	} {
		page, err := os.ReadFile(filepath.Join(folder, name))
		if err != nil || !strings.Contains(string(page), want) {
			t.Errorf("%s: expected %s in\n%s%v", name, want, page, err)
		}
	}
	t.Setenv("SOURCE_DATE_EPOCH", "today")
	if code, _, stderr := command("", "man", folder); code != exitFailed || !strings.Contains(stderr, "SOURCE_DATE_EPOCH: expected seconds") {
		t.Errorf("exit %d, %s", code, stderr)
	}
	t.Run("mandoc", func(t *testing.T) {
		if _, err := exec.LookPath("mandoc"); err != nil {
			t.Skip("mandoc is not installed")
		}
		if out, err := exec.Command("mandoc", append([]string{"-T", "lint", "-W", "warning"}, pages...)...).CombinedOutput(); err != nil || len(out) > 0 {
			t.Errorf("%v\n%s", err, out)
		}
	})
}
