package main

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"github.com/tenantedge/tenantedge/edge/config"
	"github.com/tenantedge/tenantedge/edge/internal/signature"
	"github.com/tenantedge/tenantedge/edge/serve"
)

type checkOptions struct {
	config string
	online bool
	strict bool
	json   bool
	health bool
}

func newCheck() *cobra.Command {
	var o checkOptions
	c := &cobra.Command{
		Use:   "check --config FILE",
		Short: "Find the errors in a configuration",
		Long: text(`
			check reports every error that would keep serve from starting, with its location:
			in the file itself; in the secrets, certificates and folders that it names; and in
			the guest, which is tried as serve tries it. It also reports tenants whose files
			would share a folder. If the file itself has errors, check reports only these:
			correct them and run check again. check opens no listener and changes nothing, so it
			can run beside serve.

			check warns about settings that are valid but most likely mistakes: two static
			tenants with the same domain, rows that no request reaches, redirects that lead
			nowhere. serve logs the same warnings and counts them in the metric
			tenantedge_warnings.

			With directory.source file, the rows are checked too; with source postgres, only if
			--online is given. --online also checks that Redis, the bucket and the upstreams
			answer, each within 10 s. In the bucket it creates and removes an object.

			The exit status is 0 without errors, 1 with errors, and 2 if the command line is
			wrong. With --strict, warnings count as errors.

			With --health, check only asks /readyz of the edge that runs on this machine with
			the configuration, for supervisors of containers. The status is 1 if it is not
			ready.

			With --json, check writes one object: "file", "ok", "errors" and "warnings" (how
			many there are), and "findings", a list of {"severity", "kind", "file", "line",
			"column", "key", "row", "message"}. severity is error or warning. kind is config,
			setup or online for an error, and the value of the metric's label for a warning, or
			setup for a guest without a signature and a state file that cannot be written.
			Fields that do not apply are omitted.
		`),
		Example: text(`
			  tenantedge check -c tenantedge.yaml
			  tenantedge check -c tenantedge.yaml --online --strict   # before a rollout
			  tenantedge check -c tenantedge.yaml --json | jq -r '.findings[].message'
		`),
		Args: noArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			if o.health {
				return checkHealth(c.Context(), o.config)
			}
			return o.run(c.Context(), c.OutOrStdout())
		},
	}
	configFlag(c, &o.config)
	f := c.Flags()
	f.BoolVar(&o.online, "online", false, "check that the database, Redis, the bucket and the upstreams answer")
	f.BoolVar(&o.strict, "strict", false, "fail on warnings too")
	f.BoolVar(&o.health, "health", false, "only ask the edge that runs with the configuration whether it is ready")
	f.BoolVar(&o.json, "json", false, "write JSON")
	return c
}

// Kinds of errors. Those of warnings are config.WarningKinds.
const (
	kindConfig = "config" // in the file, or in the files that it names
	kindSetup  = "setup"  // in the guest, the directory or the tenants' files
	kindOnline = "online" // at a server that --online contacts
)

// finding is an error or a warning.
type finding struct {
	Severity string `json:"severity"`
	Kind     string `json:"kind"`
	File     string `json:"file,omitempty"`
	Line     int    `json:"line,omitempty"`
	Column   int    `json:"column,omitempty"`
	Key      string `json:"key,omitempty"`
	Row      string `json:"row,omitempty"`
	Message  string `json:"message"`

	text string // the message with its location, for people
}

// checkReport is the result of check.
type checkReport struct {
	File     string    `json:"file"`
	OK       bool      `json:"ok"`
	Errors   int       `json:"errors"`
	Warnings int       `json:"warnings"`
	Findings []finding `json:"findings"`
}

// fail adds err, or each error that it joins.
func (r *checkReport) fail(kind string, err error) {
	for _, one := range config.Split(err) {
		r.Errors++
		f := finding{Severity: "error", Kind: kind, Message: one.Error(), text: one.Error()}
		var known *config.Error
		if errors.As(one, &known) {
			f.File, f.Line, f.Column, f.Key, f.Message = known.File, known.Line, known.Column, known.Path, known.Problem
		}
		r.Findings = append(r.Findings, f)
	}
}

func (r *checkReport) warn(ws config.Warnings) {
	for _, w := range ws.Named {
		r.Findings = append(r.Findings, finding{
			Severity: "warning", Kind: w.Kind, File: w.File, Line: w.Line, Column: w.Column, Key: w.Path, Row: w.Row,
			Message: w.Problem, text: "warning: " + w.String(),
		})
	}
	for _, kind := range config.WarningKinds {
		n := ws.Counts[kind]
		r.Warnings += n
		if more := n - config.MaxWarnings; more > 0 {
			message := fmt.Sprintf("%d more warnings of kind %s; correct these first", more, kind)
			r.Findings = append(r.Findings, finding{Severity: "warning", Kind: kind, Message: message, text: "warning: " + message})
		}
	}
}

// warnUnsigned warns about a guest without a signature, which is accepted because
// guest.require_signature is false.
func (r *checkReport) warnUnsigned(file *config.File) {
	g := file.Guest
	if g.Path == "" || len(g.TrustedKeys) == 0 || g.RequireSignature {
		return
	}
	r.warnAt(file, fmt.Errorf("%w; it is accepted because guest.require_signature is false", signature.ErrMissing), "guest", "path")
}

// warnAt warns about what a key names.
func (r *checkReport) warnAt(file *config.File, problem error, key ...string) {
	r.Warnings++
	var at *config.Error
	f := finding{Severity: "warning", Kind: kindSetup, Message: problem.Error()}
	if errors.As(file.At(problem, key...), &at) {
		f.File, f.Line, f.Column, f.Key = at.File, at.Line, at.Column, at.Path
		f.text = "warning: " + at.Error()
	}
	r.Findings = append(r.Findings, f)
}

func (o *checkOptions) run(ctx context.Context, out io.Writer) error {
	if o.config == "" {
		return usagef("check: expected --config FILE, found none; edge/config/REFERENCE.md describes the file")
	}
	r := &checkReport{File: o.config, Findings: []finding{}}
	file, err := config.Load(o.config)
	r.fail(kindConfig, err)
	if err == nil {
		o.check(ctx, file, r)
	}
	r.OK = r.Errors == 0 && (r.Warnings == 0 || !o.strict)
	if err := o.write(out, r); err != nil {
		return err
	}
	if !r.OK {
		return fmt.Errorf("check: %s: %s, %s", o.config, plural(r.Errors, "error"), plural(r.Warnings, "warning"))
	}
	return nil
}

func plural(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return thousands(n) + " " + what + "s"
}

// check adds the findings about a file that has loaded without errors.
func (o *checkOptions) check(ctx context.Context, file *config.File, r *checkReport) {
	r.fail(kindConfig, errors.Join(file.CheckServe(), file.CheckEnvironment(), file.CheckGuest()))
	r.warn(file.Warnings())
	if r.Errors > 0 {
		return // the same errors would be reported again below
	}
	guest, signedBy, err := serve.ReadGuest(ctx, file)
	if err != nil {
		r.fail(kindConfig, file.At(err, "guest", "path"))
		return
	}
	if signedBy == "" {
		r.warnUnsigned(file)
	}
	r.written(file)
	// Given a guest, New does not fall back on the last good one if it is refused.
	s, err := serve.New(ctx, file, serve.Options{Logger: quietLogger(), Guest: guest})
	if err != nil {
		r.fail(kindSetup, err)
		return
	}
	defer func() { _ = s.Close() }() // nothing was served
	if s.Parts().Source != nil && (file.Directory.Source == "file" || o.online) {
		o.rows(ctx, file, s, r)
	}
	if o.online {
		o.servers(ctx, file, s.Parts(), r)
	}
}

// rows loads the directory and checks its rows.
func (o *checkOptions) rows(ctx context.Context, file *config.File, s *serve.Server, r *checkReport) {
	limited, cancel := context.WithTimeout(ctx, probeTimeout)
	defer cancel()
	if err := s.Parts().Source.Load(limited, s.Parts().Config.Directory); err != nil {
		kind := kindSetup
		if file.Directory.Source != "file" {
			kind = kindOnline
		}
		r.fail(kind, file.At(err, "directory"))
		return
	}
	r.warn(file.RowWarnings(s.Parts().Config.Directory))
	r.fail(kindSetup, file.At(s.CheckTenants(ctx), "media"))
}

func (o *checkOptions) write(out io.Writer, r *checkReport) error {
	if o.json {
		enc := newEncoder(out)
		enc.SetEscapeHTML(false)
		enc.SetIndent("", "  ")
		return enc.Encode(r)
	}
	for _, f := range r.Findings {
		if _, err := fmt.Fprintln(out, f.text); err != nil {
			return err
		}
	}
	if !r.OK {
		return nil
	}
	_, err := fmt.Fprintf(out, "%s: no errors, %s\n", r.File, plural(r.Warnings, "warning"))
	return err
}
